"""An epoch of a fully connected network on MNIST.

784-256-256-256-10, Adam, batches of 1024, in each library; the images as `uint8`,
`float32` and `float64`. Seconds an epoch are those of a fit of four epochs, less those
of one epoch, divided by three. That leaves out what happens once, such as compiling.
Accuracy and log-loss are those of the four epochs, on the test set. The floats lie
between 0 and 1. Nobody scales the integers, which lie between 0 and 255: their rows
show the time, not what a network can learn. scikit-learn turns them into `float64`. The
first rows are torch's matrix products of such an epoch alone.
"""

from functools import partial
from itertools import pairwise
from statistics import median

import numpy as np
import torch
from benchmarking import OURS, mnist, run, scored
from peers import LARGE_MLP, MLPTask
from timing import compare, epochs_in_turn

TASK = MLPTask((784, 256, 256, 256, 10), batch_size=1024)


def multiply_only(n_rows, n_epochs, dtype):
    """Do the matrix products of the epochs and nothing else: the arithmetic limit."""
    factors = [
        (
            torch.ones(TASK.batch_size, n_in, dtype=dtype),
            torch.ones(n_out, n_in).to(dtype),
        )
        for n_in, n_out in pairwise(TASK.widths)
    ]
    gradients = [x @ weight.T for x, weight in factors]
    for _ in range(n_epochs * -(-n_rows // TASK.batch_size)):
        for depth, ((x, weight), gradient) in enumerate(
            zip(factors, gradients, strict=True)
        ):
            x @ weight.T, gradient.T @ x
            if depth:
                gradient @ weight


def benchmark(options):
    """Yield a row for each side and type of input, and the arithmetic limits."""
    n_rounds = 1 if options.quick else 3
    yield from limits(options, n_rounds)
    for dtype in (np.uint8,) if options.quick else (np.uint8, np.float32, np.float64):
        X, y, X_test, y_test = mnist(options, dtype=dtype, n_quick=6000)
        trainers = {
            name: partial(train, X, y, task=TASK) for name, train in LARGE_MLP.items()
        }
        laps = epochs_in_turn(trainers, 1, 2 if options.quick else 4, n_rounds)
        for name, row in compare(laps, OURS, "s an epoch").items():
            row = scored(row, laps[name].value, X_test, y_test)
            yield {"input": np.dtype(dtype).name, **row}


def limits(options, n_rounds):
    """Yield what the matrix products take that no epoch can do without."""
    n_rows = 6000 if options.quick else 60_000
    with torch.inference_mode():
        laps = epochs_in_turn(
            {
                f"its matrix products, {dtype}": partial(
                    multiply_only, n_rows, dtype=getattr(torch, dtype)
                )
                for dtype in ("bfloat16", "float32")
            },
            1,
            2,
            n_rounds,
        )
    for name, lap in laps.items():
        yield {"input": "none", "who": name, "s an epoch": median(lap.seconds)}


if __name__ == "__main__":
    run(benchmark, __doc__)
