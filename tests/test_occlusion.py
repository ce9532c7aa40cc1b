import re
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from torch import nn

from sklearn_digits import (
    ConvNetClassifier,
    MLPClassifier,
    TorchClassifier,
    occlusion_map,
)
from sklearn_digits._explanation.fill import fill_colors
from sklearn_digits._explanation.occlusion import lay_windows, window_sides

DIGITS = load_digits()
IMAGES, Y = DIGITS.images.astype(np.float32), DIGITS.target
PATCH, DISTRACTOR = (slice(2, 5), slice(7, 10)), (slice(8, 9), slice(1, 9))


class Mean(ClassifierMixin, BaseEstimator):
    """The probability of "bright" is the mean of the pixels; notes what it is given."""

    classes_ = np.array(["dark", "bright"])

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, X):
        self.seen = [*getattr(self, "seen", []), X]
        bright = np.asarray(X, dtype=np.float64).reshape(len(X), -1).mean(axis=1) / 255
        return np.column_stack([1 - bright, bright])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Linear(TorchClassifier):
    def build_module(self, n_features, n_classes):
        return nn.Linear(n_features, n_classes)


def planted(n_channels, n=240):
    """Images of noise in which a square means class 1, and a line means nothing."""
    rng = np.random.default_rng(0)
    X = rng.integers(40, size=(n, 12, 12, n_channels), dtype=np.uint8)
    y, has_line = rng.integers(2, size=(2, n))
    X[y == 1, *PATCH, 0] = 220
    X[has_line == 1, *DISTRACTOR, -1] = 220
    return X if n_channels > 1 else X[..., 0], y, has_line


@pytest.fixture(scope="module")
def mlp():
    return MLPClassifier((20,), tol=0.01, random_state=0).fit(IMAGES / 16, Y)


@pytest.fixture(scope="module")
def convnet():
    model = ConvNetClassifier((4, 8), max_iter=3, random_state=0)
    return model.fit(IMAGES[:600], Y[:600])


# What maps show


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize(
    "classifier",
    [
        make_pipeline(PCA(30, random_state=0), SVC()),
        MLPClassifier((20,), learning_rate_init=0.01, tol=0.01, random_state=0),
        ConvNetClassifier((4, 8), max_iter=20, random_state=0),
    ],
    ids=["svc", "mlp", "convnet"],
)
def test_a_patch_that_decides_the_class_lights_up(classifier, n_channels):
    X, y, has_line = planted(n_channels)
    shape = None
    if not isinstance(classifier, ConvNetClassifier):
        X, shape = X.reshape(len(X), -1) / 255, (12, 12, n_channels)
    classifier.fit(X[40:], y[40:])
    both = np.flatnonzero(y[:40] & has_line[:40])
    assert (classifier.predict(X[both]) == 1).all()
    mean_map = occlusion_map(classifier, X[both], image_shape=shape).mean(axis=0)
    row, column = np.unravel_index(mean_map.argmax(), mean_map.shape)
    # A window that reaches one pixel beyond the patch still hides most of it.
    assert 1 <= row <= 5
    assert 6 <= column <= 10
    assert mean_map[PATCH].mean() > 3 * abs(mean_map[DISTRACTOR].mean())


def drop_without(classifier, X, maps, share=0.1):
    """Return how much scores drop without the pixels that have the highest values."""
    if hasattr(classifier, "predict_proba"):
        scores = classifier.predict_proba
    else:
        scores = classifier.decision_function
    explained = np.arange(len(X)), scores(X).argmax(axis=1)
    highest = np.argsort(-maps.reshape(len(X), -1))[:, : round(share * maps[0].size)]
    rows = X.reshape(len(X), -1).copy()
    np.put_along_axis(rows, highest, 0, axis=1)
    return (scores(X) - scores(rows.reshape(X.shape)))[explained].mean()


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("svc", "occlusion"),
        ("mlp", "occlusion"),
        ("mlp", "integrated_gradients"),
        ("convnet", "occlusion"),
        ("convnet", "integrated_gradients"),
    ],
)
def test_without_the_top_tenth_of_a_map_the_score_drops_most(
    name, method, mlp, convnet
):
    X = IMAGES[600:660].reshape(60, -1)
    classifier = {"mlp": mlp, "convnet": convnet}.get(name)
    if classifier is None:
        classifier = make_pipeline(MinMaxScaler(), SVC())
        classifier.fit(IMAGES[:600].reshape(600, -1), Y[:600])
    if classifier is mlp:
        X = X / 16
    maps = occlusion_map(classifier, X, method=method, fill=0)
    chance = np.random.default_rng(0).random(maps.shape)
    of_chance, of_lowest = (drop_without(classifier, X, m) for m in (chance, -maps))
    assert drop_without(classifier, X, maps) > 3 * max(of_chance, of_lowest, 0)


def test_covering_single_pixels_of_a_linear_model_gives_its_products():
    X = DIGITS.data
    linear = LogisticRegression(max_iter=1000).fit(X[:300], Y[:300] % 2)
    options = {"window": 1, "response_method": "decision_function", "target": 1}
    for fill in (0, 5):
        maps = occlusion_map(linear, X[300:310], fill=fill, **options)
        expected = linear.coef_[0] * (X[300:310] - fill)
        assert_allclose(maps.reshape(10, -1), expected, atol=1e-6)


@pytest.mark.parametrize(("window", "stride"), [(3, 1), (4, 2)])
def test_a_pixel_has_the_mean_over_the_windows_that_cover_it(window, stride):
    X = DIGITS.data[:300]
    linear = LogisticRegression(max_iter=1000).fit(X, Y[:300] % 2)
    [actual] = occlusion_map(
        linear,
        X[:1],
        target=1,
        response_method="decision_function",
        window=window,
        stride=stride,
    )
    products = (linear.coef_[0] * X[0]).reshape(8, 8)
    windows = lay_windows(8, 8, window, stride)
    for row, column in np.ndindex(8, 8):
        covering = [
            products[rows, columns].sum()
            for rows, columns in windows
            if rows.start <= row < rows.stop and columns.start <= column < columns.stop
        ]
        assert_allclose(actual[row, column], np.mean(covering), atol=1e-9)


def test_maps_of_all_classes_sum_to_nothing(mlp):
    maps = [occlusion_map(mlp, IMAGES[:3] / 16, target=label) for label in range(10)]
    assert np.abs(maps[0]).max() > 1e-4
    assert_allclose(np.sum(maps, axis=0), 0, atol=1e-6)


def test_what_speaks_for_one_of_two_classes_speaks_against_the_other():
    X, y = DIGITS.data[:200], Y[:200] % 2
    network = MLPClassifier((9,), tol=0.1, random_state=0)
    for classifier, method in (
        (SVC(), "occlusion"),
        (GaussianNB(), "occlusion"),
        (network, "occlusion"),
        (network, "integrated_gradients"),
    ):
        classifier.fit(X, y)
        odd, even = (
            occlusion_map(classifier, X[:4], method=method, target=label)
            for label in (1, 0)
        )
        assert np.abs(odd).max() > 0
        assert_allclose(odd, -even, atol=1e-9)


def test_a_classifier_that_looks_at_nothing_has_an_empty_map():
    blind = DummyClassifier().fit(DIGITS.data, Y)
    assert_array_equal(occlusion_map(blind, DIGITS.data[:2]), np.zeros((2, 8, 8)))


def test_without_a_target_the_predicted_class_is_explained():
    svc = SVC().fit(IMAGES[:300].reshape(300, -1), Y[:300])
    X = IMAGES[300:320].reshape(20, -1)
    maps = occlusion_map(svc, X)
    assert_array_equal(maps, occlusion_map(svc, X, target=svc.predict(X)))
    assert not np.allclose(maps[:1], occlusion_map(svc, X[:1], target=3))


def test_an_image_has_the_same_map_alone_and_in_company(mlp):
    X = IMAGES[:8] / 16 + np.arange(8, dtype=np.float32).reshape(-1, 1, 1) / 50
    for fill in ("background", "mean"):
        together = occlusion_map(mlp, X, fill=fill)
        alone = [occlusion_map(mlp, image[np.newaxis], fill=fill)[0] for image in X]
        assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("method", ["occlusion", "integrated_gradients"])
def test_the_size_of_batches_changes_nothing(mlp, method):
    X = IMAGES[:5] / 16
    expected = occlusion_map(mlp, X, method=method)
    for batch_size in (1, 7, 1000):
        maps = occlusion_map(mlp, X, method=method, batch_size=batch_size)
        assert_allclose(maps, expected, atol=1e-6)


def test_no_batch_is_larger_than_it_may_be():
    mean = Mean()
    occlusion_map(mean, np.zeros((3, 8, 8)), batch_size=10)
    sizes = [len(X) for X in mean.seen]
    assert sizes[:2] == [3, 3]
    assert max(sizes[2:]) == 10
    assert sum(sizes[2:]) == 3 * 49


# Forms of input


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int16])
@pytest.mark.parametrize("shape", [(144,), (12, 12), (12, 12, 1), (6, 8, 3)])
def test_the_estimator_is_given_covered_images_in_the_form_of_x(dtype, shape):
    X = np.random.default_rng(0).integers(256, size=(2, *shape)).astype(dtype)
    mean = Mean()
    maps = occlusion_map(mean, X)
    assert maps.shape == (2, *(shape if len(shape) > 1 else (12, 12))[:2])
    assert maps.dtype == np.float64
    assert {(seen.dtype, seen.shape[1:]) for seen in mean.seen} == {(X.dtype, shape)}


def test_all_forms_of_images_have_the_same_maps():
    X = IMAGES[:3]
    expected = occlusion_map(Mean(), X)
    rows = X.reshape(3, -1)
    forms = [rows, X[..., np.newaxis], rows.tolist(), torch.from_numpy(X)]
    forms += [pd.DataFrame(rows), pl.DataFrame(rows), np.asfortranarray(X)]
    for form in forms:
        assert_allclose(occlusion_map(Mean(), form), expected, atol=1e-9)


@pytest.mark.parametrize("Frame", [pd.DataFrame, pl.DataFrame])
def test_data_frames_keep_kind_and_names(Frame):
    X = Frame({f"pixel {i}": IMAGES[:300].reshape(300, -1)[:, i] for i in range(64)})
    model = make_pipeline(StandardScaler(), GaussianNB()).fit(X, Y[:300])
    occlusion_map(model, X[:3])  # names that are missing would warn
    mean = Mean()
    occlusion_map(mean, X[:3])
    assert {type(seen) for seen in mean.seen} == {Frame}
    assert {tuple(seen.columns) for seen in mean.seen} == {tuple(X.columns)}


def test_x_stays_as_it_is():
    X = IMAGES[:3].copy()
    X.flags.writeable = False
    occlusion_map(Mean(), X)
    assert_array_equal(X, IMAGES[:3])


def test_pipelines_searches_and_forests_are_explained():
    X, y = IMAGES[:200].reshape(200, -1), Y[:200].astype(str)
    search = GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": [1]}, cv=2)
    forest = RandomForestClassifier(5, random_state=0)
    for classifier in (search, forest):
        maps = occlusion_map(classifier.fit(X, y), X[:2], target=["3", "7"])
        assert np.abs(maps).max() > 0


def test_signals_are_covered_by_windows_of_height_one():
    maps = occlusion_map(
        Mean(), np.full((1, 50), 255.0), window=4, fill=0, image_shape=(1, 50)
    )
    assert maps.shape == (1, 1, 50)
    assert_allclose(maps, 4 / 50)


def test_the_shape_that_an_estimator_was_fitted_with_is_taken():
    X = np.random.default_rng(0).uniform(size=(60, 48)).astype(np.float32)
    model = ConvNetClassifier((2,), max_iter=1, image_shape=(6, 8), random_state=0)
    model.fit(X, np.arange(60) % 2)
    assert occlusion_map(model, X[:2]).shape == (2, 6, 8)


# Windows and fill


@pytest.mark.parametrize(
    ("height", "width", "window", "stride"),
    [(8, 8, 2, 1), (28, 28, 7, 2), (28, 30, 7, 5), (5, 9, 4, 4), (1, 9, 4, 3)],
)
def test_windows_cover_all_pixels_in_steps_no_longer_than_the_stride(
    height, width, window, stride
):
    windows = lay_windows(height, width, window, stride)
    covered = np.zeros((height, width), dtype=int)
    for rows, columns in windows:
        assert covered[rows, columns].size == min(window, height) * min(window, width)
        covered[rows, columns] += 1
    assert covered.min() >= 1
    starts = sorted({columns.start for _, columns in windows})
    assert (starts[0], starts[-1]) == (0, width - min(window, width))
    assert max(np.diff(starts)) <= stride


def test_auto_is_a_quarter_of_the_side_and_of_the_window():
    assert window_sides(28, 28, "auto", "auto") == (7, 2)
    assert window_sides(8, 12, "auto", "auto") == (2, 1)
    assert window_sides(1, 100, "auto", "auto") == (1, 1)
    assert window_sides(300, 300, "auto", 5) == (75, 5)


def test_background_is_the_color_at_the_border_of_each_image():
    X = np.full((2, 9, 9, 3), 7, dtype=np.uint8)
    X[1] = [10, 20, 30]
    X[:, 2:-2, 2:-2] = 200
    colors = fill_colors(X, "background")
    assert colors.dtype == np.uint8
    assert_array_equal(colors, [[7, 7, 7], [10, 20, 30]])
    assert (fill_colors(IMAGES[..., np.newaxis], "background") == 0).mean() > 0.99


def test_mean_is_that_of_each_image_and_channel_rounded_for_whole_numbers():
    X = np.random.default_rng(0).integers(256, size=(3, 5, 4, 3), dtype=np.uint8)
    exact = X.mean(axis=(1, 2))
    assert_array_equal(fill_colors(X, "mean"), np.rint(exact))
    assert_allclose(fill_colors(X.astype(np.float64), "mean"), exact)


def test_numbers_fill_all_channels_or_each():
    X = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    assert_array_equal(fill_colors(X, 9), np.full((2, 3), 9))
    assert_array_equal(fill_colors(X, [1, 2, 254.6]), [[1, 2, 255]] * 2)


# Integrated gradients


def logit(classifier, X, target):
    scores = classifier.decision_function(X)
    if scores.ndim == 1:
        return scores if target == classifier.classes_[1] else -scores
    return scores[:, list(classifier.classes_).index(target)]


@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("fill", [0, 0.3])
@pytest.mark.parametrize(
    "classifier",
    [
        MLPClassifier((30,), max_iter=20, tol=1e9, random_state=0),
        ConvNetClassifier((4, 8), max_iter=2, random_state=0),
    ],
    ids=["mlp", "convnet"],
)
def test_integrated_gradients_sum_to_the_difference_of_the_logits(
    classifier, fill, n_classes
):
    X, y = IMAGES[:300] / 16, Y[:300] % n_classes
    classifier.fit(X, y)
    for target in (0, 1):
        maps = occlusion_map(
            classifier,
            X[:10],
            target=target,
            method="integrated_gradients",
            fill=fill,
            n_steps=300,
        )
        blank = np.full_like(X[:1], fill)
        difference = logit(classifier, X[:10], target) - logit(
            classifier, blank, target
        )
        largest = np.abs(difference).max()
        assert largest > 0.1
        assert_allclose(maps.sum(axis=(1, 2)), difference, atol=0.02 * largest)


def test_more_steps_come_closer_to_the_difference_of_the_logits(mlp):
    X = IMAGES[:20] / 16
    scores = mlp.decision_function(X) - mlp.decision_function(np.zeros_like(X[:1]))
    difference = scores[np.arange(20), mlp.predict(X)]
    few, many = (
        np.abs(
            occlusion_map(
                mlp, X, method="integrated_gradients", fill=0, n_steps=n_steps
            ).sum(axis=(1, 2))
            - difference
        ).mean()
        for n_steps in (2, 200)
    )
    assert many < few / 10


def test_integrated_gradients_of_a_linear_module_are_its_products():
    X = IMAGES[:200].reshape(200, -1)
    linear = Linear(tol=0.1, random_state=0).fit(X, Y[:200])
    maps = occlusion_map(
        linear, X[:4], target=3, method="integrated_gradients", fill=2, n_steps=1
    )
    weight = linear.module_.weight[3].detach().numpy()
    assert_allclose(maps.reshape(4, -1), weight * (X[:4] - 2), atol=1e-5)


def test_colors_are_summed_over_their_channels():
    X, y, _ = planted(3)
    model = ConvNetClassifier((4, 8), max_iter=3, random_state=0).fit(X, y)
    fill = [200, 20, 100]
    maps = occlusion_map(
        model, X[:4], method="integrated_gradients", fill=fill, n_steps=200
    )
    blank = np.full_like(X[:4], fill)
    difference = model.decision_function(X[:4]) - model.decision_function(blank)
    difference[model.predict(X[:4]) == 0] *= -1
    scale = np.abs(difference).max()
    assert_allclose(maps.sum(axis=(1, 2)), difference, atol=0.05 * scale)


def test_a_network_is_differentiated_under_any_mode_and_left_as_it_is(convnet):
    expected = occlusion_map(convnet, IMAGES[:2], method="integrated_gradients")
    with torch.inference_mode():
        maps = occlusion_map(convnet, IMAGES[:2], method="integrated_gradients")
    assert_array_equal(maps, expected)
    assert not convnet.module_.training
    assert all(weight.grad is None for weight in convnet.module_.parameters())


# Errors


@pytest.fixture(scope="module")
def svc():
    return SVC().fit(IMAGES[:100].reshape(100, -1), Y[:100])


def test_an_estimator_that_scores_no_classes_is_refused(svc):
    X = IMAGES[:100].reshape(100, -1)
    with pytest.raises(ValueError, match=r"LinearRegression\(\) has no classes to"):
        occlusion_map(LinearRegression().fit(X, Y[:100]), X)
    hard = VotingClassifier([("nb", GaussianNB())]).fit(X, Y[:100])
    with pytest.raises(ValueError, match=r"neither predict_proba nor .*voting='soft'"):
        occlusion_map(hard, X)
    with pytest.raises(ValueError, match=r"only decision_function; expected 'auto'"):
        occlusion_map(svc, X, response_method="predict_proba")
    with pytest.raises(NotFittedError, match="Call 'fit'"):
        occlusion_map(SVC(), X)
    pairs = SVC(decision_function_shape="ovo").fit(X, Y[:100])
    with pytest.raises(ValueError, match=r"45 columns for 10 .*_shape='ovr'"):
        occlusion_map(pairs, X[:2])
    forest = RandomForestClassifier(2).fit(X, np.c_[Y[:100], Y[:100]])
    with pytest.raises(ValueError, match=r"predicts 2 outputs; expected one"):
        occlusion_map(forest, X[:2])


def test_several_labels_an_image_need_a_target():
    X = IMAGES[:100] / 16
    labels = np.c_[Y[:100] > 4, Y[:100] % 2].astype(int)
    model = MLPClassifier((9,), tol=0.1, random_state=0).fit(X, labels)
    with pytest.raises(ValueError, match=r"any number of labels .* one of \[0, 1\]"):
        occlusion_map(model, X[:2])
    for method in ("occlusion", "integrated_gradients"):
        first, second = (
            occlusion_map(model, X[:2], target=t, method=method) for t in (0, 1)
        )
        assert not np.allclose(first, -second)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 11}, "target=11 is not among the classes of the estimator"),
        ({"target": [0, 1, "x"]}, "target=x is not among"),
        (
            {"target": [0, 1]},
            "shape (2,); expected one label, or one for each of the 3",
        ),
        (
            {"window": 9},
            "window=9 is larger than the images, of 8x8 pixels; expected 1",
        ),
        ({"window": 2, "stride": 3}, "stride=3 is larger than window=2"),
        ({"window": 0}, "'window' parameter of occlusion_map must be"),
        ({"fill": [1, 2, 3]}, "expected one number, or one for each of 1 channels"),
        ({"fill": np.nan}, "fill=nan must be finite"),
        ({"fill": "black"}, "'fill' parameter of occlusion_map must be"),
        ({"image_shape": (4, 4)}, "image_shape=(4, 4) needs 16 features"),
        ({"method": "integrated_gradients"}, "needs a network, an estimator with mod"),
        ({"method": "lime"}, "'method' parameter of occlusion_map must be"),
    ],
)
def test_options_that_do_not_fit_are_refused(svc, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        occlusion_map(svc, IMAGES[:3].reshape(3, -1), **options)


def test_images_of_another_size_are_refused_by_the_estimator(svc, convnet):
    for classifier in (svc, convnet):
        for method in ("occlusion", "integrated_gradients"):
            with pytest.raises(ValueError, match=r"63 features, but .* 64 features"):
                occlusion_map(classifier, np.zeros((2, 63)), method=method)
    with pytest.raises(
        ValueError, match=r"was fitted with images of shape \(8, 8, 1\)"
    ):
        occlusion_map(convnet, IMAGES[:2].reshape(2, 4, 16))
    with pytest.raises(ValueError, match=r"fitted with images of shape \(8, 8, 1\)"):
        occlusion_map(convnet, DIGITS.data[:2], image_shape=(4, 16))


def test_a_fill_that_the_dtype_does_not_hold_is_refused():
    with pytest.raises(ValueError, match=r"fill=256 does not fit X.* 0 to 255"):
        occlusion_map(Mean(), np.zeros((1, 4, 4), dtype=np.uint8), fill=256)


@pytest.mark.parametrize("verbose", [False, True])
def test_a_progress_bar_shows_if_asked_for(capsys, verbose):
    occlusion_map(Mean(), IMAGES[:2], verbose=verbose)
    assert ("batches of windows" in capsys.readouterr().err) == verbose


def test_a_progress_bar_without_rich_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with pytest.raises(ImportError, match=r"pip install rich, or pass verbose=False"):
        occlusion_map(Mean(), IMAGES[:2], verbose=True)
