"""Large images become small ones, and are still read as they come."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from sklearn_digits import ConvNetClassifier
from sklearn_digits._images.reduction import reduce_images


def ramp(height, width):
    return torch.arange(height * width, dtype=torch.float64).view(1, 1, height, width)


@pytest.mark.parametrize(
    ("shape", "reduced"),
    [
        ((64, 64), (64, 64)),
        ((128, 128), (64, 64)),
        ((65, 64), (33, 32)),
        ((300, 300), (60, 60)),
        ((32, 128), (32, 128)),
        ((1, 4000), (1, 4000)),
        ((1, 20_000), (1, 3334)),
    ],
)
def test_images_have_at_most_as_many_pixels_as_the_largest_square(shape, reduced):
    images = reduce_images(ramp(*shape), 64)
    assert images.shape[2:] == reduced
    assert reduce_images(images, 64) is images
    assert reduced[0] * reduced[1] <= 64 * 64


def test_pixels_of_a_reduced_image_are_means_also_at_its_ends():
    images = ramp(5, 6)
    reduced = reduce_images(images, 3)
    assert reduced.shape == (1, 1, 3, 3)
    assert_close(reduced[0, 0, 0, 0], images[0, 0, :2, :2].mean())
    assert_close(reduced[0, 0, 2, 2], images[0, 0, 4:, 4:].mean())


def test_no_largest_side_leaves_images_alone():
    images = ramp(90, 90)
    assert reduce_images(images, None) is images


@pytest.fixture(scope="module")
def squares():
    """Images of 90×90 pixels whose class is the bright quarter."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 100, (48, 90, 90), dtype=np.uint8), np.arange(48) % 4
    for image, quarter in zip(X, y, strict=True):
        row, column = 45 * (quarter // 2), 45 * (quarter % 2)
        image[row : row + 45, column : column + 45] += 100
    return X, y


def test_a_network_reads_large_images_as_it_reads_reduced_ones(squares):
    X, y = squares
    params = {"channels": (4, 8), "max_iter": 3, "random_state": 0}
    large = ConvNetClassifier(**params).fit(X, y)
    pixels = torch.from_numpy(X)[:, None].float()
    small = reduce_images(pixels, 64).squeeze(1).numpy()
    assert small.shape == (48, 45, 45)
    by_hand = ConvNetClassifier(**params).fit(small, y)
    np.testing.assert_allclose(
        large.predict_proba(X), by_hand.predict_proba(small), atol=0.05
    )
    with torch.inference_mode():
        logits = large.module_(pixels)
    np.testing.assert_allclose(large.decision_function(X), logits, atol=1e-4)
    assert large.transform(X).shape == (48, 4 * 9 + 2 * 8)


def test_the_side_may_be_set(squares):
    X, y = squares
    params = {"channels": (4,), "max_iter": 1, "random_state": 0}
    sides = {
        side: ConvNetClassifier(largest_side=side, **params).fit(X, y)._row_flops
        for side in (None, 90, 45, 30)
    }
    assert sides[None] == sides[90] > sides[45] > sides[30]


def test_a_side_that_is_set_after_the_fit_changes_nothing(squares):
    X, y = squares
    model = ConvNetClassifier(channels=(4,), max_iter=1, random_state=0).fit(X, y)
    before = model.predict_proba(X)
    model.set_params(largest_side=10)
    assert np.array_equal(model.predict_proba(X), before)
