import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_digits import ConvolutionFeatureTransformer, PixelGridDisplay

pytestmark = pytest.mark.usefixtures("plt")

EDGE = np.array([[60, 60, 60, 0, 0, 0]] * 5)


def written(texts):
    return [[text.get_text() for text in row] for row in texts]


def test_every_cell_holds_its_gray_value():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    display = PixelGridDisplay.from_image(image)
    display.figure_.canvas.draw()
    assert_array_equal(display.image_.get_array(), image)
    assert written(display.text_) == [[str(value) for value in row] for row in image]
    for (row, column), text in np.ndenumerate(display.text_):
        assert text.get_position() == (column, row)
    assert display.frame_ is display.kernel_text_ is display.response_ is None


@pytest.mark.parametrize(
    ("values_format", "expected"), [(None, ["0.33", "1"]), (".3f", ["0.333", "1.000"])]
)
def test_values_take_the_format_asked_for(values_format, expected):
    display = PixelGridDisplay.from_image([[1 / 3, 1.0]], values_format=values_format)
    assert written(display.text_) == [expected]


def test_an_image_may_have_an_axis_for_its_one_channel():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    display = PixelGridDisplay.from_image(image)
    assert_array_equal(display.image_.get_array(), image[..., 0])


def test_numbers_are_white_on_dark_and_black_on_bright_cells():
    display = PixelGridDisplay.from_image([[0, 255]])
    assert [text.get_color() for text in display.text_[0]] == ["white", "black"]
    display = PixelGridDisplay.from_image([[0, 255]], cmap="gray_r")
    assert [text.get_color() for text in display.text_[0]] == ["black", "white"]


@pytest.mark.parametrize("position", [(0, 0), (1, 2), (2, 3)])
def test_the_kernel_lies_over_its_window_and_the_title_has_the_sum(position):
    display = PixelGridDisplay.from_image(EDGE, "vertical", position=position)
    display.figure_.canvas.draw()
    row, column = position
    assert display.frame_.get_xy() == (column - 0.5, row - 0.5)
    assert (display.frame_.get_width(), display.frame_.get_height()) == (3, 3)
    assert display.frame_ in display.ax_.patches
    assert written(display.kernel_text_) == [["×1", "×0", "×-1"]] * 3
    for (i, j), weight in np.ndenumerate(display.kernel_text_):
        x, y = weight.get_position()
        assert x == column + j
        assert row + i < y < row + i + 0.5
        assert display.text_[row + i, column + j].get_position()[1] < y
    maps = ConvolutionFeatureTransformer("vertical", padding="valid")
    expected = maps.fit(EDGE[np.newaxis]).feature_maps(EDGE[np.newaxis])[0, 0]
    assert display.response_ == expected[position]
    assert display.ax_.get_title() == f"sum of products: {expected[position]:g}"


def test_small_and_long_weights_are_rounded():
    display = PixelGridDisplay.from_image(EDGE, [[1 / 3, -1e-17], [12.5, -0.001]])
    assert written(display.kernel_text_) == [["×0.33", "×0"], ["×12.5", "×0"]]


@pytest.mark.parametrize("kernel", ["vertical", "gabor_edge_45"])
@pytest.mark.parametrize("inches", [3, 8])
def test_numbers_and_weights_do_not_touch_each_other(plt, inches, kernel):
    figure, ax = plt.subplots(figsize=(inches, inches))
    display = PixelGridDisplay.from_image(
        np.full((6, 6), 255), kernel, position=(1, 1), ax=ax
    )
    figure.canvas.draw()
    texts = [*display.text_.flat, *display.kernel_text_.flat]
    boxes = [text.get_window_extent() for text in texts]
    for i, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[:i])


def test_bytes_do_not_overflow_in_the_sum():
    image = np.full((3, 3), 255, dtype=np.uint8)
    assert PixelGridDisplay.from_image(image, np.ones((3, 3))).response_ == 9 * 255


@pytest.mark.parametrize("n_rows", [1, 2, 28])
def test_rows_and_columns_are_counted_by_integers(n_rows):
    display = PixelGridDisplay.from_image(np.zeros((n_rows, 4)))
    display.figure_.canvas.draw()
    assert all(tick == round(tick) for tick in display.ax_.get_yticks())


def test_a_display_can_be_drawn_again_with_other_settings(plt):
    display = PixelGridDisplay.from_image(EDGE, [[1]])
    _, ax = plt.subplots()
    again = display.plot(
        ax,
        im_kw={"vmax": 255},
        text_kw={"fontsize": 5, "color": "blue"},
        kernel_color="green",
    )
    assert again is display
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.image_.get_clim() == (0, 255)
    assert display.text_[0, 0].get_fontsize() == 5
    assert display.text_[0, 0].get_color() == "blue"
    assert display.frame_.get_edgecolor() == pytest.approx((0, 128 / 255, 0, 1))


@pytest.mark.parametrize(
    ("image", "kwargs", "message"),
    [
        (np.zeros((2, 2, 3)), {}, "expected one gray image"),
        (np.zeros((65, 2)), {}, "of 1 to 64 pixels a side"),
        (np.zeros((0, 2)), {}, "of 1 to 64 pixels a side"),
        (np.full((2, 2), np.nan), {}, "image contains NaN"),
        (EDGE, {"kernel": "edges"}, "means 2 kernels: vertical, horizontal"),
        (EDGE, {"kernel": "no such"}, "neither a kernel nor a set"),
        (EDGE, {"kernel": "blur", "position": (3, 0)}, "expected 0 <= row <= 2 and"),
        (EDGE, {"kernel": "blur", "position": (0, -1)}, "over the border"),
        (EDGE, {"kernel": "blur", "position": 1}, "two integers"),
        (EDGE, {"kernel": "blur", "position": (0.5, 1)}, "two integers"),
    ],
)
def test_what_cannot_be_drawn_is_refused(image, kwargs, message):
    with pytest.raises(ValueError, match=message):
        PixelGridDisplay.from_image(image, **kwargs)
