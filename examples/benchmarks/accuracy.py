"""Accuracy without tuning.

Every estimator with its default parameters but those named, pixels between 0 and 1, on
three tasks: the 8×8 digits in stratified five-fold cross-validation, shuffled with
seeds 0, 1 and 2; a hundred of those digits drawn at random to train on, the others to
test on, twenty times; MNIST with its own test set, for seeds 0, 1 and 2 (one fit where
the seed changes nothing). Mean and standard deviation over the seeds, or draws.
"""

from statistics import fmean, stdev

import numpy as np
from benchmarking import mnist, run, score
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from timing import describe

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    MLPClassifier,
)

edges = ConvolutionFeatureTransformer("gabor", rectify="abs", pooling="mean", power=0.5)
ESTIMATORS = {
    "ConvNetClassifier": ConvNetClassifier(),
    "edges + SVC(C=10)": make_pipeline(edges, SVC(C=10)),
    "edges + LogisticRegression(C=0.01)": make_pipeline(
        edges, StandardScaler(), LogisticRegression(C=0.01)
    ),
    "MLPClassifier": MLPClassifier(),
    "scikit-learn MLPClassifier": SklearnMLPClassifier(),
    "SVC": SVC(),
    "k-NN": KNeighborsClassifier(),
    "random forest": RandomForestClassifier(),
    "HistGradientBoosting": HistGradientBoostingClassifier(),
}
SEEDED = {
    "ConvNetClassifier",
    "MLPClassifier",
    "scikit-learn MLPClassifier",
    "random forest",
    "HistGradientBoosting",
}


def fit_and_score(estimator, seed, X, y, X_test, y_test):
    """Fit a clone with this seed; return its accuracy, and its log-loss or None."""
    estimator = clone(estimator)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=seed)
    estimator.fit(X, y)
    if not hasattr(estimator, "predict_proba"):  # an SVC gives no probabilities
        return (estimator.predict(X_test) == y_test).mean(), None
    return score(estimator.predict_proba(X_test), y_test)


def summary(groups):
    """Return a row's values: mean over all, deviation of the groups' means."""
    means = [100 * fmean(correct for correct, _ in group) for group in groups]
    losses = [loss for group in groups for _, loss in group]
    return {
        "accuracy %": f"{fmean(means):.2f}",
        "±": f"{stdev(means):.2f}" if len(means) > 1 else "",
        "log-loss": "" if None in losses else fmean(losses),
    }


def digits_folds(options, estimator, seeds):
    """Five-fold cross-validation of the 8x8 digits, once for each seed."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    groups = []
    for seed in seeds:
        folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y)
        groups.append(
            [
                fit_and_score(estimator, seed, X[a], y[a], X[b], y[b])
                for a, b in list(folds)[: 1 if options.quick else None]
            ]
        )
    return groups


def hundred_digits(options, estimator, seeds):
    """Train on a hundred digits, test on the others, for many draws."""
    X, y = load_digits(return_X_y=True)
    groups = []
    for draw in range(1 if options.quick else 20):
        a, b = train_test_split(
            np.arange(len(X)), train_size=100, stratify=y, random_state=draw
        )
        X01 = X / 16
        groups.append([fit_and_score(estimator, draw, X01[a], y[a], X01[b], y[b])])
    return groups


def mnist_test(options, estimator, seeds):
    """Train on MNIST's training set, test on its test set, once for each seed."""
    X, y, X_test, y_test = mnist(options, dtype=np.float32, n_quick=200)
    return [[fit_and_score(estimator, seed, X, y, X_test, y_test)] for seed in seeds]


TASKS = {
    "8×8 digits, five folds": digits_folds,
    "8×8 digits, from 100": hundred_digits,
    "MNIST": mnist_test,
}
QUICK_EPOCHS = 2


def benchmark(options):
    """Yield a row for each task and estimator."""
    for task, evaluate in TASKS.items():
        for name, estimator in ESTIMATORS.items():
            varies = name in SEEDED or task != "MNIST"
            seeds = range(3) if varies and not options.quick else range(1)
            if options.quick and name in SEEDED - {"random forest"}:
                estimator = clone(estimator).set_params(max_iter=QUICK_EPOCHS)
            try:
                groups = evaluate(options, estimator, seeds)
            except Exception as error:
                yield {"task": task, "who": name, "failed": describe(error)}
                continue
            yield {"task": task, "who": name, **summary(groups)}


if __name__ == "__main__":
    run(benchmark, __doc__)
