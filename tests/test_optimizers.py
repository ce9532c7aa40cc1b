import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from sklearn_digits._training.optimizers import SGD, Adam, AdamW, Muon, orthogonal


def walk(optimizer, n_steps=7, **params):
    """Return where a made-up sequence of gradients leads."""
    generator = torch.Generator().manual_seed(0)
    start = [
        torch.randn(size, generator=generator, dtype=torch.float64)
        for size in ((4, 3), (4,))
    ]
    weights = [torch.nn.Parameter(tensor) for tensor in start]
    optimizer = optimizer(weights, **params)
    for _ in range(n_steps):
        for weight in weights:
            weight.grad = torch.randn(
                weight.shape, generator=generator, dtype=torch.float64
            )
        optimizer.step()
    return [weight.detach() for weight in weights]


def in_groups(optimizer):
    """Return what builds an optimizer that decays the first of two weights."""

    def build(weights, **params):
        decays = zip(weights, (0.3, 0.0), strict=True)
        groups = [{"params": [w], "weight_decay": decay} for w, decay in decays]
        return optimizer(groups, **params)

    return build


class Sklearns:
    """An optimizer of scikit-learn with torch's interface."""

    def __init__(self, weights, kind, **params):
        self.weights = weights
        self.arrays = [weight.detach().numpy() for weight in weights]
        self.optimizer = kind(self.arrays, **params)

    def step(self):
        self.optimizer.update_params(
            self.arrays, [weight.grad.numpy() for weight in self.weights]
        )


def assert_same(ours, theirs, rtol=1e-12):
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=rtol, atol=0)


@pytest.mark.parametrize("epsilon", [1e-8, 0.1])
def test_adam_is_scikit_learns(epsilon):
    ours = walk(Adam, lr=0.01, betas=(0.8, 0.95), eps=epsilon)
    theirs = walk(
        Sklearns,
        kind=AdamOptimizer,
        learning_rate_init=0.01,
        beta_1=0.8,
        beta_2=0.95,
        epsilon=epsilon,
    )
    assert_same(ours, theirs)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_both_are_torchs_but_for_where_epsilon_stands(name):
    ours = {"Adam": Adam, "AdamW": AdamW}
    params = {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-14}
    weights = walk(in_groups(ours.pop(name)), **params)
    assert_same(weights, walk(in_groups(getattr(torch.optim, name)), **params))
    (other,) = ours.values()
    assert not torch.equal(weights[0], walk(in_groups(other), **params)[0])


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (16, 16), (1, 5), (5, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_singular_values_are_made_about_one(shape, dtype):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(shape, generator=generator, dtype=dtype)
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    found = u.T @ orthogonal(matrix * 1e6) @ v.T
    clear = s > 0.02 * s.norm()
    assert clear.any()
    assert (found.diagonal()[clear] > 0.6).all()
    assert (found.diagonal() < 1.25).all()
    torch.testing.assert_close(found, found.diagonal().diag(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1e30])
def test_tiny_and_huge_gradients_are_made_orthogonal_too(scale):
    matrix = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    found = torch.linalg.svdvals(orthogonal(matrix * scale))
    assert (found < 1.25).all()
    assert found.max() > (0.6 if scale > 1e-40 else 0)


def test_a_matrix_of_zeros_stays_one():
    assert torch.equal(orthogonal(torch.zeros(3, 5)), torch.zeros(3, 5))


@pytest.mark.parametrize("shape", [(8, 4, 3, 3), (2, 8, 1, 1)])
def test_steps_of_muon_are_as_long_for_all_shapes(shape):
    generator = torch.Generator().manual_seed(0)
    kernel = torch.nn.Parameter(torch.zeros(shape))
    kernel.grad = torch.randn(shape, generator=generator)
    Muon([kernel], lr=0.01).step()
    # 0.3 times the rate, but for singular values that are only about one.
    assert 0.002 < kernel.square().mean().sqrt() < 0.0035
    assert (kernel * kernel.grad).sum() < 0


def test_muon_treats_what_is_no_kernel_as_adamw_does():
    params = {"lr": 0.05, "betas": (0.8, 0.95)}
    assert_same(walk(in_groups(Muon), **params), walk(in_groups(AdamW), **params))


def test_muon_decays_kernels():
    kernel = torch.nn.Parameter(torch.ones(4, 3, 3, 3))
    kernel.grad = torch.zeros_like(kernel)
    Muon([{"params": [kernel], "weight_decay": 0.5}], lr=0.1).step()
    torch.testing.assert_close(kernel.detach(), torch.full_like(kernel, 0.95))


@pytest.mark.parametrize(
    ("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)]
)
def test_gradient_descent_is_scikit_learns_and_torchs(momentum, nesterov):
    ours = walk(SGD, lr=0.1, momentum=momentum, nesterov=nesterov)
    theirs = walk(
        Sklearns,
        kind=SGDOptimizer,
        learning_rate_init=0.1,
        momentum=momentum,
        nesterov=nesterov,
    )
    assert_same(ours, theirs)
    torchs = walk(torch.optim.SGD, lr=0.1, momentum=momentum, nesterov=nesterov)
    assert_same(ours, torchs)


@pytest.mark.parametrize("optimizer", [Adam, AdamW, Muon, SGD])
def test_a_stored_state_goes_on_as_if_never_stored(optimizer):
    params = {"momentum": 0.9, "nesterov": True} if optimizer is SGD else {}
    weights = [torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3))]
    steppers = [optimizer([weight], lr=0.1, **params) for weight in weights]
    for n_step in range(6):
        if n_step == 3:
            stored = steppers[0].state_dict()
            steppers[0] = optimizer([weights[0]], lr=0.1, **params)
            steppers[0].load_state_dict(stored)
        for weight, stepper in zip(weights, steppers, strict=True):
            weight.grad = torch.linspace(-1, 1, 3) * (n_step + 1)
            stepper.step()
    assert torch.equal(*weights)
    assert not torch.equal(weights[0], torch.ones(3))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_weight_decay_of_gradient_descent_is_torchs(momentum, nesterov):
    nesterov = nesterov and momentum > 0
    params = {"lr": 0.1, "momentum": momentum, "nesterov": nesterov}
    ours = walk(in_groups(SGD), **params)
    assert_same(ours, walk(in_groups(torch.optim.SGD), **params))
    assert not torch.equal(ours[0], walk(SGD, **params)[0])


def test_weight_decay_leaves_the_gradient_as_it_is():
    weight = torch.nn.Parameter(torch.ones(3))
    weight.grad = torch.ones(3)
    SGD([{"params": [weight], "weight_decay": 0.5}], lr=0.1).step()
    assert torch.equal(weight.grad, torch.ones(3))


@pytest.mark.parametrize("optimizer", [Adam, AdamW, Muon, SGD])
def test_without_torchs_private_functions_steps_are_the_same(optimizer, monkeypatch):
    params = {"lr": 0.05}
    if optimizer is SGD:
        params |= {"momentum": 0.9, "nesterov": True}
    expected = walk(in_groups(optimizer), **params)
    for name in ("_fused_adam_", "_fused_adamw_", "_foreach_add_", "_foreach_mul_"):
        monkeypatch.delattr(torch, name)
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        method = getattr(torch.optim.Optimizer, name)
        monkeypatch.setattr(torch.optim.Optimizer, name, method.__wrapped__)
    specification = importlib.util.find_spec(optimizer.__module__)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    found = walk(in_groups(getattr(module, optimizer.__name__)), **params)
    assert_same(found, expected)


@pytest.mark.parametrize("optimizer", [Adam, AdamW, Muon, SGD])
def test_a_state_moves_to_other_groups(optimizer):
    params = {"lr": 0.1} | ({"momentum": 0.9} if optimizer is SGD else {})
    walks = []
    for changed in (False, True):
        weight = torch.nn.Parameter(torch.ones(2, 3, 4, 4))
        weight.data = weight.data.to(memory_format=torch.channels_last)
        parameters = [weight, torch.nn.Parameter(torch.ones(3))]
        stepper = optimizer(parameters, **params)
        for n_step in range(6):
            if n_step == 3 and changed:
                state = stepper.state_of(parameters)
                for moments in state["moments"]:  # as a store may return them
                    moments.update({k: v.contiguous() for k, v in moments.items()})
                groups = [{"params": [each]} for each in parameters[::-1]]
                stepper = optimizer(groups, **params)
                stepper.load_state_of(parameters, state)
            for each in parameters:
                each.grad = torch.linspace(-1, 1, each.numel()).view_as(each)
                each.grad *= n_step + 1
            stepper.step()
        for moment in stepper.state[weight].values():
            assert moment.is_contiguous(memory_format=torch.channels_last)
        walks.append(parameters)
    assert_same(*walks)


@pytest.mark.parametrize(
    "estimator",
    [
        "MLPClassifier(max_iter=1)",
        "MLPClassifier((5000,), max_iter=1)",
        "MLPClassifier(solver='sgd', max_iter=1)",
        "ConvNetClassifier(max_iter=1)",
        "ConvNetClassifier((64, 128), max_iter=1)",
    ],
)
def test_fits_and_their_pickles_do_not_load_torchs_compiler(estimator):
    code = f"""
import pickle, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from sklearn_digits import ConvNetClassifier, MLPClassifier
X, y = np.eye(25), np.arange(25) % 2
model = {estimator}.fit(X, y).partial_fit(X, y)
pickle.loads(pickle.dumps(model)).partial_fit(X, y)
sys.exit("torch._dynamo" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_steps_go_against_the_gradient():
    for optimizer in (Adam, AdamW, SGD):
        weight = torch.nn.Parameter(torch.zeros(2))
        weight.grad = torch.tensor([1.0, -1.0])
        optimizer([weight], lr=0.5).step()
        assert np.sign(weight.detach().numpy()).tolist() == [-1, 1]


@pytest.mark.parametrize("optimizer", [Adam, AdamW, Muon, SGD])
def test_groups_in_which_nothing_moves_are_passed_over(optimizer):
    moving, still = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    moving.grad = torch.ones(2)
    groups = [{"params": []}, {"params": [still], "weight_decay": 0.5}]
    optimizer([*groups, {"params": [moving]}], lr=0.1).step()
    assert (moving < 1).all()
    assert torch.equal(still.detach(), torch.ones(2))
