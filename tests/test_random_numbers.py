"""A generator of one's own gives torch's numbers, and no global one is involved."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_digits import ConvNetClassifier, MLPClassifier, TorchClassifier
from sklearn_digits._training.random_numbers import (
    ReproducibleDraws,
    draw_seed,
    new_generator,
)

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


@pytest.fixture
def default_dtype():
    """Set torch's default dtype until the end of the test."""
    yield torch.set_default_dtype
    torch.set_default_dtype(torch.float32)


def stream(generator):
    return torch.rand(5, generator=generator).tolist()


def test_the_same_seed_gives_the_same_stream_and_none_a_new_one():
    assert stream(new_generator(3)) == stream(new_generator(3))
    assert stream(new_generator(3)) != stream(new_generator(4))
    assert stream(new_generator(None)) != stream(new_generator(None))


def test_a_random_state_advances():
    first, second = np.random.RandomState(0), np.random.RandomState(0)
    streams = [stream(new_generator(first)) for _ in range(2)]
    assert streams[0] != streams[1]
    assert streams == [stream(new_generator(second)) for _ in range(2)]


@pytest.mark.parametrize("random_state", [None, 0])
def test_no_global_generator_is_touched(random_state):
    theirs, torchs = np.random.get_state(), torch.get_rng_state()
    stream(new_generator(random_state))
    draw_seed(new_generator(random_state))
    assert np.array_equal(np.random.get_state()[1], theirs[1])
    assert np.random.get_state()[2:] == theirs[2:]
    assert torch.equal(torch.get_rng_state(), torchs)


def test_drawn_seeds_follow_the_generator_and_fit_numpy():
    generator = new_generator(0)
    seeds = [draw_seed(generator) for _ in range(50)]
    again = new_generator(0)
    assert seeds == [draw_seed(again) for _ in range(50)]
    assert len(set(seeds)) == 50
    assert all(type(seed) is int and 0 <= seed < 2**31 for seed in seeds)


LAYERS = {
    "Linear": lambda: nn.Linear(5, 3),
    "Bilinear": lambda: nn.Bilinear(3, 4, 2),
    "Conv2d": lambda: nn.Conv2d(3, 4, 3),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(3, 4, 3),
    "LSTM": lambda: nn.LSTM(4, 3, num_layers=2),
    "Embedding": lambda: nn.Embedding(7, 3),
    "BatchNorm2d": lambda: nn.BatchNorm2d(3),
    "PReLU": lambda: nn.PReLU(3),
    "MultiheadAttention": lambda: nn.MultiheadAttention(8, 2),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(8, 2, 16),
}
INITIALIZERS = {
    "uniform": nn.init.uniform_,
    "normal": nn.init.normal_,
    "trunc_normal": nn.init.trunc_normal_,
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
    "kaiming_uniform": nn.init.kaiming_uniform_,
    "kaiming_normal": nn.init.kaiming_normal_,
    "orthogonal": nn.init.orthogonal_,
    "sparse": partial(nn.init.sparse_, sparsity=0.5),
}
DRAWN = {
    "rand": lambda: torch.rand(2, 3),
    "randn": lambda: torch.randn(2, 3),
    "randint": lambda: torch.randint(100, (9,)),
    "randperm": lambda: torch.randperm(20),
    "rand_like": lambda: torch.rand_like(torch.ones(4)),
    "randn_like": lambda: torch.randn_like(torch.ones(4)),
    "randint_like": lambda: torch.randint_like(torch.ones(4), 100),
    "normal of a size": lambda: torch.normal(1.0, 2.0, (5,)),
    "normal of tensors": lambda: torch.normal(torch.ones(5), torch.ones(5)),
    "bernoulli": lambda: torch.bernoulli(torch.full((30,), 0.5)),
    "multinomial": lambda: torch.multinomial(torch.ones(30), 9),
    "poisson": lambda: torch.poisson(torch.full((30,), 4.0)),
    "a distribution": lambda: torch.distributions.Gamma(2.0, 1.0).sample((9,)),
    "Tensor.bernoulli": lambda: torch.full((30,), 0.5).bernoulli(),
    "Tensor.multinomial": lambda: torch.ones(30).multinomial(9),
    "uniform_": lambda: torch.empty(5).uniform_(-1, 1),
    "normal_": lambda: torch.empty(5).normal_(),
    "bernoulli_": lambda: torch.empty(30).bernoulli_(0.3),
    "exponential_": lambda: torch.empty(5).exponential_(),
    "random_": lambda: torch.empty(5).random_(),
    "geometric_": lambda: torch.empty(5).geometric_(0.1),
    "cauchy_": lambda: torch.empty(5).cauchy_(),
    "log_normal_": lambda: torch.empty(5).log_normal_(),
}
MADE = LAYERS | INITIALIZERS | DRAWN


def make(name):
    """Return the tensors that a layer, initializer or draw makes."""
    if name in INITIALIZERS:
        return [INITIALIZERS[name](torch.empty(6, 5))]
    return tensors_of(MADE[name]())


def tensors_of(made):
    if isinstance(made, nn.Module):
        return list(made.state_dict().values())
    return [made.detach()]


def assert_same_bits(these, those):
    for one, other in zip(these, those, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", MADE)
def test_draws_are_those_of_torch_seeded_alike_and_go_on_alike(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        expected = [*make(name), torch.rand(3)]
    before, generator = torch.get_rng_state(), torch.Generator().manual_seed(7)
    with ReproducibleDraws(generator):
        found = make(name)
    assert_same_bits([*found, torch.rand(3, generator=generator)], expected)
    assert torch.equal(torch.get_rng_state(), before)


# Distributions ask for the default dtype by its name.
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", [name for name in MADE if name != "a distribution"])
def test_draws_do_not_depend_on_the_default_dtype(name, dtype, default_dtype):
    with ReproducibleDraws(new_generator(0)):
        expected = make(name)
    default_dtype(dtype)
    with ReproducibleDraws(new_generator(0)):
        assert_same_bits(make(name), expected)


FACTORIES = {
    "linspace": lambda: torch.linspace(0, 1, 7),
    "eye": lambda: torch.eye(2),
    "tensor of floats": lambda: torch.tensor([[1, 0.1], [2, 3]]),
    "tensor of integers": lambda: torch.tensor([[1, 2]]),
    "tensor of truths": lambda: torch.tensor(True),
    "tensor of complex numbers": lambda: torch.as_tensor([0.5, 1j]),
    "tensor of an array": lambda: torch.tensor(np.array([0.1])),
    "tensor of a NumPy scalar": lambda: torch.as_tensor(np.float64(0.1)),
    "full of a float": lambda: torch.full((2,), 0.1),
    "full of an integer": lambda: torch.full((2,), fill_value=1),
    "arange of floats": lambda: torch.arange(0, 1, step=0.1),
    "arange of integers": lambda: torch.arange(3),
    "another dtype": lambda: torch.zeros(2, dtype=torch.float64),
    "into a tensor": lambda: torch.ones(2, out=torch.zeros(2, dtype=torch.float64)),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
@pytest.mark.parametrize("name", FACTORIES)
def test_factories_make_what_they_make_where_nobody_set_a_dtype(
    name, dtype, default_dtype
):
    expected = FACTORIES[name]()
    default_dtype(dtype)
    with ReproducibleDraws(new_generator(0)):
        assert_same_bits([FACTORIES[name]()], [expected])


def test_a_generator_of_the_callers_is_kept():
    own, expected = new_generator(1), stream(new_generator(1))
    generator = new_generator(0)
    with ReproducibleDraws(generator):
        assert stream(own) == expected
        filled = nn.init.uniform_(torch.empty(5), generator=new_generator(1))
    assert filled.tolist() == expected
    assert stream(generator) == stream(new_generator(0))


def test_tensors_without_data_need_no_generator_of_their_own():
    with ReproducibleDraws(new_generator(0)), torch.device("meta"):
        layer = nn.Linear(3, 2)
    assert layer.weight.is_meta


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_draws_on_another_device_follow_the_generator_too():
    drawn = []
    for _ in range(2):
        before = torch.cuda.get_rng_state()
        with ReproducibleDraws(new_generator(0)):
            layer = nn.Linear(3, 2, device="cuda")
            drawn.append([layer.weight, torch.rand(3, device="cuda:0")])
        assert torch.equal(torch.cuda.get_rng_state(), before)
    assert_same_bits(*drawn)


def test_contexts_nest():
    outer, inner = new_generator(0), new_generator(1)
    with ReproducibleDraws(outer):
        drawn = torch.rand(2).tolist()
        with ReproducibleDraws(inner):
            assert torch.rand(5).tolist() == stream(new_generator(1))
        drawn += torch.rand(2).tolist()
    alone = new_generator(0)
    assert drawn == [
        x for _ in range(2) for x in torch.rand(2, generator=alone).tolist()
    ]


def test_after_an_error_torch_draws_from_its_own_generator_again():
    generator, before = new_generator(0), torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), ReproducibleDraws(generator):
        torch.rand(2) / (1 // 0)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng(devices=[]):
        torch.rand(1)
        assert not torch.equal(torch.get_rng_state(), before)


def test_threads_draw_at_once_each_from_its_own():
    before, together = torch.get_rng_state(), threading.Barrier(4)

    def draw(seed):
        together.wait()
        with ReproducibleDraws(new_generator(seed)):
            return [torch.rand(()).item() for _ in range(200)]

    with ThreadPoolExecutor(4) as pool:
        streams = list(pool.map(draw, range(4)))
    for seed, drawn in enumerate(streams):
        alone = new_generator(seed)
        assert drawn == [torch.rand((), generator=alone).item() for _ in range(200)]
    assert torch.equal(torch.get_rng_state(), before)


class Slow(TorchClassifier):
    """Waits, in the middle of drawing weights, until another thread has drawn."""

    def build_module(self, n_features, n_classes):
        first = nn.Linear(n_features, 3)
        if self.meanwhile is not None:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(self.meanwhile).result()
        return nn.Sequential(first, nn.Linear(3, n_classes))


X, Y = np.eye(20, 9, dtype=np.float32), np.arange(20) % 2


def fitted_weights(meanwhile=None):
    model = Slow(max_iter=1, random_state=0)
    model.meanwhile = meanwhile
    return list(model.fit(X, Y).module_.state_dict().values())


def test_neither_a_fit_nor_another_threads_draws_disturb_the_other():
    def seed_and_draw():
        torch.manual_seed(7)
        drawn.append(torch.rand(3))

    drawn = []
    with torch.random.fork_rng(devices=[]):
        seed_and_draw()
        expected = fitted_weights()
        found = fitted_weights(seed_and_draw)
        after = torch.rand(3)
        torch.manual_seed(7)
        assert_same_bits([torch.rand(3), torch.rand(3)], [drawn[0], after])
    assert_same_bits(found, expected)
    assert_same_bits(drawn[:1], drawn[1:])


def test_a_module_can_be_built_while_its_builder_fits_another_classifier():
    class Stacked(TorchClassifier):
        def build_module(self, n_features, n_classes):
            first = nn.Linear(n_features, n_classes)
            MLPClassifier((3,), max_iter=1, random_state=1).fit(X, Y)
            return nn.Sequential(first, nn.Linear(n_classes, n_classes))

    class Plain(TorchClassifier):
        def build_module(self, n_features, n_classes):
            first = nn.Linear(n_features, n_classes)
            return nn.Sequential(first, nn.Linear(n_classes, n_classes))

    before = torch.get_rng_state()
    modules = [
        kind(max_iter=1, random_state=0).fit(X, Y).module_ for kind in (Stacked, Plain)
    ]
    assert_same_bits(*(tensors_of(module) for module in modules))
    assert torch.equal(torch.get_rng_state(), before)


def test_layers_that_learn_their_size_draw_from_the_fit_too():
    class Lazy(TorchClassifier):
        def build_module(self, n_features, n_classes):
            return nn.LazyLinear(n_classes)

    fits = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            before = torch.get_rng_state()
            model = Lazy(max_iter=1, random_state=0).fit(X, Y)
            assert torch.equal(torch.get_rng_state(), before)
        fits.append(tensors_of(model.module_))
    assert_same_bits(*fits)


def test_a_layer_that_learns_its_size_trains_as_one_that_knows_it():
    class Linear(TorchClassifier):
        lazy: bool = False

        def build_module(self, n_features, n_classes):
            if self.lazy:
                return nn.LazyLinear(n_classes)
            return nn.Linear(n_features, n_classes)

    fits = [Linear(lazy=lazy, max_iter=2, random_state=0) for lazy in (False, True)]
    assert_same_bits(*(tensors_of(model.fit(X, Y).module_) for model in fits))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier((6,), max_iter=2, random_state=0),
        MLPClassifier((6,), max_iter=2, random_state=0, dropout=0.5),
        ConvNetClassifier((4,), max_iter=2, random_state=0, dropout=0.5),
    ],
    ids=["mlp", "mlp with dropout", "convnet"],
)
@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 2, 50)])
def test_a_fit_does_not_depend_on_the_default_dtype(
    estimator, dtype, weight, default_dtype
):
    rng = np.random.default_rng(0)
    images, y = rng.integers(0, 255, (50, 64), dtype=np.uint8), np.arange(50) % 3
    expected = estimator.fit(images, y, sample_weight=weight).predict_proba(images)
    default_dtype(dtype)
    found = estimator.fit(images, y, sample_weight=weight).predict_proba(images)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


def test_the_context_does_not_load_torchs_compiler():
    code = """
import sys
import torch
from sklearn_digits._training.random_numbers import ReproducibleDraws, new_generator
with ReproducibleDraws(new_generator(0)):
    torch.nn.TransformerEncoderLayer(8, 2, 16)
sys.exit("torch._dynamo" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
