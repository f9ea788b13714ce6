"""Tables that programs keep in pages that people write."""

from pathlib import Path

from hourglass_jax.files import write_whole

END = "<!-- end -->"


def put_table(page: Path, table: str, name: str) -> None:
    """Replace what a page has between the mark of this name and the next end.

    Raises SystemExit where the page has no such mark.
    """
    if f"<!-- {name} -->" not in page.read_text():
        raise SystemExit(f"{page} has no place for it: write <!-- {name} --> {END}")
    before, rest = page.read_text().split(f"<!-- {name} -->")
    after = rest.split(END, 1)[1]
    write_whole(page, f"{before}<!-- {name} -->\n{table}{END}{after}".encode())
