"""Every meta-estimator of scikit-learn's, around every estimator of ours.

The table ``docs/guide/composites.md`` is made from what is declared and tried here:
``python tests/test_composites.py`` writes it anew.
"""

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils import estimator_html_repr
from sklearn.utils._repr_html.common import generate_link_to_param_doc, get_docstring

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    MLPClassifier,
)
from sklearn_digits._estimator import DOCUMENTATION

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "composites.md"
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"

MLP = MLPClassifier((20,), max_iter=20, learning_rate_init=0.01, random_state=0)
CONVNET = ConvNetClassifier(
    (12,),
    max_iter=12,
    batch_size=10,
    augmentation=None,
    ema_decay=None,
    random_state=0,
)
EDGES = ConvolutionFeatureTransformer(rectify="abs", pooling="mean")
ESTIMATORS = {
    "MLPClassifier": MLP,
    "ConvNetClassifier": CONVNET,
    "ConvolutionFeatureTransformer": make_pipeline(EDGES, LogisticRegression(C=0.1)),
}


@cache
def digits():
    """Return a few images of the first digits, flattened, and their labels."""
    X, y = load_digits(n_class=3, return_X_y=True)
    return X[:60], y[:60]


@pytest.fixture(autouse=True)
def _short_fits_are_no_surprise():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        warnings.filterwarnings("ignore", message="Got `batch_size`")
        warnings.filterwarnings("ignore", message="Rows of .* are not square")
        yield


# What is done with an estimator and data; returns what shall not depend on whether
# X holds rows or images, and a score.


def predicting(build, change_y=lambda y: y):
    """Return a trial: fit what `build` makes of an estimator, and predict."""

    def attempt(estimator, X, y):
        y = change_y(y)
        predicted = build(estimator).fit(X, y).predict(X)
        known = y != -1
        return predicted, np.mean(predicted[known] == y[known])

    return attempt


def scoring(score):
    """Return a trial: `score` returns the scores of an estimator on `X` and `y`."""

    def attempt(estimator, X, y):
        scores = score(estimator, X, y)
        return scores, np.mean(scores)

    return attempt


def grid(estimator):
    """Return two values of one parameter."""
    if isinstance(estimator, Pipeline):
        return {"logisticregression__C": [0.1, 1.0]}
    return {"learning_rate_init": [0.01, 0.02]}


def after_scaling(transformer):
    """Return what puts `transformer` in front of an estimator."""
    return lambda estimator: make_pipeline(transformer, estimator)


def search(kind, **options):
    """Return what builds a search of two values of one parameter."""

    def build(estimator):
        return kind(estimator, grid(estimator), cv=2, **options)

    return build


def validated(estimator, X, y):
    return cross_validate(estimator, X, y, cv=2)["test_score"]


def learned(estimator, X, y):
    return learning_curve(estimator, X, y, cv=2, train_sizes=[0.5, 1.0])[1]


def varied(estimator, X, y):
    ((name, values),) = grid(estimator).items()
    return validation_curve(estimator, X, y, param_name=name, param_range=values, cv=2)[
        1
    ]


def important(estimator, X, y):
    """Return how much log-loss each pixel saves; the score is that some saves any."""
    model = clone(estimator).fit(X, y)
    drops = permutation_importance(
        model, X, y, scoring="neg_log_loss", n_repeats=1, random_state=0
    ).importances_mean
    return drops, drops.shape == (64,) and drops.max() > 0


def float32(build):
    """Return `build` behind a step that makes all of X float32."""
    return lambda estimator: build(
        make_pipeline(FunctionTransformer(np.float32), estimator)
    )


def calibrated(estimator):
    return CalibratedClassifierCV(estimator, cv=2)


def frozen(estimator, X, y):
    model = clone(estimator).fit(X, y)
    predicted = FrozenEstimator(model).fit(X, y).predict(X)
    assert np.array_equal(predicted, model.predict(X))
    return predicted, np.mean(predicted == y)


def voting(estimator):
    return VotingClassifier([("a", estimator), ("b", clone(estimator))], voting="soft")


def stacking(estimator):
    return StackingClassifier([("a", estimator), ("b", clone(estimator))], cv=2)


def two_columns(y):
    return np.column_stack([y == 0, y == 1]).astype(int)


def half_unlabeled(y):
    return np.where(np.arange(len(y)) % 2, -1, y)


class Composite(NamedTuple):
    """A meta-estimator or a function, how it is tried, and what it takes.

    Attributes
    ----------
    name : str
    attempt : callable
        Takes an estimator, `X` and `y`; returns what shall not depend on the form of
        `X`, and a score.
    images : bool
        Whether image-shaped `X` passes through.
    inside : bool
        Whether a pipeline from our transformer to a linear model may stand inside.
        Else the transformer stands in front of the meta-estimator.
    remark : str
    """

    name: str
    attempt: Callable
    images: bool = True
    inside: bool = True
    remark: str = ""


COMPOSITES = [
    Composite(
        "Pipeline",
        predicting(after_scaling(FunctionTransformer(np.negative))),
        remark="Images pass where the steps before let them: scalers do not.",
    ),
    Composite(
        "ColumnTransformer",
        predicting(
            after_scaling(ColumnTransformer([("pixels", MinMaxScaler(), slice(0, 64))]))
        ),
        images=False,
        remark="Columns of pixels, beside columns of other things.",
    ),
    Composite(
        "FeatureUnion",
        predicting(
            after_scaling(
                FeatureUnion(
                    [
                        ("vertical", ConvolutionFeatureTransformer(["sobel_v"])),
                        ("horizontal", ConvolutionFeatureTransformer(["sobel_h"])),
                    ]
                )
            )
        ),
        remark="Images pass where all its transformers take them.",
    ),
    Composite("GridSearchCV", predicting(search(GridSearchCV))),
    Composite("RandomizedSearchCV", predicting(search(RandomizedSearchCV, n_iter=2))),
    Composite(
        "HalvingGridSearchCV",
        predicting(search(HalvingGridSearchCV, min_resources=40, random_state=0)),
    ),
    Composite("cross_validate", scoring(validated)),
    Composite("learning_curve", scoring(learned)),
    Composite("validation_curve", scoring(varied)),
    Composite(
        "permutation_importance",
        important,
        images=False,
        remark="One column is shuffled at a time.",
    ),
    Composite(
        "BaggingClassifier",
        predicting(lambda e: BaggingClassifier(e, n_estimators=2, random_state=0)),
        images=False,
    ),
    Composite("VotingClassifier", predicting(voting)),
    Composite("StackingClassifier", predicting(stacking)),
    Composite(
        "AdaBoostClassifier",
        predicting(lambda e: AdaBoostClassifier(e, n_estimators=2, random_state=0)),
        inside=False,
        remark="It wants `sample_weight` in `fit`, which a pipeline does not have.",
    ),
    Composite("OneVsRestClassifier", predicting(OneVsRestClassifier)),
    Composite("MultiOutputClassifier", predicting(MultiOutputClassifier, two_columns)),
    Composite(
        "ClassifierChain",
        predicting(ClassifierChain, two_columns),
        images=False,
        remark="Earlier answers become features beside the pixels: set no "
        "`image_shape`.",
    ),
    Composite("CalibratedClassifierCV", predicting(calibrated)),
    Composite("CalibratedClassifierCV, float32", predicting(float32(calibrated))),
    Composite(
        "TunedThresholdClassifierCV",
        predicting(
            lambda e: TunedThresholdClassifierCV(e, cv=2), lambda y: (y > 0).astype(int)
        ),
        remark="Two classes.",
    ),
    Composite("FrozenEstimator", frozen),
    Composite(
        "SelfTrainingClassifier",
        predicting(lambda e: SelfTrainingClassifier(e, max_iter=1), half_unlabeled),
        images=False,
    ),
]

each_name = pytest.mark.parametrize("name", ESTIMATORS)
each_composite = pytest.mark.parametrize(
    "composite", COMPOSITES, ids=lambda composite: composite.name
)


@each_composite
@each_name
def test_a_composite_works_on_rows_and_on_images_where_the_table_says_so(
    composite, name
):
    X, y = digits()
    estimator, attempt = ESTIMATORS[name], composite.attempt
    if not composite.inside and isinstance(estimator, Pipeline):
        with pytest.raises(ValueError, match="doesn't support sample_weight"):
            attempt(estimator, X, y)
        attempt = in_front(attempt)
    found, score = attempt(estimator, X, y)
    assert score > 0.5
    images = X.reshape(-1, 8, 8)
    if composite.images:
        assert np.array_equal(attempt(estimator, images, y)[0], found)
    else:
        with pytest.raises(ValueError, match=r"dim <= 2|2D NumPy array"):
            attempt(estimator, images, y)


def in_front(attempt):
    """Return a trial with the transformer in front of the meta-estimator."""

    def attempt_after_transform(pipeline, X, y):
        return attempt(pipeline[-1], clone(pipeline[0]).fit_transform(X), y)

    return attempt_after_transform


# The page


def table():
    """Return the table of composites, in Markdown."""
    lines = [
        "| scikit-learn | transformer | images | remark |",
        "|---|---|---|---|",
    ]
    for composite in COMPOSITES:
        transformer = "inside" if composite.inside else "in front"
        images = "yes" if composite.images else "no"
        lines.append(
            f"| {composite.name} | {transformer} | {images} | {composite.remark} |"
        )
    return "\n".join(lines)


def test_the_page_shows_what_is_tried_here():
    assert table() in PAGE.read_text(encoding="utf-8")


# Weights, names and pictures on their way through composites


REFIT = {
    "Pipeline": (make_pipeline, lambda model: model[-1]),
    "GridSearchCV": (search(GridSearchCV), lambda model: model.best_estimator_),
    "VotingClassifier": (
        lambda e: VotingClassifier([("a", e)]),
        lambda model: model.estimators_[0],
    ),
    "StackingClassifier": (
        lambda e: StackingClassifier(
            [("a", e)], LogisticRegression().set_fit_request(sample_weight=False), cv=2
        ),
        lambda model: model.estimators_[0],
    ),
    "TunedThresholdClassifierCV": (
        lambda e: TunedThresholdClassifierCV(
            e, cv=2, scoring=make_scorer(accuracy_score).set_score_request()
        ),
        lambda model: model.estimator_,
    ),
    "OneVsRestClassifier": (OneVsRestClassifier, lambda model: model.estimators_[0]),
    "CalibratedClassifierCV": (
        lambda e: CalibratedClassifierCV(e, cv=[(np.arange(60), np.arange(60))]),
        lambda model: model.calibrated_classifiers_[0].estimator,
    ),
}


@pytest.mark.parametrize("composite", REFIT)
@pytest.mark.parametrize("classifier", [MLP, CONVNET])
def test_weights_are_routed_to_the_classifier(classifier, composite):
    X, y = digits()
    y = (y > 0).astype(int)
    weight = 1.0 + np.arange(len(y)) % 3
    build, inner = REFIT[composite]
    with config_context(enable_metadata_routing=True):
        requesting = clone(classifier).set_fit_request(sample_weight=True)
        requesting.set_score_request(sample_weight=False)
        model = build(requesting).fit(X, y, sample_weight=weight)
    refit = inner(model)
    direct = clone(classifier).set_params(**refit.get_params())
    direct.fit(X, y, sample_weight=weight)
    assert np.array_equal(refit.predict_proba(X), direct.predict_proba(X))
    unweighted = clone(direct).fit(X, y)
    assert not np.array_equal(refit.predict_proba(X), unweighted.predict_proba(X))


@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("classifier", [MLP, CONVNET])
def test_names_of_features_reach_the_classifier(classifier, container):
    X, y = digits()
    filters = FeatureUnion([("edges", clone(EDGES)), ("thin", clone(EDGES))])
    model = make_pipeline(filters, clone(classifier)).set_output(transform=container)
    model.fit(X, y)
    names = list(model[:-1].get_feature_names_out())
    assert list(model[-1].feature_names_in_) == names
    assert names[0].startswith("edges__")
    plain = clone(model).set_output(transform="default").fit(X, y)
    assert np.array_equal(plain.predict_proba(X), model.predict_proba(X))


OURS = [MLP, CONVNET, EDGES]


@pytest.mark.parametrize("estimator", OURS)
def test_the_diagram_links_every_parameter_and_result_to_its_description(estimator):
    X, y = digits()
    model = clone(estimator).fit(X, y)
    kind = type(model)
    link = f"{DOCUMENTATION}/api/sklearn_digits.{kind.__name__}.html"
    shown = estimator_html_repr(model)
    results = [name for name in vars(model) if name[-1] == "_" and name[0] != "_"]
    for section, names in (("Parameters", model.get_params()), ("Attributes", results)):
        for name in names:
            if section == "Parameters" or f"{name}</a>" in shown:
                assert get_docstring(kind, section, name), name
                assert generate_link_to_param_doc(kind, name, link) in shown


def test_the_diagram_of_a_composite_links_each_of_its_parts():
    shown = estimator_html_repr(voting(make_pipeline(EDGES, MLP)))
    for name in ("MLPClassifier", "ConvolutionFeatureTransformer"):
        assert f'href="{DOCUMENTATION}/api/sklearn_digits.{name}.html"' in shown


def test_classes_of_other_packages_are_not_linked_to_our_pages():
    class Own(MLPClassifier):
        pass

    assert DOCUMENTATION not in estimator_html_repr(Own())


def test_the_package_names_the_same_documentation():
    assert f'Documentation = "{DOCUMENTATION}"' in PYPROJECT.read_text(encoding="utf-8")


if __name__ == "__main__":
    before, _, after = PAGE.read_text(encoding="utf-8").partition("| scikit-learn |")
    after = after.partition("\n\n")[2]
    PAGE.write_text(f"{before}{table()}\n\n{after}", encoding="utf-8")
