import json

import numpy as np

from hourglass_jax.inference.results import Pose
from hourglass_jax.skeleton import LSP


def test_a_pose_as_json_reads_back_to_the_same_floats():
    rng = np.random.default_rng(0)
    pose = Pose(
        keypoints=rng.uniform(-10, 1000, (14, 2)).astype(np.float32),
        scores=rng.uniform(0, 1, 14).astype(np.float32),
        box=rng.uniform(0, 1000, 4),
        skeleton=LSP,
    )
    text = json.dumps(pose.to_dict())
    read = json.loads(text)
    np.testing.assert_array_equal(np.float32(read["keypoints"]), pose.keypoints)
    np.testing.assert_array_equal(np.float32(read["scores"]), pose.scores)
    np.testing.assert_array_equal(read["box"], pose.box)
    assert read["names"] == list(LSP.keypoints)
    assert read["skeleton"] == "lsp"
    longest = max(len(str(x)) for point in read["keypoints"] for x in point)
    assert longest <= 10  # not 123.45600128173828
