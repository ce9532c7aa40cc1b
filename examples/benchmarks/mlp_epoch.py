"""An epoch of a fully connected network on MNIST.

784-256-256-256-10, Adam, batches of 1024, in each library; the images as `uint8`,
`float32` and `float64`, as they come. An epoch is the difference between a fit of four
epochs and one of one, over three, so that what happens once (compiling, checking) is
left out on all sides. Accuracy and log-loss are those of the four epochs, on the test
set. scikit-learn turns `uint8` into `float64`; the floats lie between 0 and 1, the
integers between 0 and 255, which suits no network, and is the same for all.
"""

from functools import partial

import numpy as np
from peers import LARGE_MLP, MLPTask
from racing import OURS, mnist, run, scored
from timing import compare, epochs_in_turn

TASK = MLPTask((784, 256, 256, 256, 10), batch_size=1024)


def race(options):
    """Yield a row for each side and type of input."""
    n_rounds = 1 if options.quick else 4
    for dtype in (np.uint8, np.float32, np.float64):
        X, y, X_test, y_test = mnist(options, dtype=dtype, n_quick=6000)
        trainers = {
            name: partial(train, X, y, task=TASK) for name, train in LARGE_MLP.items()
        }
        laps = epochs_in_turn(trainers, 1, 2 if options.quick else 4, n_rounds)
        for name, row in compare(laps, OURS, "s an epoch").items():
            row = scored(row, laps[name].value, X_test, y_test)
            yield {"input": np.dtype(dtype).name, **row}


if __name__ == "__main__":
    run(race, __doc__)
