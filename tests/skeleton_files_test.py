import json
from pathlib import Path

import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.skeleton import COCO, LSP, MPII
from hourglass_jax.skeleton_files import (
    category_skeleton,
    read_skeleton,
)

DATA_PAGE = Path(__file__).parents[1] / "docs" / "data.md"
CAT = """
dataset_name = "cat"
sigmas = [0.02, 0.03, 0.03, 0.1]
torso = ["nose", "tail"]

[keypoint_info]
0 = {name = "nose", id = 0, color = [51, 153, 255], type = "upper", swap = ""}
1 = {name = "eye one", id = 1, color = [0, 255, 0], type = "upper", swap = "eye two"}
2 = {name = "eye two", id = 2, color = [255, 0, 0], type = "upper", swap = "eye one"}
3 = {name = "tail", id = 3, color = [9, 9, 9], type = "lower", swap = ""}

[skeleton_info]
0 = {link = ["nose", "eye one"], id = 0, color = [0, 255, 0]}
1 = {link = ["eye two", "nose"], id = 1, color = [0, 255, 0]}

[groups]
Head = ["nose", "eye one", "eye two"]
"""


def dataset_info(skeleton):
    """A built-in skeleton under the keys of mmpose."""
    names = skeleton.keypoints
    return {
        "dataset_name": skeleton.name,
        "paper_info": {"year": "2014"},
        "keypoint_info": {
            str(i): {
                "name": name,
                "id": i,
                "color": list(skeleton.colours[i]),
                "type": "",
                "swap": "" if skeleton.flip[i] == i else names[skeleton.flip[i]],
            }
            for i, name in enumerate(names)
        },
        "skeleton_info": {
            str(i): {"link": [names[a], names[b]], "id": i, "color": [0, 0, 0]}
            for i, (a, b) in enumerate(skeleton.limbs)
        },
        "joint_weights": [1.0] * len(names),
        "sigmas": list(skeleton.sigmas),
        "groups": {
            label: [names[i] for i in g] for label, g in skeleton.groups.items()
        },
    }


@pytest.fixture
def write(tmp_path):
    def write(content, name="skeleton.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_a_toml_file_says_everything(write):
    cat = read_skeleton(write(CAT, "cat.toml"))
    assert cat.name == "cat"
    assert cat.keypoints == ("nose", "eye one", "eye two", "tail")
    assert cat.flip == (0, 2, 1, 3)
    assert cat.limbs == ((0, 1), (2, 0))
    assert cat.colours == ((51, 153, 255), (0, 255, 0), (255, 0, 0), (9, 9, 9))
    assert cat.sigmas == (0.02, 0.03, 0.03, 0.1)
    assert cat.groups == {"Head": (0, 1, 2)}
    assert cat.torso == (0, 3)


def test_the_example_of_the_page_about_data_is_read(write):
    _, _, example = DATA_PAGE.read_text().partition("\n```toml\n")
    gull = read_skeleton(write(example.partition("```")[0], "gull.toml"))
    assert gull.name == "gull"
    assert gull.keypoints == ("beak", "wing a", "wing b", "tail")
    assert gull.flip == (0, 2, 1, 3)
    assert gull.limbs == ((0, 3), (1, 2))
    assert gull.groups == {"Ends": (0, 3), "Wings": (1, 2)}
    assert gull.torso == (0, 3)
    assert min(gull.sigmas) > 0
    assert len(set(gull.colours)) == 4


@pytest.mark.parametrize("skeleton", [MPII, LSP, COCO], ids=lambda s: s.name)
def test_built_in_skeletons_survive_as_files(write, skeleton):
    assert read_skeleton(write(dataset_info(skeleton))) == skeleton


def test_the_keys_may_lie_below_dataset_info(write):
    assert read_skeleton(write({"dataset_info": dataset_info(MPII)})) == MPII


def test_what_a_file_leaves_out_has_defaults(write):
    joints = ["root", "left_shoulder", "right_shoulder", "left_hip", "right_hip"]
    path = write({"keypoint_info": {str(i): {"name": n} for i, n in enumerate(joints)}})
    skeleton = read_skeleton(path)
    assert skeleton.name == "skeleton"
    assert skeleton.flip == (0, 2, 1, 4, 3)
    assert skeleton.limbs == ()
    assert skeleton.sigmas == (0,) * 5
    assert skeleton.torso == (1, 4)
    assert skeleton.groups == {"Root": (0,), "Shoulder": (1, 2), "Hip": (3, 4)}


def test_weights_that_have_no_effect_are_told(write, capsys):
    read_skeleton(write(dataset_info(MPII) | {"joint_weights": [1.5, *[1.0] * 15]}))
    assert "joint_weights are not used" in capsys.readouterr().err


def with_joint(i, **fields):
    info = dataset_info(COCO)
    info["keypoint_info"][str(i)] |= fields
    return info


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "skeleton.json is not JSON"),
        pytest.param("[" * 100_000, "skeleton.json is not JSON", id="deep"),
        ("[]", r"skeleton.json: \[\]; expected a table"),
        ({"keypoint_info": {}}, "keypoint_info: {}; expected at least one keypoint"),
        (dataset_info(COCO) | {"sigma": [1]}, "sigma: an unknown key; expected one of"),
        (dataset_info(COCO) | {"sigmas": [1.0]}, r"sigmas: \[1.0\]; expected 17 num"),
        (dataset_info(COCO) | {"sigmas": [float("nan")] * 17}, "sigmas: .*expected 17"),
        (dataset_info(COCO) | {"joint_weights": ["1"] * 17}, "joint_weights: .*17 num"),
        (dataset_info(COCO) | {"dataset_name": 3}, "dataset_name: 3; expected a text"),
        (dataset_info(COCO) | {"torso": ["nose"]}, "torso: .*expected two names"),
        (dataset_info(COCO) | {"groups": {"Head": ["hat"]}}, "groups.Head: 'hat'; exp"),
        (with_joint(3, name=""), "keypoint_info.3.name: ''; expected a text"),
        (with_joint(3, id=4), "keypoint_info.3.id: 4; expected 3"),
        (with_joint(3, swap="tail"), "keypoint_info.3.swap: 'tail'; expected the name"),
        (with_joint(3, swap=None), "keypoint_info.3.swap: None"),
        (with_joint(3, swp=""), "keypoint_info.3.swp: an unknown key"),
        (with_joint(3, color=[0, 0, 256]), "keypoint_info.3.color: .*in 0..255"),
        (with_joint(3, swap=""), "expected partners of each other"),
        (
            dataset_info(COCO) | {"skeleton_info": {"0": {"link": ["nose", "tail"]}}},
            "skeleton_info.0.link: 'tail'; expected names in keypoint_info",
        ),
        (
            dataset_info(COCO) | {"keypoint_info": {"1": {"name": "nose"}}},
            "keypoint_info: .*expected keys that count from 0",
        ),
        (
            {"keypoint_info": {"0": {"name": "left_eye", "swap": ""}}},
            "left_eye has no partner; expected right_eye",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(write, content, message):
    with pytest.raises(InputError, match=message) as raised:
        read_skeleton(write(content))
    assert "skeleton.json" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="no.toml cannot be read"):
        read_skeleton(tmp_path / "no.toml")


@pytest.mark.parametrize(
    "spell",
    [
        str.upper,
        lambda name: name.replace("_", " ").title(),
        lambda name: name.replace("left_", "l-").replace("right_", "r-"),
        lambda name: "_".join(reversed(name.split("_"))),
    ],
)
def test_coco_in_any_spelling_and_order_is_coco(spell):
    order = [3, *range(3), *range(4, 17)]
    names = [spell(COCO.keypoints[i]) for i in order]
    skeleton = category_skeleton("here", {"name": "person", "keypoints": names})
    assert skeleton.sigmas == tuple(COCO.sigmas[i] for i in order)
    limbs = {frozenset(names[i] for i in limb) for limb in skeleton.limbs}
    assert limbs == {
        frozenset(spell(COCO.keypoints[i]) for i in limb) for limb in COCO.limbs
    }
    assert [names[i] for i in skeleton.torso] == [spell("left_shoulder"), names[12]]
    assert list(skeleton.groups) == list(COCO.groups)
    assert {names[i] for i in skeleton.groups["Knee"]} == {
        *(spell("left_knee"), spell("right_knee"))
    }


def test_a_category_has_pairs_that_count_from_one():
    hand = {"name": "hand", "keypoints": ["palm", "tip"], "skeleton": [[1, 2]]}
    skeleton = category_skeleton("here", hand)
    assert skeleton.limbs == ((0, 1),)
    assert skeleton.sigmas == (0,) * 2
    assert skeleton.torso is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"skeleton": [[0, 1]]}, r"skeleton: \[0, 1\]; expected pairs .* 1 to 2"),
        ({"skeleton": [[1, 3]]}, r"skeleton: \[1, 3\]"),
        ({"skeleton": [[1, True]]}, "skeleton: .*True"),
        ({"skeleton": 7}, "skeleton: 7"),
        ({"keypoints": ["palm", None]}, "keypoints: .*expected a list of names"),
        ({"keypoints": "palm"}, "keypoints: 'palm'"),
        ({"keypoints": ["palm", "palm"]}, "2 keypoints are called palm"),
        ({"keypoints": ["palm", "l_tip"]}, "l_tip has no partner; expected r_tip"),
    ],
)
def test_a_category_that_cannot_be_meant_is_refused(fields, message):
    hand = {"name": "hand", "keypoints": ["palm", "tip"]}
    with pytest.raises(InputError, match=f"^here.*{message}"):
        category_skeleton("here", hand | fields)
