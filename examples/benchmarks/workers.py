"""A grid search on two cores: two workers of one thread, or one of two.

    python examples/benchmarks/workers.py [--quick]

Eight candidates, two folds of 750 rows of the 8×8 digits. Small steps run on one
thread wherever they are; the wide network and the convolutional one have large ones.
The workers are started before, and take turns.
"""

from functools import partial

import joblib
from benchmarking import run
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from timing import compare, in_turn

from sklearn_digits import ConvNetClassifier, MLPClassifier

NETWORKS = {
    "MLP, 100": MLPClassifier((100,), max_iter=10, random_state=0),
    "MLP, 1000-1000": MLPClassifier((1000, 1000), max_iter=3, random_state=0),
    "ConvNet": ConvNetClassifier((16, 32), max_iter=2, random_state=0),
}
GRID = {"learning_rate_init": [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2]}
# One worker is the process itself, with as many threads as it has.
SIDES = {"2 workers × 1 thread": 2, "1 worker × 2 threads": 1}


def search(estimator, n_rows, n_workers):
    """Return the mean scores of the candidates."""
    X, y = load_digits(return_X_y=True)
    fitted = GridSearchCV(estimator, GRID, cv=2, refit=False)
    with joblib.parallel_config("loky", n_jobs=n_workers, inner_max_num_threads=1):
        fitted.fit(X[:n_rows], y[:n_rows])
    return fitted.cv_results_["mean_test_score"]


def benchmark(options):
    """Yield a row for each network and division of the cores."""
    n_rows = 100 if options.quick else 1500
    for network, estimator in NETWORKS.items():
        functions = {
            side: partial(search, estimator, n_rows, n_workers)
            for side, n_workers in SIDES.items()
        }
        laps = in_turn(functions, 1 if options.quick else 4)
        for row in compare(laps, next(iter(SIDES)), "s").values():
            yield {"network": network, **row}


if __name__ == "__main__":
    run(benchmark, __doc__)
