"""What a map calls important is what a prediction cannot do without."""

import numpy as np
import pytest
from deletion_experiment import (
    CLASSIFIERS,
    SHARES,
    STYLES,
    changed,
    draw,
    importances,
    load,
    measure,
    without,
)
from numpy.testing import assert_array_equal


def test_the_most_important_pixels_turn_black():
    X = np.ones((2, 10))
    importance = np.array([np.arange(10), -np.arange(10)])
    covered = without(X, importance, 0.3)
    assert_array_equal(covered[0], [1] * 7 + [0] * 3)
    assert_array_equal(covered[1], [0] * 3 + [1] * 7)
    assert_array_equal(X, np.ones((2, 10)))


@pytest.fixture(scope="module")
def digits():
    X_train, X, y_train, y = load()
    return X_train, X[:100], y_train, y[:100]


@pytest.mark.parametrize("name", ["SVC pipeline", "MLP"])
def test_a_map_finds_more_important_pixels_than_any_other_order(digits, name):
    accuracy, curves = measure(CLASSIFIERS[name], *digits)
    assert accuracy > 0.9
    tenth = {order: values[1] for order, values in curves.items()}
    of_map = tenth.pop("occlusion map")
    tenth.pop("integrated gradients", None)
    assert of_map > max(tenth.values()) + 0.2
    assert tenth["chance"] == min(tenth.values())


def test_covering_nothing_changes_nothing(digits):
    X_train, X, y_train, _ = digits
    classifier = CLASSIFIERS["SVC pipeline"].fit(X_train, y_train)
    orders = importances(classifier, X[:5])
    assert set(orders) == set(STYLES) - {"integrated gradients"}
    assert changed(classifier, X[:5], orders["chance"], 0) == 0


def test_curves_are_drawn_for_all_classifiers(tmp_path, plt):
    curves = dict.fromkeys(STYLES, [0.5] * len(SHARES))
    draw({"digits": dict.fromkeys(CLASSIFIERS, (0.9, curves))}, tmp_path / "a.svg")
    assert "<svg" in (tmp_path / "a.svg").read_text()
    [figure] = map(plt.figure, plt.get_fignums())
    assert [len(ax.lines) for ax in figure.axes] == [len(STYLES)] * len(CLASSIFIERS)
