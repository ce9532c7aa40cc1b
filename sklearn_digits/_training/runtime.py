"""Where and how a fit computes: device, precision, threads.

Nothing here changes a global setting, but in a process that was forked off. Threads and
modes of torch are set for the calling thread only.
"""

import os
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache

import torch
from threadpoolctl import ThreadpoolController

# What a CPU calls the instructions that multiply bfloat16 matrices.
BFLOAT16_CAPABILITIES = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
COMPUTE_DTYPES = ("float32", "bfloat16", "float64")

# A step is the forward and backward pass of one batch. Below this many floating-point
# operations, waking a second thread costs more than it brings (measured on two cores).
ONE_THREAD_STEP = 5e7
# A process that was forked off has another number.
IMPORTING_PROCESS = os.getpid()


def resolve_device(device):
    """Return the ``torch.device`` that a `device` parameter names.

    Parameters
    ----------
    device : str
        "auto" is CUDA where there is one, else the CPU; anything else is torch's.

    Returns
    -------
    device : torch.device

    Raises
    ------
    ValueError
        If torch does not know the device, or this machine does not have it.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.zeros(1, device=resolved).item()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise ValueError(
            f"device={device!r} cannot be used here: {error} Expected 'auto', 'cpu', "
            "or a device of this machine such as 'cuda', 'cuda:0' or 'mps'."
        ) from error
    return resolved


@cache
def has_native_bfloat16(device_type):
    """Tell whether a device multiplies bfloat16 matrices natively."""
    if device_type == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    if device_type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name) for name in BFLOAT16_CAPABILITIES)
    return False


def resolve_compute_dtype(compute_dtype, device, step_flops, bfloat16_step):
    """Choose the precision of the matrix products of a fit.

    Parameters
    ----------
    compute_dtype : {"auto", "float32", "bfloat16", "float64"}
    device : torch.device
    step_flops : float
        Floating-point operations of a training step; "auto" decides by it.
    bfloat16_step : float
        Those of the smallest step that bfloat16 repays its conversions in.

    Returns
    -------
    compute_dtype : {"float32", "bfloat16", "float64"}
    """
    if compute_dtype != "auto":
        return compute_dtype
    if step_flops >= bfloat16_step and has_native_bfloat16(device.type):
        return "bfloat16"
    return "float32"


def weight_dtype(compute_dtype):
    """Return the torch dtype in which weights are stored and predictions run."""
    return torch.float64 if compute_dtype == "float64" else torch.float32


def matrix_precision(compute_dtype, device):
    """Return a context in which matrix products run in `compute_dtype`."""
    if compute_dtype == "bfloat16":
        # A cache that a caller's autocast keeps alive would hold the first weights.
        return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
    return nullcontext()


@contextmanager
def without_autocast():
    """Return a context in which a caller's ``torch.autocast`` is off, in this thread.

    `compute_dtype` decides the precision of training. Predictions have the precision
    of the weights.
    """
    with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
        yield


def heed_fork():
    """Let a process that was forked off run on one thread, for the rest of its life.

    It has no copy of the threads that OpenMP may have started before, and would wait
    for them for ever.
    """
    if os.getpid() != IMPORTING_PROCESS and torch.get_num_threads() > 1:
        torch.set_num_threads(1)


@contextmanager
def default_modes():
    """Return a context in which the caller's modes of torch are off, in this thread.

    The modes are ``autocast``, ``no_grad``, ``inference_mode`` and
    ``set_default_device``.
    """
    heed_fork()
    on_cpu = torch.get_default_device().type == "cpu"
    device = nullcontext() if on_cpu else torch.device("cpu")  # slows down every call
    with without_autocast(), torch.inference_mode(False), torch.enable_grad(), device:
        yield


@cache
def _openmp():
    return ThreadpoolController().select(user_api="openmp")


def threads_for(step_flops):
    """Return a context that runs small steps on one thread.

    OpenMP's limit holds for the calling thread alone, unlike
    ``torch.set_num_threads``, so concurrent fits do not disturb one another. Where
    that function has been called before, the matrix products of MKL keep the number
    that it set: they are slower, and their results are the same bit for bit.

    Parameters
    ----------
    step_flops : float
        Floating-point operations of a step.
    """
    if step_flops >= ONE_THREAD_STEP:
        return nullcontext()
    torch.get_num_threads()  # torch sets its number at first use: let it, before us
    return _openmp().limit(limits=1)


def count_flops(module, example):
    """Count the floating-point operations of a forward pass of `module`.

    Parameters
    ----------
    module : torch.nn.Module
    example : torch.Tensor of shape (1, ...)
        Input of one row.

    Returns
    -------
    flops : float
        Two for each multiplication. Layers without a matrix of weights count as zero.
    output : torch.Tensor
        Output of `module` for `example` in evaluation mode.
    """
    multiplications = []

    def count(layer, inputs, output):
        weight = getattr(layer, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.ndim >= 2:
            multiplications.append(output[0].numel() * weight[0].numel())

    # All of them: a lazy layer has its weights after the call.
    output = watch_layers(module, example, list(module.modules()), count)
    return 2.0 * sum(multiplications), output


def watch_layers(module, example, layers, hook):
    """Return the output of `module` in evaluation mode, with a hook on some layers.

    Parameters
    ----------
    module : torch.nn.Module
    example : torch.Tensor of shape (1, ...)
        Input of one row.
    layers : sequence of torch.nn.Module
        Submodules of `module`.
    hook : callable
        Takes a layer, its inputs and its output, whenever one of `layers` is called.

    Returns
    -------
    output : torch.Tensor
    """
    # Lazy layers make their weights here; autograd refuses those of inference mode.
    with ExitStack() as hooks, torch.no_grad():
        for layer in layers:
            hooks.enter_context(layer.register_forward_hook(hook))
        return module.eval()(example)
