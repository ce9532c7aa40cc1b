"""Flips and turns are allowed where they keep the class, and only there."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from sklearn_digits._images.linear_probe import sample_size, shrink
from sklearn_digits._images.survey import survey
from sklearn_digits._images.symmetry import SYMMETRIES

NONE = dict.fromkeys(SYMMETRIES, False)
ALL = dict.fromkeys(SYMMETRIES, True)


def kept_symmetries(images, target):
    return survey(images, target).symmetries


@pytest.fixture(scope="module")
def digits():
    digits = load_digits()
    return as_tensor(digits.images), torch.from_numpy(digits.target)


def as_tensor(images):
    return torch.from_numpy(np.asarray(images, dtype=np.float32))[:, None]


def coordinates(shape):
    return np.mgrid[: shape[0], : shape[1]] - (np.array(shape) - 1)[:, None, None] / 2


def blobs(n=300, shape=(12, 12), seed=0):
    """Return centered blobs of three widths: the width is the class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    distance = np.hypot(*coordinates(shape))
    width = np.array([1.5, 2.5, 4.0])[y, None, None]
    images = np.exp(-((distance / width) ** 2)) + rng.normal(0, 0.1, (n, *shape))
    return as_tensor(images.clip(0, 1)), torch.from_numpy(y)


def colors(n=300, seed=0):
    """Return noise of three colors: the strongest channel is the class."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 3, (n,), generator=generator)
    images = torch.randn(n, 3, 9, 9, generator=generator)
    images[torch.arange(n), y] += 0.7
    return images, y


def stripes(n=300, shape=(12, 12), seed=0):
    """Return waves along one axis: the axis is the class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    place = coordinates(shape)[y] * 1.5 + rng.uniform(0, 2 * np.pi, (n, 1, 1))
    return as_tensor(np.sin(place) + rng.normal(0, 0.3, place.shape)), torch.from_numpy(
        y
    )


def flipped_digits(digits):
    """Return digits of which half are mirrored: a mirrored 3 is a 3 here."""
    images, y = digits
    flip = torch.rand(len(y), generator=torch.Generator().manual_seed(0)) < 0.5
    images = torch.where(flip[:, None, None, None], images.flip(3), images)
    return images[:600], y[:600]


@pytest.mark.parametrize("seed", range(10))
def test_a_flipped_or_turned_digit_is_another_sign(seed, digits):
    images, y = digits
    rows = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))[:300]
    assert kept_symmetries(images[rows], y[rows]) == NONE


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("draw", [blobs, colors])
def test_what_has_no_direction_may_be_flipped_and_turned(draw, seed):
    assert kept_symmetries(*draw(seed=seed)) == ALL


@pytest.mark.parametrize("seed", range(3))
def test_classes_that_differ_by_direction_may_be_flipped_and_not_turned(seed):
    assert kept_symmetries(*stripes(seed=seed)) == {**ALL, "quarter_turns": False}


def test_digits_that_are_mirrored_at_random_may_be_mirrored(digits):
    kept = kept_symmetries(*flipped_digits(digits))
    assert kept == {**NONE, "horizontal_flip": True}


def test_classes_that_mirror_each_other_forbid_flips_however_many_others_do_not():
    rng = np.random.default_rng(0)
    n, y = 1200, np.arange(1200) % 12
    down, across = coordinates((12, 12))
    # Ten classes are blobs at different heights; two are arrows to the left and right.
    height, width = (y // 2 - 2)[:, None, None] * 2, 1.2 + y[:, None, None] % 2
    blob = np.exp(-(((down - height) ** 2 + across**2) / width**2))
    direction = np.where(y == 10, 1, -1)[:, None, None]
    arrow = np.exp(-((across - direction * (4 - 1.5 * np.abs(down))) ** 2))
    images = np.where((y >= 10)[:, None, None], arrow, blob)
    images += rng.normal(0, 0.1, images.shape)
    X, y = as_tensor(images), torch.from_numpy(y)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    X, y = X[order], y[order]
    assert not kept_symmetries(X, y)["horizontal_flip"]
    assert kept_symmetries(X[y < 10], y[y < 10])["horizontal_flip"]


def bars_and_signs(n, share, seed):
    """Return bars, crosses and rings, and rare signs to the left (3) and right (4)."""
    signs = np.zeros((5, 12, 12))
    signs[[0, 1, 3], 5:7, 2:10] = 1
    signs[1, 2:10, 5:7] = 1
    signs[2, 2:10, 2:10] = 1
    signs[2, 4:8, 4:8] = 0
    signs[3, 3:9, 2:4] = 1
    signs[4] = signs[3, :, ::-1]
    draw = np.random.default_rng(seed)
    y = draw.choice(5, n, p=[(1 - 2 * share) / 3] * 3 + [share] * 2)
    moved = [np.roll(signs[k], draw.integers(-1, 2, 2), (0, 1)) for k in y]
    return as_tensor(moved + draw.normal(0, 0.3, (n, 12, 12))), torch.from_numpy(y)


@pytest.mark.parametrize("seed", range(3))
def test_classes_that_mirror_each_other_forbid_flips_also_where_they_are_rare(seed):
    X, y = bars_and_signs(1000, 0.01, seed)
    assert not kept_symmetries(X, y)["horizontal_flip"]
    assert kept_symmetries(X[y < 3], y[y < 3])["horizontal_flip"]


def test_images_that_are_not_square_are_not_turned():
    assert kept_symmetries(*blobs(shape=(10, 14))) == {**ALL, "quarter_turns": False}


@pytest.mark.parametrize("background", [0.0, 0.3, 1.0, 100.1, 251.3])
@pytest.mark.parametrize("contrast", [-1.0, 0.1, 1.0])
def test_a_frame_of_one_shade_decides_nothing(background, contrast):
    """Pixels that are alike in all images have no spread but that of rounding."""
    for images, y, expected in ((*blobs(301), ALL), (*stripes(100), None)):
        framed = torch.nn.functional.pad(images - images.amin(), (8, 8, 8, 8))
        expected = expected or kept_symmetries(framed, y)
        assert kept_symmetries(background + contrast * framed, y) == expected


@pytest.mark.parametrize("scale", [-1, 1e-30, 1e-12, 255 / 16, 1e12, 1e36])
def test_the_scale_of_the_pixels_does_not_matter(scale, digits):
    images, y = colors()
    assert kept_symmetries(images * scale, y) == ALL
    images, y = flipped_digits(digits)
    expected = {**NONE, "horizontal_flip": True}
    assert kept_symmetries(images * scale, y) == expected


def test_labels_in_a_matrix_are_the_same_as_classes(digits):
    images, y = flipped_digits(digits)
    matrix = torch.nn.functional.one_hot(y)
    assert kept_symmetries(images, matrix) == kept_symmetries(images, y)
    assert kept_symmetries(images, matrix.float()) == kept_symmetries(images, y)
    images, y = blobs()
    several = torch.stack([y > 0, y > 1, y >= 0], dim=1).to(torch.int64)
    assert kept_symmetries(images, several) == ALL


def test_classes_without_images_change_nothing(digits):
    images, y = flipped_digits(digits)
    assert kept_symmetries(images, 3 * y + 5) == kept_symmetries(images, y)


def test_labels_at_random_allow_a_flip_only_by_chance(digits):
    images, generator = digits[0][:300], torch.Generator().manual_seed(0)
    allowed = [
        kept_symmetries(images, torch.randint(0, 3, (300,), generator=generator))
        for _ in range(10)
    ]
    assert sum(sum(kept.values()) for kept in allowed) <= 3  # of thirty


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_some_wrong_labels_change_nothing(share, digits):
    generator = torch.Generator().manual_seed(0)
    for (images, y), expected in ((digits, NONE), (blobs(1000), ALL)):
        drawn = y[torch.randperm(len(y), generator=generator)]
        wrong = torch.rand(len(y), generator=generator) < share
        assert kept_symmetries(images, torch.where(wrong, drawn, y)) == expected


@pytest.mark.parametrize("n", [1, 2, 5, 6, 7, 10])
def test_a_handful_of_images_allows_nothing(n):
    images, _ = blobs(n)
    assert kept_symmetries(images, torch.arange(n) % 2) == NONE
    assert kept_symmetries(images, torch.arange(n)) == NONE


def test_one_class_allows_nothing():
    images, y = blobs()
    assert kept_symmetries(images, torch.zeros_like(y)) == NONE


@pytest.mark.parametrize("value", [0.0, 0.1, 255.0])
def test_constant_images_allow_nothing(value):
    images, y = blobs()
    assert kept_symmetries(torch.full_like(images, value), y) == NONE


@pytest.mark.parametrize("scale", [1e38, 3e38, float("inf")])
def test_pixels_too_large_for_a_sum_get_an_answer(scale):
    images, y = blobs()
    assert set(kept_symmetries(images * scale, y)) == set(SYMMETRIES)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 5), (7, 2), (30, 45)])
def test_images_of_any_shape_are_judged(shape):
    images, y = blobs(60, shape)
    small = shrink(images)
    assert small.shape[2:] == (min(shape[0], 16), min(shape[1], 16))
    assert set(kept_symmetries(small, y)) == set(SYMMETRIES)


def test_the_answer_is_the_same_each_time_and_draws_no_number(digits):
    images, y = digits[0][:100].clone(), digits[1][:100]
    before = torch.get_rng_state()
    first = kept_symmetries(images, y)
    assert kept_symmetries(images, y) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(images, digits[0][:100])


def test_more_classes_need_more_images_up_to_a_limit():
    sizes = [sample_size(n) for n in (2, 10, 100, 200, 10_000)]
    assert sizes == sorted(sizes)
    assert sizes[0] == sizes[2] < sizes[3] < sizes[4]
    assert sizes[4] == sample_size(20_000)
