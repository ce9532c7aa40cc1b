"""A grid search of eight candidates.

MLPClassifier on the 8×8 digits: two widths, two penalties, two learning rates, three
folds, 30 epochs a fit, with one and with two processes. The processes are started
before; accuracy is the best candidate's mean over the folds.
"""

from functools import partial

import numpy as np
from benchmarking import OURS, run
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from timing import compare, in_turn

from sklearn_digits import MLPClassifier

GRID = {
    "hidden_layer_sizes": [(50,), (100,)],
    "alpha": [1e-4, 1e-1],
    "learning_rate_init": [1e-3, 1e-2],
}
SIDES = {OURS: MLPClassifier, "scikit-learn": SklearnMLPClassifier}


def search(estimator, n_epochs, n_jobs):
    """Return the fitted search."""
    X, y = load_digits(return_X_y=True)
    params = {"max_iter": n_epochs, "n_iter_no_change": 1000, "random_state": 0}
    return GridSearchCV(estimator(**params), GRID, cv=3, n_jobs=n_jobs).fit(X / 16, y)


def benchmark(options):
    """Yield a row for each side and number of processes."""
    n_epochs = 2 if options.quick else 30
    for n_jobs in (1, 2):
        functions = {
            name: partial(search, estimator, n_epochs, n_jobs)
            for name, estimator in SIDES.items()
        }
        laps = in_turn(functions, 1 if options.quick else 4)
        for name, row in compare(laps, OURS, "s").items():
            if "failed" not in row:
                row["accuracy %"] = f"{100 * np.mean(laps[name].value.best_score_):.2f}"
            yield {"n_jobs": n_jobs, **row}


if __name__ == "__main__":
    run(benchmark, __doc__)
