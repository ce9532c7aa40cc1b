import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_digits._displays import (
    DigitsDisplay,
    MistakesDisplay,
    TrainingCurveDisplay,
)

X, Y = load_digits(return_X_y=True)
NAMES = np.array(["0th", "1st", "2nd", "third", *"4567", "eighth", "ninth"])


@pytest.fixture(autouse=True)
def plt():
    """Draw without a screen, and leave no figure open."""
    mpl.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


class Fitted(ClassifierMixin, BaseEstimator):
    """A fitted classifier that gives its input back as probabilities."""

    classes_ = np.array(["cat", "dog"])
    image_shape_ = (2, 1, 1)

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, X):
        return np.asarray(X)


def texts(display):
    return [text.get_text() for text in display.text_]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_grey_images_are_drawn_in_order_on_one_scale(dtype):
    images = (np.arange(24).reshape(6, 2, 2) % 7).astype(dtype)
    display = DigitsDisplay.from_images(images)
    display.figure_.canvas.draw()
    assert len(display.images_) == len(display.ax_.images) == 6
    for image, drawn in zip(images, display.images_, strict=True):
        assert_array_equal(drawn.get_array(), image)
        assert drawn.get_clim() == (images.min(), images.max())
        assert drawn.get_cmap().name == "gray"
    assert display.text_ == []


def test_every_form_of_input_draws_the_same():
    expected = [image.reshape(8, 8) for image in X[:5]]
    forms = [X[:5], X[:5].reshape(-1, 8, 8), X[:5].reshape(-1, 8, 8, 1)]
    for images in [*forms, pd.DataFrame(X[:5]), expected]:
        display = DigitsDisplay.from_images(images, pd.Series(Y[:5]))
        assert_array_equal([drawn.get_array() for drawn in display.images_], expected)
        assert texts(display) == ["0", "1", "2", "3", "4"]


def test_rows_take_the_shape_asked_for():
    display = DigitsDisplay.from_images(X[:2], image_shape=(4, 16))
    assert_array_equal(display.images_[1].get_array(), X[1].reshape(4, 16))


def test_labels_stand_above_their_images():
    display = DigitsDisplay.from_images(X, NAMES[Y], n_images=12)
    assert texts(display) == NAMES[Y[:12]].tolist()
    for drawn, text in zip(display.images_, display.text_, strict=True):
        left, right, bottom, top = drawn.get_extent()
        x, y = text.get_position()
        assert left < x < right
        assert y < top < bottom  # the y axis points down


@pytest.mark.parametrize("n_images", [1, 2, 3, 5, 7, 32, 50])
@pytest.mark.parametrize("n_columns", [None, 1, 4, 60])
def test_images_fill_a_grid_row_by_row_without_overlap(n_images, n_columns):
    display = DigitsDisplay.from_images(
        X[:50], Y[:50], n_images=n_images, n_columns=n_columns
    )
    assert len(display.images_) == n_images
    corners = [
        (drawn.get_extent()[3], drawn.get_extent()[0]) for drawn in display.images_
    ]
    assert corners == sorted(corners)
    tops, lefts = (sorted(set(side)) for side in zip(*corners, strict=True))
    assert all(np.diff(lefts) > 8)
    assert all(np.diff(tops) > 8)
    if n_columns is not None:
        assert len(lefts) == min(n_columns, n_images)


@pytest.mark.parametrize("labels", [Y[:12], NAMES[Y[:12]], ["taken for a seven"] * 12])
@pytest.mark.parametrize("width", [2, 4, 8])
def test_captions_do_not_touch_each_other_nor_an_image(plt, labels, width):
    figure, ax = plt.subplots(figsize=(width, width / 2))
    display = DigitsDisplay.from_images(X[:12], labels, ax=ax)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in display.text_]
    boxes += [drawn.get_window_extent() for drawn in display.images_]
    for i, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[:i])


def test_colours_of_bytes_are_drawn_as_they_are():
    images = np.random.default_rng(0).integers(256, size=(3, 4, 5, 3), dtype=np.uint8)
    display = DigitsDisplay.from_images(images)
    assert_array_equal([drawn.get_array() for drawn in display.images_], images)


@pytest.mark.parametrize("n_channels", [3, 4])
def test_colours_on_another_scale_are_moved_into_it(n_channels):
    unit = np.random.default_rng(0).random(size=(3, 4, 5, n_channels))
    unit.flat[:2] = 0, 1
    for images in (unit, 16 * unit, 2 * unit - 1):
        display = DigitsDisplay.from_images(images)
        drawn = [drawn.get_array() for drawn in display.images_]
        np.testing.assert_allclose(drawn, unit, atol=1e-12)


@pytest.mark.parametrize("images", [np.zeros((2, 4, 4)), np.full((2, 4, 4, 3), 7.0)])
def test_constant_images_can_be_drawn(images):
    DigitsDisplay.from_images(images).figure_.canvas.draw()


def test_a_display_can_be_drawn_again_with_other_settings(plt):
    display = DigitsDisplay.from_images(X, Y, n_images=4)
    _, ax = plt.subplots()
    again = display.plot(
        ax,
        n_images=6,
        cmap="gray_r",
        im_kw={"vmax": 99},
        text_kw={"color": "red", "fontsize": 5},
    )
    assert again is display
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert len(display.images_) == 6
    assert display.images_[0].get_cmap().name == "gray_r"
    assert display.images_[0].get_clim() == (0, 99)
    assert display.text_[0].get_color() == "red"
    assert display.text_[0].get_fontsize() == 5


@pytest.mark.parametrize(
    ("images", "kwargs", "message"),
    [
        (X[:0], {}, "minimum of 1 is required"),
        (X[:3], {"labels": Y[:2]}, "inconsistent numbers of samples"),
        (X[:3], {"image_shape": (5, 5)}, "needs 25 features; X has 64"),
        (X[:3] * np.nan, {}, "X contains NaN"),
        (X[:3], {"n_images": 0}, "n_images == 0, must be >= 1"),
        (X[:3], {"n_columns": 0}, "n_columns == 0, must be >= 1"),
    ],
)
def test_images_that_cannot_be_drawn_are_refused(images, kwargs, message):
    with pytest.raises(ValueError, match=message):
        DigitsDisplay.from_images(images, **kwargs)


def test_mistakes_are_drawn_the_most_confident_first():
    X = [[0.9, 0.1], [0.4, 0.6], [0.05, 0.95], [0.2, 0.8], [0.7, 0.3]]
    y = ["dog", "cat", "dog", "cat", "dog"]
    display = MistakesDisplay.from_estimator(Fitted(), X, y)
    assert texts(display) == [
        "dog → cat\n90.0%",
        "cat → dog\n80.0%",
        "dog → cat\n70.0%",
        "cat → dog\n60.0%",
    ]
    drawn = [image.get_array().ravel().tolist() for image in display.images_]
    assert drawn == [X[0], X[3], X[4], X[1]]
    assert display.images_[0].get_array().shape == (2, 1)  # as image_shape_ says
    assert display.ax_.get_title() == "4 mistakes in 5 images"
    assert display.figure_ is display.ax_.figure


def test_mistakes_agree_with_the_predictions_of_the_estimator(plt):
    estimator = make_pipeline(StandardScaler(), GaussianNB()).fit(
        X[:900], NAMES[Y[:900]]
    )
    _, ax = plt.subplots()
    display = MistakesDisplay.from_estimator(
        estimator, X[900:], NAMES[Y[900:]], n_images=5, ax=ax
    )
    y_pred = estimator.predict(X[900:])
    wrong = y_pred != NAMES[Y[900:]]
    assert len(display.images) == wrong.sum()
    assert sorted(display.y_pred) == sorted(y_pred[wrong])
    assert all(np.diff(display.probability) <= 0)
    assert len(display.images_) == len(display.text_) == 5
    assert display.ax_ is ax
    assert display.ax_.get_title() == f"{wrong.sum()} mistakes in 897 images"


def test_mistakes_of_a_search_over_pipelines_can_be_drawn():
    search = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-3]}, cv=2)
    search.fit(X[:300], Y[:300])
    display = MistakesDisplay.from_estimator(search, X[300:600], Y[300:600])
    assert_array_equal(np.shape(display.images_[0].get_array()), (8, 8))


def test_classes_default_to_the_columns_of_the_probabilities():
    y_proba = np.eye(10)[(Y[:20] + 1) % 10]
    display = MistakesDisplay.from_predictions(X[:20], Y[:20], y_proba, n_images=1)
    assert texts(display) == ["0 → 1\n100.0%"]
    assert display.ax_.get_title() == "20 mistakes in 20 images"


@pytest.mark.parametrize(
    ("n_wrong", "title"),
    [(0, "0 mistakes in 20 images"), (1, "1 mistake in 20 images")],
)
def test_the_title_counts_the_mistakes_even_if_there_are_none(n_wrong, title):
    y_proba = np.eye(10)[Y[:20]]
    y_proba[:n_wrong] = np.eye(10)[3]
    display = MistakesDisplay.from_predictions(X[:20], Y[:20], y_proba)
    display.figure_.canvas.draw()
    assert len(display.ax_.images) == n_wrong
    assert display.ax_.get_title() == title


def test_an_estimator_that_is_no_fitted_probabilistic_classifier_is_refused():
    with pytest.raises(ValueError, match=r"classifier with predict_proba; got Linear"):
        MistakesDisplay.from_estimator(LinearRegression().fit(X, Y), X, Y)
    with pytest.raises(NotFittedError):
        MistakesDisplay.from_estimator(GaussianNB(), X, Y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_true": Y[:4]}, "inconsistent numbers of samples"),
        ({"classes": ["a", "b"]}, "y_proba has 10 columns; expected 2"),
        ({"y_true": np.eye(5)}, "should be a 1d array"),
    ],
)
def test_predictions_that_do_not_fit_together_are_refused(change, message):
    arguments = {"X": X[:5], "y_true": Y[:5], "y_proba": np.eye(10)[Y[:5]], **change}
    with pytest.raises(ValueError, match=re.escape(message)):
        MistakesDisplay.from_predictions(**arguments)


@pytest.fixture(scope="module")
def network():
    network = MLPClassifier(
        (8,), early_stopping=True, max_iter=1000, random_state=0, n_iter_no_change=2
    )
    return network.fit(X[:500], Y[:500])


def test_the_training_curve_shows_loss_and_score_of_every_epoch(network):
    display = TrainingCurveDisplay.from_estimator(network)
    display.figure_.canvas.draw()
    epochs = np.arange(1, network.n_iter_ + 1)
    assert_array_equal(display.line_.get_xydata().T, [epochs, network.loss_curve_])
    assert_array_equal(
        display.score_line_.get_xydata().T, [epochs, network.validation_scores_]
    )
    assert display.ax_.lines[0] is display.line_
    assert display.score_ax_.lines[0] is display.score_line_
    assert display.ax_.get_xlabel() == "epoch"
    for ax, line, label in (
        (display.ax_, display.line_, "training loss"),
        (display.score_ax_, display.score_line_, "validation score"),
    ):
        assert ax.get_ylabel() == line.get_label() == label
        assert ax.yaxis.label.get_color() == line.get_color()
    assert display.line_.get_color() != display.score_line_.get_color()


def test_without_validation_only_the_loss_is_drawn(plt):
    _, ax = plt.subplots()
    display = TrainingCurveDisplay([3.0, 2.0]).plot(ax)
    assert display.ax_ is ax
    assert display.figure_.axes == [ax]
    assert display.score_ax_ is None
    assert display.score_line_ is None


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 100])
def test_epochs_are_marked_by_integers_and_a_single_one_is_seen(n_epochs):
    display = TrainingCurveDisplay(np.ones(n_epochs)).plot()
    display.figure_.canvas.draw()
    assert all(tick == round(tick) for tick in display.ax_.get_xticks())
    if n_epochs == 1:
        assert display.line_.get_marker() == "o"


def test_lines_take_the_style_asked_for_and_their_axes_its_colour():
    display = TrainingCurveDisplay([3, 2], [0.5, 0.6]).plot(
        line_kw={"color": "k", "linestyle": "--"}, score_line_kw={"color": "green"}
    )
    assert display.line_.get_linestyle() == "--"
    assert display.ax_.yaxis.label.get_color() == "k"
    assert display.score_ax_.yaxis.label.get_color() == "green"


def test_an_estimator_without_a_loss_curve_is_refused(network):
    with pytest.raises(ValueError, match="has no loss_curve_; expected a network"):
        TrainingCurveDisplay.from_estimator(GaussianNB().fit(X, Y))
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(MLPClassifier())
