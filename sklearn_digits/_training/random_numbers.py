"""Random numbers of a fit: drawn from its own generator, never from a global one."""

import secrets

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch.overrides import TorchFunctionMode

# Functions of torch that draw from the global generator unless they are given one.
# Those of torch.nn.init are not listed: they pass on ``generator=None`` themselves.
DRAWS = {
    *(torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal),
    *(torch.rand_like, torch.randn_like, torch.randint_like),
    *(torch.bernoulli, torch.multinomial, torch.poisson, torch.binomial),
    # Of torch.distributions; private, so that they may be missing one day.
    *(getattr(torch, name, None) for name in ("_standard_gamma", "_sample_dirichlet")),
    *(torch.Tensor.uniform_, torch.Tensor.normal_, torch.Tensor.random_),
    *(torch.Tensor.bernoulli_, torch.Tensor.exponential_, torch.Tensor.geometric_),
    *(torch.Tensor.cauchy_, torch.Tensor.log_normal_),
    *(torch.Tensor.bernoulli, torch.Tensor.multinomial),
}

# Functions whose result has the default dtype, and those for which that depends on
# whether they are given integers or floats.
FLOATING_FACTORIES = {
    *(torch.empty, torch.zeros, torch.ones, torch.eye, torch.empty_strided),
    *(torch.linspace, torch.logspace, torch.rand, torch.randn, torch.normal),
    *(torch.fft.fftfreq, torch.fft.rfftfreq, torch.kaiser_window),
    *(torch.hann_window, torch.hamming_window),
    *(torch.bartlett_window, torch.blackman_window),
}
FACTORIES_BY_VALUE = {
    *(torch.tensor, torch.as_tensor, torch.asarray, torch.scalar_tensor),
    *(torch.full, torch.arange),
}


def new_generator(random_state):
    """Return a generator seeded from `random_state`, on the CPU.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None takes a seed from the operating system, not from NumPy's global generator.
    """
    if random_state is None:
        seed = secrets.randbits(63)
    else:
        seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    return torch.Generator().manual_seed(int(seed))


def draw_seed(generator):
    """Draw a seed for NumPy, scikit-learn or another device from `generator`."""
    return int(torch.randint(2**31 - 1, (), generator=generator))


class ReproducibleDraws(TorchFunctionMode):
    """Context in which torch draws from `generator`, whatever its global settings are.

    Layers of ``torch.nn`` initialize their weights from torch's global generator and
    in its default dtype. In this context they use `generator` and float32 instead. A
    generator or dtype that the caller passes is kept. The context holds for the calling
    thread only, and reads or changes nothing global.

    It cannot reach functions that take no generator (dropout), the old constructor
    ``torch.Tensor(3)``, and the dtype of an integer tensor divided by a number.

    Parameters
    ----------
    generator : torch.Generator
        On the CPU. Draws on another device come from a generator there, which is
        seeded from this one.
    """

    def __init__(self, generator):
        super().__init__()
        self.generators = {"cpu": generator, "meta": generator}

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Call `function` with the arguments that the caller left out."""
        kwargs = dict(kwargs or {})
        values = [*args, *kwargs.values()]
        tensors = [value for value in values if isinstance(value, torch.Tensor)]
        draws = function in DRAWS or "generator" in kwargs
        if draws and kwargs.get("generator") is None:
            device = kwargs.get("device")
            if device is None:
                device = tensors[0].device if tensors else "cpu"
            kwargs["generator"] = self._generator_on(torch.device(device))
        kinds = set()
        if function in FLOATING_FACTORIES and not tensors:
            kinds = {float}
        elif function in FACTORIES_BY_VALUE:
            kinds = set(_kinds_of_values(values))
        free = kwargs.get("dtype") is None and kwargs.get("out") is None
        if free and kinds & {float, complex}:
            kwargs["dtype"] = torch.complex64 if complex in kinds else torch.float32
        return function(*args, **kwargs)

    def _generator_on(self, device):
        name = str(device)
        if name not in self.generators:
            seed = draw_seed(self.generators["cpu"])
            self.generators[name] = torch.Generator(device).manual_seed(seed)
        return self.generators[name]


def _kinds_of_values(values):
    """Yield the types of the values in nested sequences."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from _kinds_of_values(value)
        else:
            yield type(value)
