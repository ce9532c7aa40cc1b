"""Networks for images as transformers, and their features for new classes."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_digits import (
    BatchNorm2d,
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    ImageClassifier,
)

DIGITS = load_digits()
X, Y = DIGITS.data[:600], DIGITS.target[:600]
NETWORK = ConvNetClassifier(channels=(16, 24), max_iter=12, random_state=0)


@pytest.fixture(scope="module")
def fitted():
    return clone(NETWORK).fit(X, Y)


class Plain(ImageClassifier):
    """A network without a method for its features."""

    def build_module(self, n_features, n_classes):
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_features, 32),
            nn.ReLU(),
            nn.Linear(32, 16),
            nn.ReLU(),
            nn.Linear(16, n_classes),
        )


class WithoutLinear(ImageClassifier):
    def build_module(self, n_features, n_classes):
        return nn.Sequential(
            nn.Conv2d(1, n_classes, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )


class Described(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 6, 3, bias=False), BatchNorm2d(6))
        self.head = nn.Linear(6, n_classes)

    def features(self, x):
        return nn.functional.adaptive_avg_pool2d(self.body(x).relu(), 2)

    def forward(self, x):
        return self.head(self.features(x).mean(dim=(2, 3)))


class WithFeatures(ImageClassifier):
    def build_module(self, n_features, n_classes):
        return Described(n_classes)


def test_features_are_means_over_parts_and_what_the_last_layer_sees(fitted):
    images = torch.from_numpy(X.reshape(-1, 1, 8, 8)).float()
    standardize, network = fitted.module_
    maps = network.stages[:7](standardize(images)).detach()
    parts = nn.functional.adaptive_avg_pool2d(maps, 3).flatten(1).sqrt()
    found = fitted.transform(X)
    assert_allclose(found[:, :144], nn.functional.normalize(parts), atol=1e-5)
    seen = found[:, 144:] ** 2  # in proportion to what the last layer sees
    directions = seen @ network.head.weight.detach().numpy().T
    logits = fitted.decision_function(X) - network.head.bias.detach().numpy()
    ratio = (logits / directions).mean(axis=1, keepdims=True)
    assert_allclose(directions * ratio, logits, atol=1e-2)
    assert found.dtype == np.float32
    assert_array_equal(fitted.transform(X.reshape(-1, 8, 8)), found)


def test_float64_networks_have_float64_features():
    model = clone(NETWORK).set_params(compute_dtype="float64", max_iter=1).fit(X, Y)
    assert model.transform(X[:3]).dtype == np.float64


def test_features_without_a_method_enter_the_last_linear_layer():
    model = Plain(max_iter=3, random_state=0).fit(X, Y)
    features = model.transform(X)
    assert features.shape == (600, 16)
    last = model.module_[1][-1]
    logits = features @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    assert_allclose(logits, model.decision_function(X), atol=1e-4)
    assert not last._forward_pre_hooks


def test_features_of_a_method_are_flattened():
    model = WithFeatures(max_iter=2, random_state=0).fit(X, Y)
    assert model.transform(X).shape == (600, 24)
    assert model.get_feature_names_out()[-1] == "withfeatures23"


def test_a_module_that_has_no_features_is_told_what_to_write():
    model = WithoutLinear(max_iter=1, random_state=0).fit(X, Y)
    for use in (lambda: model.transform(X), model.get_feature_names_out):
        with pytest.raises(AttributeError, match=r"method\s+features\(images\)"):
            use()


def test_features_in_threads_are_those_of_one_thread():
    model = Plain(max_iter=1, random_state=0).fit(X, Y)
    parts = np.array_split(X, 30)
    expected = [model.transform(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(model.transform, parts))
    assert all(map(np.array_equal, found, expected))


def test_views_do_not_change_features(fitted):
    model = copy.deepcopy(fitted).set_params(n_views=5)
    assert_array_equal(model.transform(X), fitted.transform(X))


def test_features_survive_a_pickle(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.transform(X), fitted.transform(X))


@pytest.mark.parametrize(("output", "frame"), [("pandas", pd), ("polars", pl)])
def test_features_have_names_in_frames(fitted, output, frame):
    model = copy.deepcopy(fitted).set_output(transform=output)
    found = model.transform(X)
    assert isinstance(found, frame.DataFrame)
    assert list(found.columns) == list(fitted.get_feature_names_out())
    assert_array_equal(found.to_numpy(), fitted.transform(X))


def test_a_network_stands_in_front_of_another_classifier():
    pipeline = make_pipeline(clone(NETWORK), StandardScaler(), LogisticRegression())
    pipeline.fit(X[:400], Y[:400])
    assert pipeline.score(X[400:], Y[400:]) > 0.8
    names = pipeline[:-1].get_feature_names_out()
    assert names[0] == "convnetclassifier0"


def test_a_network_joins_other_features():
    union = FeatureUnion(
        [("network", clone(NETWORK)), ("edges", ConvolutionFeatureTransformer())]
    )
    features = union.fit_transform(X, Y)
    parts = [each.transform(X) for _, each in union.transformer_list]
    assert_array_equal(features, np.hstack(parts))
    assert union.get_feature_names_out()[0] == "network__convnetclassifier0"


def test_images_and_other_columns_are_learned_together():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(X, columns=[f"pixel{i}" for i in range(64)])
    frame["parity"] = Y % 2 + rng.normal(0, 0.1, len(Y))
    columns = ColumnTransformer(
        [
            ("image", clone(NETWORK).set_params(max_iter=2), list(frame.columns[:64])),
            ("table", StandardScaler(), ["parity"]),
        ]
    )
    together = make_pipeline(columns, LogisticRegression(max_iter=500))
    alone = make_pipeline(clone(NETWORK).set_params(max_iter=2), LogisticRegression())
    scores = [
        model.fit(part[:400], Y[:400]).score(part[400:], Y[400:])
        for model, part in ((together, frame), (alone, frame.iloc[:, :64]))
    ]
    assert scores[0] > scores[1]
    assert together[0].get_feature_names_out()[-1] == "table__parity"


def test_a_search_transforms_with_its_best_network():
    search = GridSearchCV(clone(NETWORK), {"max_iter": [1, 3]}, cv=2).fit(X, Y)
    assert_array_equal(search.transform(X), search.best_estimator_.transform(X))


def test_a_frozen_network_is_not_fitted_again(fitted):
    pipeline = make_pipeline(FrozenEstimator(fitted), LogisticRegression(max_iter=300))
    before = fitted.transform(X)
    assert cross_val_score(pipeline, X, Y, cv=3).min() > 0.8
    assert_array_equal(fitted.transform(X), before)


def test_ensembles_still_take_a_network_for_a_classifier(fitted):
    members = [("network", clone(NETWORK)), ("line", LogisticRegression(max_iter=300))]
    voting = VotingClassifier(members, voting="soft").fit(X / 16, Y)
    stacking = StackingClassifier(members, cv=2).fit(X / 16, Y)
    assert voting.score(X / 16, Y) > 0.9
    assert stacking.score(X / 16, Y) > 0.9


def test_weights_reach_a_network_in_the_middle_of_a_pipeline():
    weight = (Y != 3).astype(float)
    pipeline = make_pipeline(clone(NETWORK), LogisticRegression(max_iter=300))
    pipeline.fit(X, Y, convnetclassifier__sample_weight=weight)
    direct = clone(NETWORK).fit(X, Y, sample_weight=weight)
    assert_array_equal(pipeline[0].transform(X), direct.transform(X))


def test_transform_checks_its_input(fitted):
    with pytest.raises(ValueError, match="64 features"):
        fitted.transform(np.zeros((3, 63)))
    with pytest.raises(ValueError, match="not fitted"):
        ConvNetClassifier().transform(X)
    with pytest.raises(ValueError, match="not fitted"):
        ConvNetClassifier().get_feature_names_out()


def few_of(y, n_each, seed):
    """Return positions of a few rows of each class, and of the others."""
    rng = np.random.default_rng(seed)
    few = [rng.choice(np.flatnonzero(y == c), n_each, False) for c in np.unique(y)]
    return np.concatenate(few), np.setdiff1d(np.arange(len(y)), np.concatenate(few))


@pytest.mark.slow
def test_features_know_new_classes_from_five_images_better_than_pixels_and_edges():
    images, labels = DIGITS.images, DIGITS.target
    old = labels < 7
    network = ConvNetClassifier(random_state=0).fit(images[old], labels[old])
    edges = ConvolutionFeatureTransformer(
        "gabor", rectify="abs", pooling="mean", power=0.5
    ).fit(images)
    new, y = images[~old], labels[~old]

    def mean_score(features):
        draws = (few_of(y, 5, seed) for seed in range(10))
        neighbor = KNeighborsClassifier(1)
        return np.mean(
            [
                neighbor.fit(features[few], y[few]).score(features[rest], y[rest])
                for few, rest in draws
            ]
        )

    learned = mean_score(network.transform(new))
    assert learned > 0.92
    assert learned > mean_score(edges.transform(new))
    assert learned > mean_score(new.reshape(len(new), -1))


@pytest.mark.slow
def test_a_warm_start_learns_new_classes_with_the_old_features():
    images, labels = DIGITS.images, DIGITS.target
    old = labels < 7
    network = ConvNetClassifier(random_state=0).fit(images[old], labels[old])
    new, y = images[~old], labels[~old]
    scores = []
    for seed in range(3):
        few, rest = few_of(y, 5, seed)
        scratch = ConvNetClassifier(random_state=seed).fit(new[few], y[few])
        tuned = copy.deepcopy(network).set_params(warm_start=True, random_state=seed)
        tuned.fit(new[few], y[few])
        assert_array_equal(tuned.classes_, [7, 8, 9])
        scores.append([model.score(new[rest], y[rest]) for model in (tuned, scratch)])
    tuned, scratch = np.mean(scores, axis=0)
    assert tuned > scratch


@pytest.mark.parametrize("classes", [[7, 8, 9], list(range(9)), list(range(6)), [0, 1]])
def test_a_warm_start_with_other_classes_begins_with_the_old_weights(fitted, classes):
    model = copy.deepcopy(fitted).set_params(warm_start=True, learning_rate_init=1e-30)
    model.set_params(weight_decay=0, ema_decay=None, max_iter=1)
    some = np.isin(Y, classes)
    model.fit(X[some], Y[some])
    assert_array_equal(model.classes_, classes)
    before, after = fitted.module_[1], model.module_[1]
    assert_array_equal(
        after.stages[0].weight.detach(), before.stages[0].weight.detach()
    )
    assert after.head.out_features == len(classes)
    assert model.predict_proba(X[:5]).shape == (5, len(classes))


def test_a_warm_start_with_other_classes_has_scores_and_losses_of_its_own():
    images, labels = DIGITS.images, DIGITS.target
    old = labels < 5
    model = ConvNetClassifier((8, 16), max_iter=8, random_state=0, batch_size=32)
    model.set_params(warm_start=True, early_stopping=True)
    model.fit(images[old], labels[old])
    model.fit(images, labels)
    assert model.score(images, labels) > 0.9
    assert len(model.loss_curve_) == len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_a_warm_start_with_other_classes_and_another_network_is_an_error(fitted):
    model = copy.deepcopy(fitted).set_params(warm_start=True, channels=(8, 24))
    with pytest.raises(ValueError, match=r"last fit.*'channels': \(8, 24\)"):
        model.fit(X[Y < 5], Y[Y < 5])
    assert_array_equal(model.classes_, fitted.classes_)
    assert_array_equal(model.predict(X[:9]), fitted.predict(X[:9]))


def test_a_warm_start_with_other_classes_checks_the_device_that_is_set(fitted):
    model = copy.deepcopy(fitted).set_params(warm_start=True, device="toaster")
    with pytest.raises(ValueError, match="toaster"):
        model.fit(X[Y < 5], Y[Y < 5])


def test_a_warm_start_with_as_many_other_classes_has_a_new_head(fitted):
    model = copy.deepcopy(fitted).set_params(warm_start=True, max_iter=20)
    names = np.array(list("jihgfedcba"))[Y]
    model.fit(X, names)
    assert model.classes_.tolist() == sorted("abcdefghij")
    assert model.score(X, names) > 0.9
