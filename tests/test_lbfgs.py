"""The solver on all rows at once: SciPy's, and scikit-learn's optimum."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.optimize import check_grad
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier

from sklearn_digits import MLPClassifier
from sklearn_digits._training.lbfgs import FullLoss
from sklearn_digits._training.loss import LogLoss
from sklearn_digits._training.rows import Rows

TARGETS = {
    "binary": lambda y: y > 4,
    "multiclass": lambda y: y,
    "multilabel": lambda y: np.stack([y > 4, y % 2], axis=1).astype(int),
}


def digits(kind="multiclass"):
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, TARGETS[kind](y[:300])


def start_alike(kind="multiclass", **params):
    """Return unfitted-like models of both libraries with the same weights."""
    X, y = digits(kind)
    theirs = SklearnMLPClassifier((8,), "tanh", random_state=0, warm_start=True)
    theirs.partial_fit(X, y, classes=np.unique(y))
    theirs.set_params(solver="lbfgs", alpha=1.0, max_iter=1000, **params)
    return MLPClassifier.from_sklearn(theirs), theirs, X, y


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("weighted", [True, False])
def test_the_optimum_is_scikit_learns(kind, weighted):
    ours, theirs, X, y = start_alike(kind, tol=1e-5)
    weight = np.linspace(0.1, 3, len(X)) if weighted else None
    for model in (ours, theirs):
        model.fit(X, y, sample_weight=weight)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-4)
    np.testing.assert_allclose(
        ours.predict_proba(X), theirs.predict_proba(X), atol=0.01
    )


@pytest.mark.parametrize("kind", TARGETS)
def test_iterations_are_scikit_learns(kind):
    ours, theirs, X, y = start_alike(kind)
    for model in (ours, theirs):
        with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 8"):
            model.set_params(max_iter=8).fit(X, y)
    assert ours.n_iter_ == theirs.n_iter_ == 8
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
    for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-9)


def test_max_fun_limits_the_evaluations():
    ours, theirs, X, y = start_alike(max_fun=10)
    for model in (ours, theirs):
        with pytest.warns(ConvergenceWarning, match="EVALUATIONS EXCEEDS LIMIT"):
            model.fit(X, y)
    assert ours.n_iter_ == theirs.n_iter_


def test_early_stopping_has_no_meaning_as_in_scikit_learn():
    X, y = digits()
    params = {"solver": "lbfgs", "random_state": 0, "tol": 0.01}
    plain = MLPClassifier((8,), **params).fit(X, y)
    early = MLPClassifier((8,), **params, early_stopping=True).fit(X, y)
    assert np.array_equal(plain.predict_proba(X), early.predict_proba(X))


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "gelu"])
@pytest.mark.parametrize("chunk_size", [7, 1000])
def test_the_gradient_is_that_of_the_loss(activation, chunk_size):
    X, y = digits()
    model = MLPClassifier((4,), activation, max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X[:20], y[:20])
    model.module_.double()
    weight = np.linspace(0, 2, 20)
    target = np.searchsorted(model.classes_, y[:20])
    rows = Rows.weighted(X[:20], torch.from_numpy(target), weight)
    settings = SimpleNamespace(
        module=model.module_,
        criterion=LogLoss(),
        prepare=model._prepare,
        alpha=0.3,
        chunk_size=chunk_size,
        device=torch.device("cpu"),
    )
    loss = FullLoss(settings, rows)
    error = check_grad(lambda w: loss(w)[0], lambda w: loss(w)[1], loss.weights)
    assert error < 1e-5


def test_class_weights_are_weights_of_rows():
    X, y = digits()
    params = {"solver": "lbfgs", "random_state": 0, "max_iter": 500}
    by_class = MLPClassifier((), class_weight={3: 5.0}, **params).fit(X, y)
    by_row = MLPClassifier((), **params).fit(X, y, np.where(y == 3, 5.0, 1.0))
    assert np.array_equal(by_class.predict_proba(X), by_row.predict_proba(X))


def test_the_loss_of_each_iteration_is_kept(capsys):
    X, y = digits()
    model = MLPClassifier((8,), solver="lbfgs", tol=0.01, verbose=True).fit(X, y)
    assert len(model.loss_curve_) == model.n_iter_
    assert model.loss_curve_[-1] == model.loss_ == model.best_loss_
    assert model.loss_curve_ == sorted(model.loss_curve_, reverse=True)
    assert f"Iteration {model.n_iter_}, loss = " in capsys.readouterr().out
    again = model.set_params(warm_start=True).fit(X, y)
    assert again.n_iter_ < 3


def test_precision_is_that_of_the_input():
    X, y = digits()
    params = {"solver": "lbfgs", "tol": 0.1, "random_state": 0}
    wide = MLPClassifier((2000,), **params)
    assert wide.fit(X, y).coefs_[0].dtype == np.float64
    assert wide.fit(X.astype(np.float32), y).coefs_[0].dtype == np.float32


def test_there_is_no_partial_fit():
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    assert hasattr(MLPClassifier(), "partial_fit")


@pytest.mark.parametrize(
    ("params", "data", "message"),
    [
        ({"dropout": 0.1}, {}, r"dropout=0.1.*solver='lbfgs'"),
        ({"compute_dtype": "bfloat16"}, {}, "compute_dtype='bfloat16'"),
        ({"skorch_callbacks": []}, {}, "skorch_callbacks"),
        ({}, {"X_val": np.ones((2, 64)), "y_val": [0, 1]}, "X_val"),
    ],
)
def test_what_the_solver_cannot_do_is_named(params, data, message):
    X, y = digits()
    with pytest.raises(ValueError, match=message):
        MLPClassifier(solver="lbfgs", **params).fit(X, y, **data)


class AtTheThirdIteration:
    """Raise an error, or ask to stop, after three iterations."""

    def __init__(self, error=None):
        self.error = error
        self.n_iterations = 0

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.n_iterations += 1
        if self.n_iterations == 3 and self.error is not None:
            raise self.error
        return self.n_iterations >= 3


def test_callbacks_see_iterations_and_can_stop_them():
    X, y = digits()
    model = MLPClassifier(solver="lbfgs").set_callbacks(AtTheThirdIteration())
    assert model.fit(X, y).n_iter_ == 3


def test_ctrl_c_keeps_the_finished_iterations():
    X, y = digits()
    model = MLPClassifier(solver="lbfgs", random_state=0, max_iter=3)
    stopped = clone(model).set_callbacks(AtTheThirdIteration(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(X, y)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    assert stopped.n_iter_ == 3
    assert np.array_equal(stopped.predict_proba(X), model.predict_proba(X))
