import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_digits import MistakesDisplay

pytestmark = pytest.mark.usefixtures("plt")

X, Y = load_digits(return_X_y=True)
NAMES = np.array(["0th", "1st", "2nd", "third", *"4567", "eighth", "ninth"])


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
