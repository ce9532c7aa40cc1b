"""Predict: the latency of one row, the throughput of many.

784-256-256-256-10 with the same weights everywhere, `float32` rows. One row: 2,000
calls of `predict` a side, in turn by blocks of 100, their median and 99th percentile;
for bare torch and onnxruntime the forward pass and the argmax. Many rows: 10,000 in one
call.
"""

from time import perf_counter, sleep

import numpy as np
import torch
from benchmarking import OURS, mnist, run
from peers import mlp_module
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.utils._testing import ignore_warnings
from timing import PAUSE, compare, describe, in_turn

from sklearn_digits import MLPClassifier

HIDDEN = (256, 256, 256)


@ignore_warnings(category=ConvergenceWarning)
def same_weights(X, y):
    """Return ours, scikit-learn's and torch's network with the same weights."""
    ours = MLPClassifier(HIDDEN, max_iter=1, random_state=0).fit(X, y)
    theirs = SklearnMLPClassifier(HIDDEN, max_iter=1, random_state=0).fit(X, y)
    module = mlp_module((X.shape[1], *HIDDEN, 10)).eval()
    layers = [layer for layer in module if isinstance(layer, torch.nn.Linear)]
    for i, layer in enumerate(layers):
        theirs.coefs_[i][:] = ours.coefs_[i]
        theirs.intercepts_[i][:] = ours.intercepts_[i]
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(ours.coefs_[i].T))
            layer.bias.copy_(torch.tensor(ours.intercepts_[i]))
    return ours, theirs, module


def with_torch(module):
    """Return predict, as somebody who has only the module writes it."""

    @torch.inference_mode()
    def predict(X):
        return module(torch.from_numpy(X)).argmax(dim=1).numpy()

    return predict


def with_onnxruntime(estimator, X):
    """Return predict of scikit-learn's network in onnxruntime."""
    from onnxruntime import InferenceSession
    from skl2onnx import to_onnx

    options = {id(estimator): {"zipmap": False}}
    model = to_onnx(estimator, X[:1], options=options)
    session = InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return lambda X: session.run(["label"], {"X": X})[0]


def sides(X, y):
    """Return each side's predict, or the exception that kept it away."""
    ours, theirs, module = same_weights(X, y)
    found = {
        OURS: ours.predict,
        "scikit-learn": theirs.predict,
        "torch module": with_torch(module),
    }
    try:
        found["onnxruntime"] = with_onnxruntime(theirs, X)
    except Exception as error:
        found["onnxruntime"] = error
    return found


def latencies(functions, row, n_blocks, block=100):
    """Return the seconds of every call of each side, the sides in turn."""
    seconds = {name: [] for name in functions}
    for number in range(n_blocks + 1):
        for name, predict in functions.items():
            sleep(PAUSE)
            for _ in range(block):
                start = perf_counter()
                predict(row)
                if number:
                    seconds[name].append(perf_counter() - start)
    return seconds


def benchmark(options):
    """Yield a row for each side, of one row and of many."""
    X, y, X_test, _ = mnist(options, dtype=np.float32, n_quick=500)
    found = sides(X[:2000], y[:2000])
    functions = {name: f for name, f in found.items() if callable(f)}
    seconds = latencies(functions, X_test[:1], 1 if options.quick else 20)
    middle = {name: np.median(times) for name, times in seconds.items()}
    for name, times in seconds.items():
        row = {"rows": 1, "who": name, "µs": middle[name] * 1e6}
        row["99th percentile, µs"] = np.percentile(times, 99) * 1e6
        if name != OURS:
            row["time / ours"] = middle[name] / middle[OURS]
        yield row
    laps = in_turn(
        {name: lambda f=f: f(X_test) for name, f in functions.items()},
        1 if options.quick else 15,
    )
    for row in compare(laps, OURS, "µs", 1e6).values():
        yield {"rows": len(X_test), **row}
    for name, error in found.items():
        if isinstance(error, Exception):
            yield {"who": name, "failed": describe(error)}


if __name__ == "__main__":
    run(benchmark, __doc__)
