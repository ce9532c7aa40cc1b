"""The layers against torch's own, and weights against repeated rows."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sklearn_digits._training.layers import BatchNorm2d, Dropout


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def dropped(x, p=0.5, seed=0):
    layer = Dropout(p)
    layer.generator = generator(seed)
    return layer(x)


def test_dropout_changes_nothing_in_evaluation():
    x = torch.ones(50)
    assert Dropout(0.5).eval()(x) is x


def test_dropout_of_nothing_draws_nothing():
    layer = Dropout(0)
    layer.generator = generator()
    x = torch.ones(50)
    assert layer(x) is x
    assert torch.equal(layer.generator.get_state(), generator().get_state())


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_drops_its_share_and_keeps_the_mean(p):
    n = 100_000
    y = dropped(torch.ones(n), p)
    deviation = (p * (1 - p) / n) ** 0.5
    assert abs((y == 0).float().mean() - p) < 5 * deviation
    assert abs(y.mean() - 1) < 5 * deviation / (1 - p)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_dropout_scales_what_it_keeps_in_every_precision(dtype):
    x = torch.linspace(1, 2, 1000, dtype=dtype)
    y = dropped(x, 0.25)
    assert y.dtype == dtype
    kept = y != 0
    assert 0 < kept.sum() < 1000
    assert_close(y[kept], (x / 0.75)[kept])
    assert_close(x, torch.linspace(1, 2, 1000, dtype=dtype))


def test_the_mask_is_the_generators():
    x = torch.ones(100)
    assert torch.equal(dropped(x, seed=3), dropped(x, seed=3))
    assert not torch.equal(dropped(x, seed=3), dropped(x, seed=4))
    layer = Dropout(0.5)
    layer.generator = generator()
    assert not torch.equal(layer(x), layer(x))


def test_dropout_leaves_torchs_generator_alone():
    before = torch.get_rng_state()
    dropped(torch.ones(100))
    assert torch.equal(torch.get_rng_state(), before)


def test_gradients_pass_through_the_same_mask():
    x = torch.ones(100, requires_grad=True)
    y = dropped(x)
    y.sum().backward()
    assert_close(x.grad, y.detach())


@pytest.mark.parametrize("p", [1, 1.5, -0.1, float("nan")])
def test_dropping_everything_or_nonsense_is_refused(p):
    with pytest.raises(ValueError, match=rf"p must be in \[0, 1\), got {p!r}\."):
        Dropout(p)


def test_the_repr_of_dropout_names_its_share():
    assert repr(Dropout(0.25)) == "Dropout(p=0.25)"


def batch(n=6, n_channels=3, side=4, seed=0):
    x = torch.randn(
        n, n_channels, side, side, dtype=torch.float64, generator=generator(seed)
    )
    return x * 2 + torch.arange(n_channels).view(-1, 1, 1)


def norm(kind=BatchNorm2d, n_channels=3, **kwargs):
    """Return a layer whose parameters and statistics are not the initial ones."""
    layer = kind(n_channels, **kwargs).double()
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(0.5, 2, n_channels))
        layer.bias.copy_(torch.linspace(-1, 1, n_channels))
        layer.running_mean.copy_(torch.linspace(0, 1, n_channels))
        layer.running_var.copy_(torch.linspace(1, 3, n_channels))
    return layer


def assert_same_statistics(ours, theirs, **tolerance):
    assert_close(ours.running_mean, theirs.running_mean, **tolerance)
    assert_close(ours.running_var, theirs.running_var, **tolerance)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.3, "eps": 0.1}])
def test_without_weights_it_is_torchs_batch_norm(training, options):
    ours, theirs = norm(**options), norm(nn.BatchNorm2d, **options)
    gradients = []
    for layer in (ours, theirs):
        layer.train(training)
        x = batch().requires_grad_()
        y = layer(x)
        y.pow(3).sum().backward()
        gradients.append([y, x.grad, layer.weight.grad, layer.bias.grad])
    assert_close(*gradients)
    if training:  # torch divides by one value less than the 96 of a channel
        seen = theirs.running_var - (1 - ours.momentum) * norm().running_var
        theirs.running_var -= seen / 96
    assert_same_statistics(ours, theirs)


def test_a_new_layer_has_the_parameters_and_statistics_of_torchs():
    theirs = nn.BatchNorm2d(3).state_dict()
    del theirs["num_batches_tracked"]
    assert_close(dict(BatchNorm2d(3).state_dict()), dict(theirs))


def weighted_pass(layer, x, weight):
    """Train one step on a weighted mean; return outputs and the gradient of `x`."""
    x = x.clone().requires_grad_()
    y = layer(x)
    loss = y.pow(3).flatten(1).sum(dim=1)
    (torch.dot(loss, weight) / weight.sum()).backward()
    return y.detach(), x.grad


@pytest.mark.parametrize("side", [1, 4])
@pytest.mark.parametrize("counts", [[1] * 6, [2] * 6, [3, 1, 2, 1, 5, 1]])
def test_a_weighted_row_is_a_repeated_row(counts, side):
    exactly = {"rtol": 1e-9, "atol": 1e-9}
    counts = torch.tensor(counts)
    x = batch(side=side)
    weighted, repeated = norm(), norm()
    weighted.sample_weight = counts.double()
    y, gradient = weighted_pass(weighted, x, counts.double())
    rows = torch.arange(6).repeat_interleave(counts)
    one_each = torch.ones(len(rows), dtype=torch.float64)
    all_y, all_gradients = weighted_pass(repeated, x[rows], one_each)

    assert_close(y[rows], all_y, **exactly)
    assert_same_statistics(weighted, repeated, **exactly)
    assert_close(weighted.weight.grad, repeated.weight.grad, **exactly)
    assert_close(weighted.bias.grad, repeated.bias.grad, **exactly)
    summed = torch.zeros_like(x).index_add(0, rows, all_gradients)
    assert_close(gradient, summed, **exactly)


def test_output_does_not_depend_on_the_scale_of_the_weights():
    weight = torch.tensor([1.0, 2, 3, 1, 2, 3], dtype=torch.float64)
    outputs = []
    for factor in (1e-6, 1, 1e6):
        layer = norm()
        layer.sample_weight = weight * factor
        outputs.append(layer(batch()))
    assert_close(outputs[0], outputs[1])
    assert_close(outputs[2], outputs[1])


@pytest.mark.parametrize("weight", [1e-6, 1 / 96, 1, 1e3])
def test_the_running_variance_does_not_depend_on_the_scale_of_weights(weight):
    # Boosting and many users give weights that add up to 1 over the whole data set.
    layer = norm(momentum=1.0)
    layer.sample_weight = torch.full((6,), weight, dtype=torch.float64)
    layer(batch())
    assert_close(layer.running_var, batch().var(dim=(0, 2, 3), correction=0))


def test_weights_count_in_training_alone():
    weighted, plain = norm().eval(), norm().eval()
    weighted.sample_weight = torch.arange(1.0, 7, dtype=torch.float64)
    assert_close(weighted(batch()), plain(batch()))
    assert_same_statistics(weighted, norm())


@pytest.mark.parametrize("weight", [None, [2.0]])
def test_a_single_value_is_normalized_with_the_running_statistics(weight):
    layer = norm()
    layer.sample_weight = None if weight is None else torch.tensor(weight).double()
    x = batch(n=1, side=1)
    assert_close(layer(x), copy.deepcopy(layer).eval()(x))
    assert_same_statistics(layer, norm())


def test_bfloat16_activations_are_normalized_with_weights_as_without():
    x = batch(n=64).bfloat16()
    weighted, plain = norm().float(), norm().float()
    weighted.sample_weight = torch.ones(64)
    assert_close(weighted(x).float(), plain(x).float(), rtol=0.05, atol=0.05)
    assert weighted.running_var.dtype == torch.float32
    assert_same_statistics(weighted, plain, rtol=0.01, atol=0.01)
