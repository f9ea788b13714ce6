"""One person's sample: picture and labels stay together."""

import dataclasses

import cv2
import numpy as np
import pytest

from hourglass_jax import geometry
from hourglass_jax.config import AugmentConfig
from hourglass_jax.data import augment, samples, schema
from hourglass_jax.skeleton import LSP

SIDE = 64
STILL = AugmentConfig(
    scale=0.0,
    rotation_limit=0.0,
    rotation_probability=0.0,
    flip_probability=0.0,
    colour=0.0,
)


@pytest.fixture
def dotted():
    """One person on grey, with a bright dot where each keypoint is."""
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid([150, 200, 250, 300], [140, 200, 260, 320]), -1)
    keypoints = grid.reshape(-1, 2)[:14] + rng.uniform(-9, 9, (14, 2))
    y, x = np.mgrid[:460, :450]
    picture = np.full((460, 450), 40.0)
    for kx, ky in keypoints:
        picture += 200 * np.exp(-((x - kx) ** 2 + (y - ky) ** 2) / (2 * 4.0**2))
    record = schema.make_record(
        np.repeat(np.rint(picture)[..., None], 3, -1).astype(np.uint8),
        keypoints_img=keypoints,
        visibility=np.array([2, 1] * 7),
        center_img=np.array([225.0, 230.0]),
        side_img=240.0,
        file="dots",
        person=0,
    )
    return record


def test_pictures_and_keypoints_move_together(dotted):
    make = samples.TrainingSample(
        skeleton=LSP,
        others=[dotted],
        augment=dataclasses.replace(AugmentConfig(colour=0.0), translation=0.05),
        size=(192, 192),
    )
    flips = 0
    for seed in range(12):
        sample = make(dotted, np.random.default_rng(seed))
        flips += sample["visibility"].tolist() != [2, 1] * 7
        for keypoint in sample["keypoints_crop"]:
            x, y = (int(v) for v in np.rint(keypoint))
            if not (8 <= x < 184 and 8 <= y < 184):
                continue
            part = sample["image"][y - 7 : y + 8, x - 7 : x + 8, 0].astype(float)
            part = np.maximum(part - 60, 0)  # the dot without what surrounds it
            rows, columns = np.indices(part.shape)
            found = np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()
            assert np.abs(found - 7 + (x, y) - keypoint).max() < 0.2
    assert 2 <= flips <= 10


def make_training_sample(record, augment):
    return samples.TrainingSample(
        skeleton=LSP, others=[record], augment=augment, size=(SIDE, SIDE)
    )


def test_half_a_body_fills_the_crop(dotted):
    augment = dataclasses.replace(STILL, half_body_probability=1.0)
    make = make_training_sample(dotted, augment)
    lower = np.arange(14) < 6
    for seed in range(6):
        sample = make(dotted, np.random.default_rng(seed))
        extents = []
        for half in (lower, ~lower):
            points = sample["keypoints_crop"][half & (sample["visibility"] > 0)]
            extents.append(np.ptp(points, axis=0).max())
        # The chosen half spans its padded box, or the smallest box there is.
        assert max(extents) <= SIDE / 1.25 + 1e-3 or min(extents) <= SIDE / 1.25
        assert any(extent == pytest.approx(SIDE / 1.25, rel=1e-4) for extent in extents)


def test_what_covers_a_keypoint_makes_it_occluded_and_nothing_else(dotted):
    augment = dataclasses.replace(
        STILL, occluder_probability=1.0, cutout_probability=1.0
    )
    plain = make_training_sample(dotted, STILL)
    cover = make_training_sample(dotted, augment)
    hidden = 0
    for seed in range(20):
        before = plain(dotted, np.random.default_rng(seed))
        after = cover(dotted, np.random.default_rng(seed))
        np.testing.assert_array_equal(after["keypoints_crop"], before["keypoints_crop"])
        changed = before["visibility"] != after["visibility"]
        assert (before["visibility"][changed] == 2).all()
        assert (after["visibility"][changed] == 1).all()
        hidden += changed.sum()
    # Of 140 visible ones; the two patches cover a twentieth of the crop each.
    assert 5 < hidden < 30


def test_a_flip_swaps_left_and_right(dotted):
    def sample(probability):
        augment = dataclasses.replace(STILL, flip_probability=probability)
        make = make_training_sample(dotted, augment)
        return make(dotted, np.random.default_rng(0))

    plain, flipped = sample(0.0), sample(1.0)
    left, right = LSP.keypoints.index("l_wrist"), LSP.keypoints.index("r_wrist")
    expected = plain["keypoints_crop"][left] * [-1, 1] + [SIDE - 1, 0]
    np.testing.assert_allclose(flipped["keypoints_crop"][right], expected, atol=1e-4)
    assert flipped["visibility"][right] == plain["visibility"][left]
    assert np.abs(flipped["image"] - plain["image"][:, ::-1].astype(int)).max() <= 1


def test_the_crop_does_not_depend_on_how_the_picture_is_stored(dotted):
    whole = schema.decode_picture(dotted["image"])
    half = cv2.resize(whole, None, None, 0.5, 0.5, cv2.INTER_AREA)
    smaller = geometry.resize_affine(
        half.shape[1] / whole.shape[1], half.shape[0] / whole.shape[0]
    )
    affine = geometry.crop_affine(np.array([225.0, 230.0]), 240.0, (96, 96))
    stored = geometry.compose(smaller, dotted["stored_from_img"])
    other = dotted | {
        "image": schema.encode_picture(half),
        "inner": b"",
        "stored_from_img": stored,
    }
    crops = [
        samples.crop_person(record, affine, (96, 96))["image"].astype(int)
        for record in (dotted, other)
    ]
    assert np.abs(crops[0] - crops[1]).max() <= 12


@pytest.fixture
def textured():
    """A person in a photograph of noise: every pixel tells where it is."""
    rng = np.random.default_rng(2)
    coarse = rng.integers(0, 256, (45, 60, 3), dtype=np.uint8)
    return schema.make_record(
        cv2.resize(coarse, (900, 660), interpolation=cv2.INTER_CUBIC),
        keypoints_img=np.zeros((14, 2)),
        visibility=np.zeros(14, np.uint8),
        center_img=np.array([430.0, 300.0]),
        side_img=260.0,
        file="noise",
        person=0,
    )


def affines(record, side):
    """Crops as training draws them, those that reach furthest among them."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        how = augment.draw_augmentation(rng, AugmentConfig())
        box = record["center_img"], record["side_img"]
        yield augment.augmented_affine(*box, (side, side), how)


@pytest.mark.parametrize("side", [192, 96])
def test_a_crop_is_the_same_from_either_picture(textured, side):
    """But for the last bit of the affine, which moves with the picture's corner."""
    whole = textured | {"inner": b""}
    smaller = differing = 0
    for affine in affines(textured, side):
        opened, _ = schema.open_picture(textured, affine, (side, side))
        full, _ = schema.open_picture(whole, affine, (side, side))
        smaller += opened.size < full.size
        crops = (
            samples.crop_person(record, affine, (side, side))["image"].astype(int)
            for record in (textured, whole)
        )
        errors = np.abs(np.subtract(*crops))
        assert errors.max() <= 1
        differing += np.count_nonzero(errors)
    assert smaller > 30  # most crops need the smaller one
    assert differing < 1e-4 * 60 * 3 * side**2


def test_at_the_edge_of_the_photograph_the_inner_picture_ends_with_it():
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (30, 30, 3), dtype=np.uint8)
    record = schema.make_record(
        cv2.resize(coarse, (420, 410), interpolation=cv2.INTER_CUBIC),
        keypoints_img=np.zeros((14, 2)),
        visibility=np.zeros(14, np.uint8),
        center_img=np.array([60.0, 50.0]),
        side_img=180.0,
        file="corner",
        person=0,
    )
    assert record["inner"]
    plain = geometry.crop_affine(np.array([60.0, 50.0]), 180.0, (128, 128))
    opened, _ = schema.open_picture(record, plain, (128, 128))
    assert opened.size < schema.decode_picture(record["image"]).size
    np.testing.assert_array_equal(
        samples.crop_person(record, plain, (128, 128))["image"],
        samples.crop_person(record | {"inner": b""}, plain, (128, 128))["image"],
    )


@pytest.mark.parametrize("shrink", [2, 4, 8])
def test_decoding_smaller_keeps_every_point_in_its_place(dotted, shrink):
    side = int(240 / (1.1 * shrink))
    affine = geometry.crop_affine(np.array([225.0, 230.0]), 240.0, (side, side))
    opened, crop_from_opened = schema.open_picture(dotted, affine, (side, side))
    whole = schema.decode_picture(dotted["image"])
    inner = schema.decode_picture(dotted["inner"]) if dotted["inner"] else whole
    assert opened.shape[0] in {-(-p.shape[0] // shrink) for p in (whole, inner)}
    smooth = cv2.GaussianBlur(whole, (0, 0), 0.4 * shrink)
    exact = cv2.warpAffine(
        smooth,
        geometry.compose(affine, geometry.invert(dotted["stored_from_img"])),
        (side, side),
    )
    crop = cv2.warpAffine(opened, crop_from_opened, (side, side))
    # Half a pixel off, the dots' flanks would differ by far more.
    inside = (slice(2, -2), slice(2, -2))
    errors = np.abs(crop.astype(int) - exact)[inside]
    assert errors.mean() < 1.5
