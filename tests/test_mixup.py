"""Blends of rows: their parts, their labels, their weights."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from sklearn_digits import ConvNetClassifier
from sklearn_digits._training.loss import LogLoss
from sklearn_digits._training.mixup import mix_rows


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def mixed(n=400, share=0.6, weight=None, seed=0):
    """Mix rows of one number, its own position; the label is the position, too."""
    inputs = torch.arange(n, dtype=torch.float64).view(n, 1, 1, 1)
    return mix_rows(inputs, torch.arange(n), weight, share, n, generator(seed))


def test_a_label_is_blended_as_its_image_is():
    inputs, target, weight = mixed()
    places = torch.arange(400, dtype=torch.float64)
    assert weight is None
    assert_close(target @ places, inputs.flatten())
    assert_close(target.sum(dim=1), torch.ones(400, dtype=torch.float64))


def test_a_share_of_the_rows_is_blended_and_at_most_one_half_is_another_row():
    _, target, _ = mixed(n=4000)
    own = target.diagonal()
    blended = own < 1
    assert 0.55 < blended.double().mean() < 0.65
    assert own.min() >= 0.5
    assert_close(own[blended].mean().item(), 0.75, rtol=0, atol=0.02)


def test_no_share_changes_nothing():
    inputs, target, _ = mixed(share=0.0)
    assert_close(inputs.flatten(), torch.arange(400, dtype=torch.float64))
    assert_close(target, torch.eye(400, dtype=torch.float64))


def test_the_loss_of_a_blend_is_the_blend_of_weighted_losses():
    rng = generator(3)
    logits = torch.randn(50, 50, generator=rng, dtype=torch.float64)
    weight = torch.rand(50, generator=rng, dtype=torch.float64) + 0.1
    _, shares, _ = mixed(50)  # the same draws, without weights
    _, target, blended = mixed(50, weight=weight)
    each = -logits.log_softmax(dim=1)
    expected = (shares * weight * each).sum() / (shares @ weight).sum()
    assert_close(LogLoss()(logits, target, blended), expected)


def test_an_indicator_matrix_is_blended():
    labels = torch.tensor([[0, 1, 1], [1, 0, 1]]).repeat(20, 1)
    inputs = torch.zeros(40, 1, 2, 2)
    _, target, _ = mix_rows(inputs, labels, None, 1.0, 3, generator())
    assert target.dtype == inputs.dtype
    assert_close(target[:, 2], torch.ones(40))
    assert_close(target[:, 0] + target[:, 1], torch.ones(40))
    assert ((target[:, 0] > 0) & (target[:, 0] < 1)).any()


@pytest.mark.parametrize("mixup", [0.3, 1])
def test_a_fit_blends_as_many_images_as_told(mixup):
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 8, 8)), np.arange(40) % 4
    params = {"channels": (4,), "max_iter": 2, "random_state": 0}
    plain, other, again = (
        ConvNetClassifier(mixup=share, **params).fit(X, y)
        for share in (0.0, mixup, mixup)
    )
    assert other.mixup_ == mixup
    assert other.loss_curve_ == again.loss_curve_
    assert other.loss_curve_ != plain.loss_curve_
