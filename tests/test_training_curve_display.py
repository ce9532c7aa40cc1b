import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier

from sklearn_digits import ConvNetClassifier, TrainingCurveDisplay

pytestmark = pytest.mark.usefixtures("plt")

X, Y = load_digits(return_X_y=True)


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


def test_losses_and_scores_of_training_and_validation_are_told_apart():
    display = TrainingCurveDisplay(
        [3, 2], [0.5, 0.6], validation_loss_curve=[4, 5], training_scores=[0.7, 0.8]
    ).plot()
    display.figure_.canvas.draw()
    lines = {
        "training loss": (display.line_, [3, 2]),
        "validation loss": (display.validation_line_, [4, 5]),
        "training score": (display.training_score_line_, [0.7, 0.8]),
        "validation score": (display.score_line_, [0.5, 0.6]),
    }
    for label, (line, values) in lines.items():
        assert line.get_label() == label
        assert_array_equal(line.get_xydata().T, [[1, 2], values])
        assert line.get_linestyle() == ("--" if "validation" in label else "-")
    assert display.ax_.lines[:] == [display.line_, display.validation_line_]
    assert display.ax_.get_ylabel() == "loss"
    assert display.score_ax_.get_ylabel() == "score"
    assert [text.get_text() for text in display.legend_.get_texts()] == list(lines)


def test_a_fit_on_a_validation_set_shows_its_loss_too():
    clf = ConvNetClassifier((2,), max_iter=2, random_state=0)
    clf.fit(X[:100], Y[:100], X_val=X[100:150], y_val=Y[100:150])
    display = TrainingCurveDisplay.from_estimator(clf, training_scores=[0.5, 0.7])
    for line, values in (
        (display.line_, clf.loss_curve_),
        (display.validation_line_, clf.validation_loss_curve_),
        (display.training_score_line_, [0.5, 0.7]),
        (display.score_line_, clf.validation_scores_),
    ):
        assert_array_equal(line.get_ydata(), values)


def test_without_validation_only_the_loss_is_drawn(plt):
    _, ax = plt.subplots()
    display = TrainingCurveDisplay([3.0, 2.0]).plot(ax)
    assert display.ax_ is ax
    assert display.figure_.axes == [ax]
    assert display.score_ax_ is None
    assert display.score_line_ is display.validation_line_ is None
    assert display.legend_ is None


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 100])
def test_epochs_are_marked_by_integers_and_a_single_one_is_seen(n_epochs):
    display = TrainingCurveDisplay(np.ones(n_epochs)).plot()
    display.figure_.canvas.draw()
    assert all(tick == round(tick) for tick in display.ax_.get_xticks())
    if n_epochs == 1:
        assert display.line_.get_marker() == "o"


def test_lines_take_the_style_asked_for_and_their_axes_its_color():
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
