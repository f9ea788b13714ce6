import numpy as np

from hourglass_jax.evaluation.answers import Answers
from hourglass_jax.evaluation.gallery import choose_worst
from hourglass_jax.skeleton import LSP


def answers(visibility):
    people, keypoints = visibility.shape
    zeros = np.zeros((people, keypoints, 2))
    return Answers(
        skeleton=LSP,
        found=zeros,
        scores=np.ones((people, keypoints)),
        truth=zeros,
        visibility=visibility,
        sides=np.ones(people),
        head_sizes=np.zeros(people),
        areas=np.zeros(people),
    )


def test_the_worst_come_first_and_unlabelled_keypoints_do_not_count():
    visibility = np.full((4, 14), 2)
    visibility[2, 7:] = 0
    similarity = np.full((4, 14), 0.9)
    similarity[1] = 0.2
    similarity[2, :7], similarity[2, 7:] = 0.5, 0.0
    assert choose_worst(answers(visibility), similarity, 3).tolist() == [1, 2, 0]


def test_people_with_few_labels_are_left_out():
    visibility = np.full((3, 14), 2)
    visibility[0, 6:] = 0
    similarity = np.zeros((3, 14))
    assert choose_worst(answers(visibility), similarity, 3).tolist() == [1, 2]
