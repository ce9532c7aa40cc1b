import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits

from sklearn_digits import DigitsDisplay

pytestmark = pytest.mark.usefixtures("plt")

X, Y = load_digits(return_X_y=True)
NAMES = np.array(["0th", "1st", "2nd", "third", *"4567", "eighth", "ninth"])


def texts(display):
    return [text.get_text() for text in display.text_]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_gray_images_are_drawn_in_order_on_one_scale(dtype):
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


def test_colors_of_bytes_are_drawn_as_they_are():
    images = np.random.default_rng(0).integers(256, size=(3, 4, 5, 3), dtype=np.uint8)
    display = DigitsDisplay.from_images(images)
    assert_array_equal([drawn.get_array() for drawn in display.images_], images)


@pytest.mark.parametrize("n_channels", [3, 4])
def test_colors_on_another_scale_are_moved_into_it(n_channels):
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


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = r"DigitsDisplay\.from_images .*pip install matplotlib"
    with pytest.raises(ImportError, match=message):
        DigitsDisplay.from_images([[[0, 1], [1, 0]]])
