"""What a fit will cost, estimated before its first step."""

from functools import cache
from time import perf_counter

import torch

from sklearn_digits._training.runtime import watch_layers

# Operations a second that any processor reaches: less work than an hour of it is not
# looked at more closely.
SLOWEST = 2e10
# Share of the rate of large matrix products that fits reach: 0.7 on MNIST, 1 where
# networks are wide.
EFFICIENCY = 0.7
PRODUCT_SIDE, N_PRODUCTS = 768, 5


@cache
def product_rate(compute_dtype):
    """Return the operations a second of large matrix products on this processor."""
    dtype = getattr(torch, compute_dtype)
    matrix = torch.ones(PRODUCT_SIDE, PRODUCT_SIDE, dtype=dtype)
    seconds = []
    for _ in range(N_PRODUCTS):
        start = perf_counter()
        matrix @ matrix
        seconds.append(perf_counter() - start)
    return 2 * PRODUCT_SIDE**3 / min(seconds)


def estimate_seconds(settings, n_rows):
    """Return about how long a fit will take; 0 where that is surely below an hour.

    Parameters
    ----------
    settings : FitSettings
    n_rows : int
    """
    flops = 3 * settings.row_flops * n_rows * settings.n_epochs
    if settings.device.type != "cpu" or flops < 3600 * SLOWEST:
        return 0.0
    return flops / (EFFICIENCY * product_rate(settings.compute_dtype))


def estimate_bytes(settings, example):
    """Return about how much memory a step of a fit needs: the outputs of all layers.

    Parameters
    ----------
    settings : FitSettings
    example : torch.Tensor of shape (1, ...)
        A prepared row.
    """
    numbers = [example.numel()]

    def count(layer, inputs, output):
        if isinstance(output, torch.Tensor):
            numbers.append(output.numel())

    layers = [each for each in settings.module.modules() if not list(each.children())]
    watch_layers(settings.module, example.to(settings.device), layers, count)
    n_bytes = 2 if settings.compute_dtype == "bfloat16" else example.element_size()
    return sum(numbers) * n_bytes * settings.batch_size
