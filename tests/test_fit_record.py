"""What training writes, and who is told: records, observers, callbacks, checkpoints."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier

import sklearn_digits._classifiers.auto_settings as auto_settings
from sklearn_digits import (
    Checkpoint,
    ConvNetClassifier,
    MLPClassifier,
    TrainingCurveDisplay,
)
from sklearn_digits._persistence import version

pytestmark = pytest.mark.filterwarnings("ignore:(Stochastic Optimizer|lbfgs failed)")
MLP = MLPClassifier((6,), max_iter=4, random_state=0)
CONVNET = ConvNetClassifier((3,), max_iter=4, random_state=0)
LBFGS = MLPClassifier((6,), solver="lbfgs", max_iter=4, random_state=0)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:60] / 16, y[:60]


class Follow:
    """A callback that keeps what a fitted copy of each epoch says."""

    def __init__(self):
        self.epochs = []

    def setup(self, estimator, context):
        self.before = dict(vars(estimator))

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        if context.task_name == "epoch":
            score = fitted_estimator.predict_proba(X).shape
            curve = list(fitted_estimator.loss_curve_)
            self.epochs.append((fitted_estimator.n_iter_, len(curve), score))


@pytest.mark.parametrize("classifier", [MLP, CONVNET, LBFGS])
def test_callbacks_find_the_curves_of_each_epoch(classifier, digits):
    follow = Follow()
    model = clone(classifier).set_callbacks(follow).fit(*digits)
    assert follow.epochs == [(n, n, (60, 10)) for n in range(1, model.n_iter_ + 1)]


@pytest.mark.parametrize("classifier", [MLP, CONVNET, LBFGS])
def test_a_fit_changes_nothing_before_its_end(classifier, digits):
    class Look(Follow):
        def on_fit_task_begin(self, estimator, context):
            assert not [name for name in vars(estimator) if name.endswith("_")]

    clone(classifier).set_callbacks(Look()).fit(*digits)


def fits_and_files(folder, *fits):
    for model, X, y in fits:
        yield clone(model).set_callbacks(Checkpoint(folder)).fit(X, y)


def test_images_of_other_sides_share_no_checkpoint(digits, tmp_path):
    X, y = digits
    wide, square = X.reshape(-1, 4, 16), X.reshape(-1, 8, 8)
    _, found = fits_and_files(tmp_path, (CONVNET, wide, y), (CONVNET, square, y))
    assert len(list(tmp_path.iterdir())) == 2
    expected = clone(CONVNET).fit(square, y)
    assert_array_equal(found.predict_proba(square), expected.predict_proba(square))


@pytest.mark.parametrize("change", ["meaning of auto", "version"])
def test_another_version_shares_no_checkpoint(change, digits, tmp_path, monkeypatch):
    model = clone(CONVNET).set_params(max_iter="auto", batch_size=60)
    monkeypatch.setattr(auto_settings, "AUTO_STEPS", (3, 3))
    monkeypatch.setattr(auto_settings, "FEWEST_EPOCHS", 3)
    (old,) = fits_and_files(tmp_path, (model, *digits))
    if change == "version":
        monkeypatch.setattr(version, "__version__", "99.0")
    else:
        monkeypatch.setattr(auto_settings, "FEWEST_EPOCHS", 6)
    (new,) = fits_and_files(tmp_path, (model, *digits))
    assert len(list(tmp_path.iterdir())) == 2
    assert (old.n_iter_, new.n_iter_) == (3, 3 if change == "version" else 6)


def test_a_batch_larger_than_the_data_does_not_choose_the_precision(digits):
    params = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
    with pytest.warns(UserWarning, match="clipped"):
        large = MLPClassifier(batch_size=10**6, **params).fit(*digits)
    exact = MLPClassifier(batch_size=60, **params).fit(*digits)
    assert large.compute_dtype_ == exact.compute_dtype_ == "float64"
    assert_array_equal(large.predict_proba(digits[0]), exact.predict_proba(digits[0]))


def test_features_ignore_the_callers_autocast(digits):
    model = clone(CONVNET).fit(*digits)
    expected = model.transform(digits[0])
    with torch.autocast("cpu", torch.bfloat16):
        assert_array_equal(model.transform(digits[0]), expected)


# From scikit-learn


MODES = {
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "default device": lambda: torch.device("meta"),
    "none": nullcontext,
}


@pytest.mark.parametrize("mode", MODES)
def test_weights_come_from_scikit_learn_in_any_mode_of_torch(mode, digits):
    theirs = SklearnMLPClassifier((6,), max_iter=3, random_state=0).fit(*digits)
    with MODES[mode]():
        ours = MLPClassifier.from_sklearn(theirs)
    assert_allclose(ours.predict_proba(digits[0]), theirs.predict_proba(digits[0]))
    ours.set_params(warm_start=True, max_iter=2).fit(*digits)


@pytest.mark.parametrize(
    "go_on",
    [
        lambda model, X, y: model.set_params(warm_start=True).fit(X, y),
        lambda model, X, y: model.set_params(warm_start=True, solver="adam").fit(X, y),
        lambda model, X, y: model.set_params(solver="adam").partial_fit(X, y),
    ],
)
def test_a_fit_by_scikit_learns_lbfgs_goes_on_and_is_drawn(go_on, digits, plt):
    theirs = SklearnMLPClassifier((6,), solver="lbfgs", max_iter=3, random_state=0)
    ours = MLPClassifier.from_sklearn(theirs.fit(*digits))
    model = go_on(ours, *digits)
    assert len(model.loss_curve_) == model.n_iter_
    assert np.isfinite(model.best_loss_)
    TrainingCurveDisplay.from_estimator(model)
