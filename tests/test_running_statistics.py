"""Batch normalization predicts with statistics that its layers really had."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.testing import assert_close

from sklearn_digits import BatchNorm2d, ConvNetClassifier, ImageClassifier
from sklearn_digits._training.running_statistics import RunningStatistics

LAYERS = [nn.BatchNorm2d, BatchNorm2d]


def batches(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [3 + 2 * torch.randn(16, 4, 2, 2, generator=generator) for _ in range(n)]


def own_statistics(batch, kind):
    """Return mean and variance of a batch: torch's is the unbiased one."""
    correction = int(kind is nn.BatchNorm2d)
    return batch.mean(dim=(0, 2, 3)), batch.var(dim=(0, 2, 3), correction=correction)


@pytest.mark.parametrize("kind", LAYERS)
def test_at_first_the_statistics_are_the_mean_over_all_batches(kind):
    layer, seen = kind(4), []
    statistics = RunningStatistics(layer)
    for step, batch in enumerate(batches(8)):
        statistics.follow(step)
        layer(batch)
        seen.append(own_statistics(batch, kind))
        mean, var = (torch.stack(each).mean(dim=0) for each in zip(*seen, strict=True))
        assert_close(layer.running_mean, mean)
        assert_close(layer.running_var, var)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("momentum", [0.1, 0.3])
def test_later_on_they_are_torchs_moving_average(kind, momentum):
    layer, torchs = kind(4, momentum=momentum), nn.BatchNorm2d(4, momentum=momentum)
    statistics = RunningStatistics(layer)
    for step, batch in enumerate(batches(4), start=9):
        statistics.follow(step)
        layer(batch)
        torchs(batch)
    assert_close(layer.running_mean, torchs.running_mean)
    if kind is BatchNorm2d:  # 64 values of a channel in a batch
        torchs.running_var -= (torchs.running_var - (1 - momentum) ** 4) / 64
    assert_close(layer.running_var, torchs.running_var)


def test_layers_keep_their_own_momentum():
    module = nn.Sequential(nn.BatchNorm2d(4), BatchNorm2d(4, momentum=0.5))
    statistics = RunningStatistics(module)
    statistics.follow(0)
    assert [layer.momentum for layer in module] == [1, 1]
    statistics.follow(3)
    assert [layer.momentum for layer in module] == [0.25, 0.5]
    statistics.follow(100)
    assert [layer.momentum for layer in module] == [0.1, 0.5]
    statistics.follow(0)
    statistics.restore()
    assert [layer.momentum for layer in module] == [0.1, 0.5]


def test_layers_without_a_moving_average_stay_as_they_are():
    module = nn.Sequential(
        nn.BatchNorm2d(4, momentum=None),
        nn.BatchNorm2d(4, track_running_stats=False),
        nn.Linear(2, 2),
    )
    statistics = RunningStatistics(module)
    statistics.follow(0)
    assert not statistics.layers
    assert [layer.momentum for layer in module[:2]] == [None, 0.1]


@pytest.mark.parametrize("kind", LAYERS)
def test_computed_statistics_are_those_of_the_present_weights(kind):
    module = nn.Sequential(kind(4), nn.Dropout(0.5), nn.Conv2d(4, 3, 1), kind(3))
    for batch in batches(3):
        module(batch)
    new = batches(4, seed=1)
    weight = copy.deepcopy(module[2].weight)
    RunningStatistics(module).compute((batch, None) for batch in new)
    means = torch.stack([own_statistics(batch, kind)[0] for batch in new])
    assert_close(module[0].running_mean, means.mean(dim=0))
    inside = [module[2](module[0].train()(batch)) for batch in new]
    variances = torch.stack([own_statistics(batch, kind)[1] for batch in inside])
    assert_close(module[3].running_var, variances.mean(dim=0))
    assert_close(module[2].weight, weight, rtol=0, atol=0)
    assert not module[3].training
    assert module[3].momentum == 0.1


def test_computed_statistics_count_sample_weights():
    module = nn.Sequential(BatchNorm2d(4), nn.BatchNorm2d(4))
    (batch,) = batches(1)
    counts = torch.arange(16) % 3 + 1
    RunningStatistics(module).compute([(batch, counts.float())])
    repeated = batch[torch.arange(16).repeat_interleave(counts)]
    assert_close(module[0].running_mean, repeated.mean(dim=(0, 2, 3)))
    assert module[0].sample_weight is None
    assert not hasattr(module[1], "sample_weight")


class Torchs(ImageClassifier):
    """A network with batch normalization of torch's."""

    def build_module(self, n_features, n_classes):
        return nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(32 * 2 * 2, n_classes)),
        )


def digits(n):
    X, y = load_digits(return_X_y=True)
    return X[:n], y[:n]


def score_with_batch_statistics(model, X, y):
    """Return the accuracy of the same weights, normalized by the batch itself."""
    module = copy.deepcopy(model.module_).train()
    with torch.no_grad():
        logits = module(torch.tensor(X.reshape(-1, 1, 8, 8), dtype=torch.float32))
    return (logits.argmax(dim=1).numpy() == y).mean()


@pytest.mark.parametrize("kind", [ConvNetClassifier, Torchs])
@pytest.mark.parametrize("ema_decay", ["auto", None])
@pytest.mark.parametrize("max_iter", [1, 2, 4])
def test_a_short_fit_predicts_what_it_has_learned(kind, ema_decay, max_iter):
    X, y = digits(400)
    model = kind(max_iter=max_iter, random_state=0, ema_decay=ema_decay).fit(X, y)
    assert model.score(X, y) > score_with_batch_statistics(model, X, y) - 0.05


def test_two_epochs_on_500_digits_are_useful():
    X, y = digits(500)
    assert ConvNetClassifier(max_iter=2, random_state=0).fit(X, y).score(X, y) >= 0.5


@pytest.mark.parametrize("n_rows", [100, 400])
def test_calls_of_partial_fit_predict_what_they_have_learned(n_rows):
    X, y = digits(400)
    model = ConvNetClassifier(random_state=0)
    for start in (0, n_rows, 2 * n_rows):
        rows = np.arange(start, start + n_rows) % 400
        model.partial_fit(X[rows], y[rows], classes=np.arange(10))
        assert model.score(X, y) > score_with_batch_statistics(model, X, y) - 0.05


@pytest.mark.parametrize("kind", [ConvNetClassifier, Torchs])
def test_a_pickle_between_two_calls_changes_nothing(kind):
    X, y = digits(100)
    model = kind(random_state=0, batch_size=30).partial_fit(X, y, classes=np.arange(10))
    stored = pickle.loads(pickle.dumps(model))
    for each in (model, stored):
        each.partial_fit(X[:30], y[:30])
    assert np.array_equal(stored.predict_proba(X), model.predict_proba(X))


def test_a_warm_start_keeps_the_statistics_it_starts_from():
    X, y = digits(300)
    options = {"random_state": 0, "warm_start": True, "max_iter": 12}
    model = ConvNetClassifier(**options).fit(X, y)
    before = model.module_[1].stages[2].running_mean.clone()
    # Three steps that move no weight, on another kind of image.
    model.set_params(max_iter=1, learning_rate_init=1e-12, ema_decay=None)
    model.fit(16 - X, y)
    after = model.module_[1].stages[2].running_mean.clone()
    images = torch.tensor(16 - X, dtype=torch.float32).view(-1, 1, 8, 8)
    RunningStatistics(model.module_).compute([(images, None)])
    there = model.module_[1].stages[2].running_mean
    assert not torch.equal(after, before)
    # At a momentum of 0.1, three steps go 27 % of the way.
    assert (after - before).norm() < 0.4 * (there - before).norm()


def test_a_fit_leaves_no_layer_with_another_momentum():
    X, y = digits(60)
    model = Torchs(max_iter=1, random_state=0).fit(X, y)
    layers = [part for part in model.module_.modules() if hasattr(part, "momentum")]
    assert [layer.momentum for layer in layers] == [0.1, 0.1]
