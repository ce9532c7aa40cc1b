"""An epoch of the same convolutional network, in four loops.

The module that ConvNetClassifier builds by default, on 12,800 MNIST images of `uint8`
in batches of 128. Ours trains by AdamW here, and in a row more by Muon, its default.
The loops by hand do what ours does: one cycle of AdamW, label smoothing, the same
augmentation, averaged weights; stock skorch changes no images and averages no weights.
An epoch is the difference of fits of two epochs and of one. Accuracy and log-loss on
the test set are those of two epochs; the loops by hand are scored with their last
weights, not the averaged ones.
"""

from copy import deepcopy

from benchmarking import OURS, mnist, run, scored
from convnet_peers import our_module, ours, train_by_hand, train_stock_skorch
from timing import compare, epochs_in_turn


def train_ours(X, y, n_epochs, compute_dtype, solver):
    """Train this library's ConvNetClassifier."""
    network = ours(n_epochs, compute_dtype).set_params(solver=solver)
    return network.fit(X, y).predict_proba


def benchmark(options):
    """Yield a row for each loop; those of a precision are divided by ours in it."""
    X, y, X_test, y_test = mnist(options, n_quick=256)
    X, y = X[:12_800], y[:12_800]
    module = our_module(X, y)
    for compute_dtype in ("bfloat16", "float32"):
        trainers = {
            OURS: lambda n, dtype=compute_dtype: train_ours(X, y, n, dtype, "adamw"),
            f"{OURS}, Muon": lambda n, dtype=compute_dtype: train_ours(
                X, y, n, dtype, "muon"
            ),
            "torch by hand": lambda n, dtype=compute_dtype: train_by_hand(
                X, y, n, deepcopy(module), dtype
            ),
        }
        if compute_dtype == "float32":
            trainers["skorch, stock loop"] = lambda n: train_stock_skorch(
                X, y, n, deepcopy(module)
            )
        laps = epochs_in_turn(trainers, 1, 2, 1 if options.quick else 3)
        for name, row in compare(
            laps, OURS, "ms a step", 1000 / -(-len(X) // 128)
        ).items():
            row = scored(row, laps[name].value, X_test, y_test)
            yield {"precision": compute_dtype, **row}


if __name__ == "__main__":
    run(benchmark, __doc__)
