"""Whitening: a first layer after which the values of a patch are uncorrelated."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.testing import assert_close

from sklearn_digits import ConvNetClassifier
from sklearn_digits._images.whitening import whitening_kernels


def smooth_images(n_images=200, n_channels=3, side=9):
    """Return images whose neighbors and channels are correlated."""
    noise = torch.randn(
        n_images, n_channels, side + 3, side + 3, generator=torch.manual_seed(0)
    )
    images = functional.avg_pool2d(noise, 4, stride=1) * 4
    return images + images.mean(dim=1, keepdim=True)


def responses(images, kernels):
    return functional.conv2d(images, kernels).transpose(0, 1).flatten(1)


def test_responses_are_uncorrelated_and_of_variance_one():
    images = smooth_images()
    kernels = whitening_kernels(images)
    assert kernels.shape == (24, 3, 2, 2)
    found = torch.cov(responses(images, kernels[:12]))
    off_diagonal = found - torch.diag(found.diagonal())
    assert off_diagonal.abs().max() < 1e-3
    assert (found.diagonal() > 0.9).all()
    assert (found.diagonal() < 1.01).all()
    before = torch.corrcoef(functional.unfold(images, 2).transpose(0, 1).flatten(1))
    assert (before - torch.eye(12)).abs().max() > 0.5


def test_second_half_of_the_kernels_is_the_opposite_of_the_first():
    kernels = whitening_kernels(smooth_images())
    assert_close(kernels[12:], -kernels[:12])


def test_constant_pixels_have_finite_kernels():
    assert whitening_kernels(torch.zeros(3, 1, 4, 4)).isfinite().all()


@pytest.mark.parametrize(
    ("shape", "kernel"), [((1, 1), (1, 1)), ((1, 6), (1, 2)), ((5, 1), (2, 1))]
)
def test_a_patch_is_no_larger_than_the_image(shape, kernel):
    X = np.random.default_rng(0).random((12, *shape))
    model = ConvNetClassifier((4,), whitening=True, max_iter=1, random_state=0)
    model.fit(X, np.arange(12) % 2)
    assert model.module_[1].stages[0].weight.shape[2:] == kernel
    assert np.isfinite(model.predict_proba(X)).all()


def test_weighing_an_image_is_repeating_it():
    images = smooth_images(20)
    weight = torch.arange(20) % 3 + 1
    weighted = whitening_kernels(images, weight)
    repeated = whitening_kernels(images.repeat_interleave(weight, dim=0))
    assert_close(responses(images, weighted) ** 2, responses(images, repeated) ** 2)


def test_training_keeps_the_kernels_and_learns_their_biases():
    images = smooth_images(60).permute(0, 2, 3, 1).numpy()
    y = (images.mean(axis=(1, 2, 3)) > 0).astype(int)
    model = ConvNetClassifier((8,), whitening=True, max_iter=5, random_state=0)
    model.fit(images, y)
    layer = model.module_[1].stages[0]
    standardized = (torch.tensor(images) - model.pixel_mean_) / model.pixel_std_
    found = responses(standardized.permute(0, 3, 1, 2), layer.weight[:12])
    # Directions that hardly vary are not blown up to a variance of 1.
    assert_close(found.var(dim=1), torch.ones(12), atol=0.2, rtol=0)
    assert layer.bias.abs().min() > 0
    before = layer.weight.clone()
    model.partial_fit(images, y)
    assert_close(model.module_[1].stages[0].weight, before, atol=0, rtol=0)


def test_all_pixels_reach_the_first_stage():
    X = np.random.default_rng(0).random((8, 20, 24))
    plain, whitening = (
        ConvNetClassifier((4, 4), whitening=choice, max_iter=1, random_state=0)
        .fit(X, np.arange(8) % 2)
        .module_[1]
        .stages
        for choice in (False, True)
    )
    images = torch.zeros(1, 1, 20, 24)
    assert plain[:1](images).shape[2:] == (10, 12)
    assert whitening[:3](images).shape[2:] == (19, 23)
