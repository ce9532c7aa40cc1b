import copy
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from sklearn_digits import ConvNetClassifier, MLPClassifier
from sklearn_digits._training.averaging import AveragedWeights

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def test_averaged_weights_follow_their_formula():
    module = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    average = AveragedWeights(module, 0.5)
    expected = module[0].weight.item()
    for step in range(12):
        with torch.no_grad():
            module[0].weight += 1
            module[1].running_mean += 2
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * module[0].weight.item()
    assert average.module[0].weight.item() == pytest.approx(expected)
    assert 0 < average.module[1].running_mean.item() < 24


def test_tied_weights_are_averaged_as_often_as_others():
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].weight = module[0].weight
    average = AveragedWeights(module, 0.9)
    before = copy.deepcopy(average.module)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 1
    average.update()
    assert average.module[1].weight is average.module[0].weight
    for old, new in zip(before, average.module, strict=True):
        torch.testing.assert_close(new.weight - old.weight, torch.full((3, 3), 0.9))


def calls_in_a_fit(estimator, n_rows):
    """Count the Python-level calls, those into C included, of one fit."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 255, (n_rows, 64), dtype=np.uint8), np.arange(n_rows) % 10
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        estimator.fit(X, y)
    finally:
        sys.setprofile(None)
    return calls


class HostReads(TorchDispatchMode):
    """Counts how often a tensor's value is read into Python."""

    n_reads = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.n_reads += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


ONE_EPOCH = [
    MLPClassifier(max_iter=1, n_iter_no_change=np.inf),
    ConvNetClassifier(channels=(4,), max_iter=1),
]


@pytest.mark.parametrize("estimator", ONE_EPOCH)
def test_losses_are_read_by_the_epoch_and_never_by_the_batch(estimator):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 255, (1200, 64), dtype=np.uint8), np.arange(1200) % 10
    reads = {}
    for n_batches in (1, 2, 20):
        with HostReads() as mode:
            estimator.set_params(batch_size=1200 // n_batches).fit(X, y)
        reads[n_batches] = mode.n_reads
    assert 0 < reads[1] == reads[2] == reads[20]


@pytest.mark.parametrize("estimator", ONE_EPOCH)
def test_python_is_called_by_the_batch_and_never_by_the_row(estimator):
    few_rows, many_rows, batch = 600, 6000, 300
    calls_in_a_fit(estimator, few_rows)  # what the first fit imports
    one_batch, *_, ten_times = (
        calls_in_a_fit(estimator.set_params(batch_size=size), n_rows)
        for n_rows, size in ((few_rows, few_rows), (many_rows, many_rows))
    )
    assert ten_times < one_batch + 300  # as many batches, ten times the rows
    many_batches = calls_in_a_fit(estimator.set_params(batch_size=batch), many_rows)
    n_more = many_rows // batch - 1
    assert (many_batches - ten_times) / n_more < 1200
