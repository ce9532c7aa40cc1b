"""What a fit is watched on: held-out rows, or a set of the user's own."""

import numpy as np
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_digits import ConvNetClassifier, MLPClassifier
from sklearn_digits._training.rows import Rows
from sklearn_digits._training.validation import hold_out

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
CLASSIFIERS = [
    MLPClassifier((20,), max_iter=4, random_state=0),
    ConvNetClassifier(channels=(4,), max_iter=4, random_state=0),
]
each_classifier = pytest.mark.parametrize("classifier", CLASSIFIERS)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300], X[300:400] / 16, y[300:400]


@each_classifier
def test_without_early_stopping_a_validation_set_only_watches(classifier, digits):
    X, y, X_val, y_val = digits
    watched = clone(classifier).fit(X, y, X_val=X_val, y_val=y_val)
    plain = clone(classifier).fit(X, y)
    assert np.array_equal(watched.predict_proba(X), plain.predict_proba(X))
    assert watched.best_loss_ == plain.best_loss_
    assert plain.validation_scores_ is None
    assert len(watched.validation_scores_) == watched.n_iter_ == 4
    assert watched.validation_scores_[-1] == watched.score(X_val, y_val)
    assert watched.best_validation_score_ == max(watched.validation_scores_)
    assert watched.validation_loss_curve_[-1] == pytest.approx(
        log_loss(y_val, watched.predict_proba(X_val)), rel=1e-5
    )


@each_classifier
def test_with_early_stopping_a_validation_set_decides(classifier, digits):
    X, y, X_val, y_val = digits
    model = clone(classifier).set_params(early_stopping=True, tol=0)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    assert model.t_ == len(X) * model.n_iter_  # no row of X is held out
    assert model.score(X_val, y_val) == max(model.validation_scores_)
    assert model.best_loss_ is None


def test_patience_counts_on_the_validation_set(digits):
    X, y, X_val, y_val = digits
    params = {"early_stopping": True, "n_iter_no_change": 2, "tol": 2}
    model = MLPClassifier((20,), **params).fit(X, y, X_val=X_val, y_val=y_val)
    assert model.n_iter_ == 4  # the first epoch improves on none
    watched = MLPClassifier((20,), max_iter=6, n_iter_no_change=2, tol=1e-9)
    assert watched.fit(X, y, X_val=X_val, y_val=np.zeros_like(y_val)).n_iter_ == 6


@each_classifier
def test_validation_weights_weigh_score_and_loss(classifier, digits):
    X, y, X_val, y_val = digits
    weight = np.linspace(0, 2, len(y_val))
    model = clone(classifier)
    model.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    score = accuracy_score(y_val, model.predict(X_val), sample_weight=weight)
    loss = log_loss(y_val, model.predict_proba(X_val), sample_weight=weight)
    assert model.validation_scores_[-1] == pytest.approx(score)
    assert model.validation_loss_curve_[-1] == pytest.approx(loss, rel=1e-5)


def test_a_multilabel_validation_set_is_scored_as_a_whole(digits):
    X, y, X_val, y_val = digits
    Y, Y_val = (np.stack([labels > 4, labels % 2], 1) * 1 for labels in (y, y_val))
    model = MLPClassifier((20,), max_iter=3).fit(X, Y, X_val=X_val, y_val=Y_val)
    assert model.validation_scores_[-1] == model.score(X_val, Y_val)


@each_classifier
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_val": None}, "y_val was not provided"),
        ({"X_val": None}, "X_val was not provided"),
        ({"X_val": None, "y_val": None}, "X_val and y_val was not provided"),
        ({"X_val": np.ones((100, 63))}, "X_val is invalid: X has 63 features.*64"),
        (
            {"X_val": np.full((100, 64), np.nan)},
            "X_val is invalid: Input X contains NaN",
        ),
        ({"y_val": np.zeros(99, int)}, "y_val has 99 rows, X_val has 100"),
        ({"y_val": np.full(100, 11)}, r"`y_val` has classes not.*\[11\]"),
        ({"y_val": np.eye(100, 3, dtype=int)}, "y_val of shape"),
        ({"sample_weight_val": np.ones(99)}, "sample_weight.shape == "),
        ({"sample_weight_val": np.zeros(100)}, "zero"),
    ],
)
def test_a_validation_set_that_does_not_fit_is_named(
    classifier, digits, change, message
):
    X, y, X_val, y_val = digits
    given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": np.ones(100)}
    model = clone(classifier)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, **{**given, **change})
    assert not hasattr(model, "classes_")


def test_a_pipeline_transforms_the_validation_set_as_it_does_x(digits):
    X, y, X_val, y_val = digits
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = clone(CLASSIFIERS[0]).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline(
            [("scale", StandardScaler()), ("classify", classifier)],
            transform_input=["X_val"],
        ).fit(X, y, X_val=X_val, y_val=y_val)
        scores = pipeline["classify"].validation_scores_
        assert scores[-1] == pipeline.score(X_val, y_val)


def test_warm_starts_go_on_with_the_curves_that_they_can(digits):
    X, y, X_val, y_val = digits
    model = MLPClassifier((20,), max_iter=2, warm_start=True)
    model.fit(X, y, X_val=X_val, y_val=y_val).fit(X, y, X_val=X_val, y_val=y_val)
    assert len(model.validation_scores_) == 4
    model.fit(X, y)
    assert model.validation_scores_ is None
    assert len(model.loss_curve_) == 6
    model.fit(X, y, X_val=X_val, y_val=y_val)
    assert len(model.validation_scores_) == 2
    model.set_params(early_stopping=True).fit(X, y, X_val=X_val, y_val=y_val)
    assert len(model.validation_scores_) == 4
    assert model.best_loss_ is None


@each_classifier
def test_a_split_that_would_leave_one_of_two_classes_out_is_an_error(
    classifier, digits
):
    X, y = digits[:2]
    model = clone(classifier).set_params(early_stopping=True, validation_fraction=0.2)
    with pytest.raises(
        ValueError, match=r"only 1 member.*\['True'\].*=0.2 of 300 rows"
    ):
        model.fit(X, np.where(np.arange(len(y)) == 7, "b", "a"))
    model.set_params(validation_fraction=0.001)
    with pytest.raises(ValueError, match=r"test_size = 1 .*classes = 2 .*X_val"):
        model.fit(X, y > 4)
    with pytest.raises(ValueError, match=r"too small.*0.001.*300 rows.*classes: 1"):
        model.fit(X, np.zeros(len(y)))


@each_classifier
@pytest.mark.parametrize("validation_fraction", [0.02, 0.2])
def test_a_split_that_leaves_one_of_many_classes_out_warns(
    classifier, validation_fraction, digits
):
    X, y = digits[:2]
    if validation_fraction == 0.2:
        y = np.append(y[:-1], 77)
    model = clone(classifier).set_params(early_stopping=True)
    with pytest.warns(
        UserWarning, match=f"not one of each class.*{validation_fraction}"
    ):
        model.set_params(validation_fraction=validation_fraction).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_held_out_rows_have_the_classes_in_their_shares():
    y = np.repeat([0, 1, 2], [10, 30, 60])
    rows = Rows.weighted(np.zeros((100, 1)), torch.from_numpy(y), None)
    train, validation = hold_out(rows, 0.2, 0, np.arange(3), multilabel=False)
    assert np.bincount(y[validation.index]).tolist() == [2, 6, 12]
    assert sorted([*train.index, *validation.index]) == list(range(100))
