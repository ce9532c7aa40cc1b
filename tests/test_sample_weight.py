"""Weights are relative: their scale changes no fit."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold, cross_val_score

from sklearn_digits import ConvNetClassifier, MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
SCALES = [1e-300, 1e-50, 1e-7, 1e37, 1e300]
MODELS = {
    "MLP": MLPClassifier((20,), alpha=0, max_iter=5, random_state=0),
    "L-BFGS": MLPClassifier((5,), alpha=0, max_iter=5, solver="lbfgs", random_state=0),
    "ConvNet": ConvNetClassifier((4,), max_iter=3, random_state=0),
}


@pytest.fixture(scope="module")
def data():
    X, y = load_digits(n_class=4, return_X_y=True)
    weight = np.random.default_rng(0).random(120) + 0.1
    return X[:120] / 16, y[:120], weight


@pytest.mark.filterwarnings("ignore:lbfgs failed")
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-9)])
@pytest.mark.parametrize("name", MODELS)
def test_weights_of_any_scale_give_the_same_fit(name, dtype, tolerance, scale, data):
    X, y, weight = data
    model = MODELS[name].set_params(compute_dtype=dtype)
    expected = model.fit(X, y, weight).predict_proba(X)
    found = model.fit(X, y, weight * scale).predict_proba(X)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("scale", [2.0**-900, 2.0**900])
def test_a_power_of_two_changes_no_bit(scale, data):
    X, y, weight = data
    expected = MODELS["MLP"].fit(X, y, weight).predict_proba(X)
    found = MODELS["MLP"].fit(X, y, weight * scale).predict_proba(X)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "model",
    [
        MLPClassifier((20,), max_iter=5, batch_size=30, shuffle=False, random_state=0),
        ConvNetClassifier(
            (4,), max_iter=3, batch_size=30, shuffle=False, mixup=0.5, random_state=0
        ),
    ],
    ids=["MLP", "ConvNet"],
)
def test_a_batch_of_vanishing_weights_counts_like_one_of_no_weight(model, data):
    X, y, weight = data
    weight = weight.copy()
    weight[30:60] = 0
    expected = model.fit(X, y, weight).predict_proba(X)
    weight[30:60] = 1e-60
    assert np.array_equal(model.fit(X, y, weight).predict_proba(X), expected)


@pytest.mark.parametrize("scale", SCALES)
def test_validation_weights_of_any_scale_give_the_same_scores(scale, data):
    X, y, weight = data
    model = ConvNetClassifier((4,), max_iter=3, early_stopping=True, random_state=0)
    expected, found = (
        model.fit(X, y, X_val=X, y_val=y, sample_weight_val=w).validation_scores_
        for w in (weight, weight * scale)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_penalty_is_divided_by_the_sum_of_the_weights(data):
    X, y, weight = data
    model = MLPClassifier((20,), max_iter=5, random_state=0, compute_dtype="float64")
    expected = model.set_params(alpha=0.5).fit(X, y, weight).predict_proba(X)
    found = model.set_params(alpha=2.5).fit(X, y, 5 * weight).predict_proba(X)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_weights_too_small_for_the_penalty_are_named(solver, data):
    X, y, weight = data
    model = MLPClassifier((5,), solver=solver, max_iter=2, compute_dtype="float32")
    with pytest.raises(ValueError, match=r"sum to 7.*e-49.*alpha=0.0001.*alpha=0"):
        model.fit(X, y, weight * 1e-50)


@pytest.mark.parametrize("model", [MODELS["MLP"], MODELS["ConvNet"]])
def test_folds_may_lack_a_class_that_has_a_weight(model, data):
    X, y = data[0], np.repeat([0, 1, 0, 2], 30)  # each fold lacks a class
    model = model.set_params(class_weight={0: 1.0, 1: 2.0, 2: 3.0})
    scores = cross_val_score(model, X, y, cv=KFold(2), error_score="raise")
    assert np.isfinite(scores).all()
