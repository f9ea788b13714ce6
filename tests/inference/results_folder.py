"""What lies in a folder of results."""

import json


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".jsonl")


def answers(folder):
    return {
        path.name: json.loads(path.read_text())["people"]
        for path in folder.glob("*.json")
    }
