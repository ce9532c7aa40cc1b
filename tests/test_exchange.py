"""The same weights in both libraries give the same answers."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline

from sklearn_digits import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
TARGETS = {
    "binary": lambda y: np.where(y > 4, "high", "low"),
    "multiclass": lambda y: y,
    "multilabel": lambda y: np.stack([y > 4, y % 2, y == 3], axis=1).astype(int),
}
each_target = pytest.mark.parametrize("kind", TARGETS)
each_activation = pytest.mark.parametrize(
    "activation", ["identity", "logistic", "tanh", "relu"]
)


def digits(kind="multiclass", dtype=np.float64):
    X, y = load_digits(return_X_y=True)
    return (X[:200] / 16).astype(dtype), TARGETS[kind](y[:200])


def quick(**params):
    return {"hidden_layer_sizes": (12, 8), "max_iter": 5, "random_state": 0, **params}


@each_target
@each_activation
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_probabilities_agree_both_ways(kind, activation, dtype, rtol):
    X, y = digits(kind, dtype)
    theirs = SklearnMLPClassifier(**quick(activation=activation)).fit(X, y)
    ours = MLPClassifier.from_sklearn(theirs)
    back = ours.to_sklearn()
    for model in (ours, back):
        np.testing.assert_allclose(
            model.predict_proba(X), theirs.predict_proba(X), rtol=rtol, atol=rtol / 100
        )
        assert np.array_equal(model.predict(X), theirs.predict(X))
        assert np.array_equal(model.classes_, theirs.classes_)
        assert model.coefs_[0].dtype == dtype


@each_target
def test_ones_own_weights_predict_the_same_in_scikit_learn(kind):
    X, y = digits(kind)
    ours = MLPClassifier(**quick(dropout=0.2)).fit(X, y)
    theirs = ours.to_sklearn()
    np.testing.assert_allclose(
        theirs.predict_proba(X), ours.predict_proba(X), rtol=1e-12, atol=1e-14
    )
    assert type(theirs) is SklearnMLPClassifier
    clone(theirs).fit(X, y)


@each_target
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_both_libraries_train_on_alike(kind, solver):
    X, y = digits(kind)
    params = quick(solver=solver, epsilon=1e-14, batch_size=50, shuffle=False)
    ours = MLPClassifier.from_sklearn(SklearnMLPClassifier(**params).fit(X, y))
    theirs = ours.to_sklearn()
    for _ in range(2):
        for model in (ours, theirs):
            model.partial_fit(X, y)
    for model in (ours, theirs):
        model.set_params(warm_start=True, max_iter=2).fit(X, y)
    np.testing.assert_allclose(
        ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-5, atol=1e-9
    )
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    assert ours.t_ == theirs.t_


@pytest.mark.parametrize("early_stopping", [True, False])
def test_parameters_and_curves_go_both_ways(early_stopping):
    X, y = digits()
    params = quick(early_stopping=early_stopping, alpha=0.1, solver="sgd")
    theirs = SklearnMLPClassifier(**params).fit(X, y)
    ours = MLPClassifier.from_sklearn(theirs)
    back = ours.set_params(dropout=0.3, class_weight="balanced").to_sklearn()
    assert back.get_params() == theirs.get_params()
    for name in ("loss_curve_", "best_loss_", "validation_scores_", "n_iter_", "t_"):
        assert getattr(ours, name) == getattr(back, name) == getattr(theirs, name)
    assert ours.best_validation_score_ == theirs.best_validation_score_


def test_early_stopping_goes_on_from_the_weights_that_came_over():
    X, y = digits()
    params = quick(early_stopping=True, warm_start=True, learning_rate_init=1e-12)
    ours = MLPClassifier(**{**params, "learning_rate_init": 0.01}).fit(X, y)
    theirs = ours.to_sklearn().set_params(**params)
    theirs.best_validation_score_ = 2.0  # no epoch to come is better
    np.testing.assert_allclose(
        theirs.fit(X, y).predict_proba(X), ours.predict_proba(X), rtol=1e-6
    )


def test_feature_names_go_both_ways():
    X, y = digits()
    X = pd.DataFrame(X, columns=[f"pixel{i}" for i in range(64)])
    ours = MLPClassifier.from_sklearn(SklearnMLPClassifier(**quick()).fit(X, y))
    theirs = ours.to_sklearn()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in (ours, theirs):
            model.predict(X)
            with pytest.raises(ValueError, match="feature names should match"):
                model.predict(X.rename(columns={"pixel3": "other"}))


def test_large_float64_models_stay_float64():
    X, y = digits()
    theirs = SklearnMLPClassifier((3000,), max_iter=1).fit(X, y)
    ours = MLPClassifier.from_sklearn(theirs)
    assert ours.coefs_[0].dtype == np.float64
    assert ours.partial_fit(X, y).compute_dtype_ == "float64"


def test_the_copies_share_no_memory():
    X, y = digits()
    theirs = SklearnMLPClassifier(**quick()).fit(X, y)
    ours = MLPClassifier.from_sklearn(theirs)
    before, curve = ours.predict_proba(X), list(theirs.loss_curve_)
    ours.to_sklearn().coefs_[0][:] = 0
    theirs.coefs_[0][:] = 0
    ours.partial_fit(X, y).loss_curve_.append(0.0)
    assert not np.array_equal(ours.predict_proba(X), before)
    assert theirs.loss_curve_ == curve
    assert not theirs.coefs_[0].any()


def test_what_scikit_learn_cannot_express_is_named():
    X, y = digits()
    with pytest.raises(ValueError, match=r"activation='gelu' does not exist.*'relu'"):
        MLPClassifier(**quick(activation="gelu")).fit(X, y).to_sklearn()
    with pytest.raises(NotFittedError):
        MLPClassifier().to_sklearn()
    with pytest.raises(NotFittedError):
        MLPClassifier.from_sklearn(SklearnMLPClassifier())
    with pytest.raises(TypeError, match="is a Pipeline; expected a fitted sklearn"):
        MLPClassifier.from_sklearn(make_pipeline(SklearnMLPClassifier()))
    with pytest.raises(ValueError, match="one class only"):
        MLPClassifier(**quick()).fit(X, np.zeros(len(X))).to_sklearn()
    with pytest.raises(ValueError, match="one class only"):
        MLPClassifier.from_sklearn(
            SklearnMLPClassifier(**quick()).fit(X, np.zeros(len(X)))
        )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_can_be_set(dtype):
    X, y = digits(dtype=dtype)
    one, two = (MLPClassifier(**quick(random_state=seed)).fit(X, y) for seed in (0, 1))
    two.coefs_, two.intercepts_ = one.coefs_, one.intercepts_
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))
    two.coefs_[0][:] = 0
    assert one.coefs_[0].all()
    assert not two.coefs_[0].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda coefs: coefs[:-1], "coefs_ has 2 arrays; expected one for .* 3 layers"),
        (
            lambda coefs: [coefs[0], coefs[1].T, coefs[2]],
            r"coefs_\[1\] has the shape \(8, 12\); expected \(12, 8\)",
        ),
        (lambda coefs: [coefs[0], coefs[1], coefs[2] * np.inf], r"coefs_\[2\].*finite"),
    ],
)
def test_weights_that_do_not_fit_are_named_and_change_nothing(change, message):
    X, y = digits()
    model = MLPClassifier(**quick()).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match=message):
        model.coefs_ = change([coef + 1 for coef in model.coefs_])
    assert np.array_equal(model.predict_proba(X), before)
    with pytest.raises(ValueError, match=r"intercepts_\[0\].*expected \(12,\)"):
        model.intercepts_ = [np.zeros(5)] * 3
    with pytest.raises(AttributeError, match="before fit"):
        MLPClassifier().coefs_ = []
