import numpy as np
import pytest
import torch

from sklearn_digits._classifiers.mlp import MLP
from sklearn_digits._training.backpropagation import ACTIVATE, Backpropagation
from sklearn_digits._training.loss import LogLoss

N_FEATURES = 6


def both_ways(activation, target, n_outputs, hidden=(5, 4), weight=None, alpha=0.0):
    """Return loss, logits and gradients, by hand and by autograd."""
    torch.manual_seed(0)
    multilabel, binary = target.ndim == 2, n_outputs == 1
    module = MLP(
        [N_FEATURES, *hidden, n_outputs], activation, [0.0] * len(hidden), binary
    ).double()
    x = torch.randn(len(target), N_FEATURES, dtype=torch.float64)
    logits = module(x)
    loss = LogLoss(multilabel)(logits, target, weight)
    penalty = sum(layer.weight.square().sum() for layer in module.linear_layers())
    (loss + alpha / 2 * penalty).backward()
    expected = [parameter.grad for parameter in module.parameters()]
    module.zero_grad()
    by_hand = Backpropagation(module.linear_layers(), activation, binary, multilabel)
    result, own_logits = by_hand(x, target, weight, alpha)
    gradients = [parameter.grad for parameter in module.parameters()]
    return (result, own_logits, gradients), (
        (loss + alpha / 2 * penalty).item(),
        logits.detach(),
        expected,
    )


def targets(kind):
    if kind == "multilabel":
        return torch.randint(2, (9, 3)).double(), 3
    n_classes = {"binary": 2, "multiclass": 4}[kind]
    return torch.arange(9) % n_classes, 1 if kind == "binary" else n_classes


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("activation", ACTIVATE)
def test_loss_and_gradients_are_those_of_autograd(activation, kind, weighted, alpha):
    target, n_outputs = targets(kind)
    weight = torch.linspace(0.5, 3, 9, dtype=torch.float64) if weighted else None
    ours, theirs = both_ways(activation, target, n_outputs, weight=weight, alpha=alpha)
    assert ours[0].item() == pytest.approx(theirs[0], rel=1e-12)
    torch.testing.assert_close(ours[1], theirs[1], rtol=1e-12, atol=1e-14)
    for mine, other in zip(ours[2], theirs[2], strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("hidden", [(), (7,), (7, 6, 5)])
def test_any_number_of_layers_is_differentiated(hidden):
    ours, theirs = both_ways("tanh", *targets("multiclass"), hidden=hidden)
    assert len(ours[2]) == 2 * (len(hidden) + 1)
    for mine, other in zip(ours[2], theirs[2], strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-14)


def test_logits_too_large_for_the_exponential_have_a_finite_loss():
    module = MLP([1, 2], "relu", [], False)
    with torch.no_grad():
        module.linear_layers()[0].weight.copy_(torch.tensor([[1e4], [-1e4]]))
    step = Backpropagation(module.linear_layers(), "relu", False, False)
    loss, logits = step(torch.ones(1, 1), torch.tensor([1]), None, 0.0)
    assert loss.item() == pytest.approx(2e4, rel=1e-3)
    assert np.isfinite(logits.numpy()).all()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())


def test_precision_of_the_weights_is_kept():
    module = MLP([3, 4, 2], "relu", [0.0], False)
    step = Backpropagation(module.linear_layers(), "relu", False, False)
    _, logits = step(torch.ones(5, 3), torch.zeros(5, dtype=torch.int64), None, 0.1)
    assert logits.dtype == torch.float32
    assert {p.grad.dtype for p in module.parameters()} == {torch.float32}


def test_weights_that_change_are_seen_by_the_next_step():
    module = MLP([3, 2], "relu", [], False)
    step = Backpropagation(module.linear_layers(), "relu", False, False)
    batch = torch.ones(5, 3), torch.zeros(5, dtype=torch.int64), None, 0.0
    before, _ = step(*batch)
    torch.optim.SGD(module.parameters(), lr=1.0).step()
    after, logits = step(*batch)
    assert after < before
    torch.testing.assert_close(logits, module(batch[0]).detach())
