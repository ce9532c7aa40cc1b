"""What a row means as an image: shapes and their errors."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklearn_digits._images.conversion import flatten_images
from sklearn_digits._images.shape import (
    check_image_shape,
    check_same_images,
    resolve_image_shape,
)

quickly = settings(deadline=None, max_examples=60)
sides = st.integers(1, 40)
shapes = st.tuples(sides, sides, st.sampled_from([1, 3, 4]))


@pytest.mark.parametrize(
    ("given_shape", "shape"),
    [
        ((28, 20), (28, 20, 1)),
        ([28, 20], (28, 20, 1)),
        ((8, 9, 1), (8, 9, 1)),
        ((8, 9, 3), (8, 9, 3)),
        ((8, 9, 4), (8, 9, 4)),
        ((3, 9, 3), (3, 9, 3)),
        (np.array([5, 6]), (5, 6, 1)),
    ],
)
def test_an_image_shape_gets_three_plain_integers(given_shape, shape):
    checked = check_image_shape(given_shape)
    assert checked == shape
    assert [type(side) for side in checked] == [int, int, int]


@pytest.mark.parametrize(
    "wrong", [(), (28,), (28, 28, 2), (1, 2, 3, 4), (0, 28), (28, -1), (28.0, 28), "ab"]
)
def test_what_is_no_image_shape_is_named(wrong):
    expected = f"image_shape={wrong!r} is not an image shape: expected (height, width)"
    with pytest.raises(ValueError, match=re.escape(expected)) as raised:
        check_image_shape(wrong)
    assert "channel-first" not in str(raised.value)


@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_a_channel_first_image_shape_is_told_so(n_channels):
    with pytest.raises(ValueError, match="channel-first; channels come last"):
        check_image_shape((n_channels, 28, 28))


@quickly
@given(side=sides)
def test_a_row_of_a_square_number_is_a_gray_square(side):
    assert resolve_image_shape(side * side) == (side, side, 1)


@quickly
@given(side=st.integers(8, 300))
def test_a_row_that_may_be_a_color_square_raises_and_asks(side):
    n_features = 3 * side * side
    asked = f"image_shape=({side}, {side}, 3)"
    with pytest.raises(ValueError, match=re.escape(asked)) as raised:
        resolve_image_shape(n_features)
    assert f"Rows of {n_features} features" in str(raised.value)
    assert f"image_shape=(1, {n_features}) for signals" in str(raised.value)


def test_the_three_answers_to_that_question_are_accepted():
    rows = np.arange(2 * 192).reshape(2, 192)
    assert resolve_image_shape(192, (8, 8, 3)) == (8, 8, 3)
    assert resolve_image_shape(192, (1, 192)) == (1, 192, 1)
    images = rows.reshape(-1, 3, 8, 8).transpose(0, 2, 3, 1)
    flat, seen = flatten_images(images)
    assert resolve_image_shape(192, None, seen) == (8, 8, 3)
    assert_array_equal(flat[0, :3], [0, 64, 128])


@quickly
@given(n_features=st.integers(1, 100_000))
def test_every_other_row_is_an_image_of_height_one(n_features):
    squares = np.arange(400) ** 2
    if n_features in squares or n_features in 3 * squares[8:]:
        return
    with pytest.warns(UserWarning, match=f"Rows of {n_features} features"):
        assert resolve_image_shape(n_features) == (1, n_features, 1)


@pytest.mark.parametrize(
    ("n_features", "hint"),
    [
        (785, "785 is one more than 28x28: is a label column left in?"),
        (3073, "3073 is one more than 32x32x3: is a label column left in?"),
        (783, "783 is one less than 28x28: is a column missing?"),
        (48, "image_shape=(6, 8) or image_shape=(8, 6)"),
        (147, "image_shape=(7, 7, 3)"),
        (61, "Were columns left out"),
    ],
)
def test_rows_that_are_not_square_name_what_they_may_be(n_features, hint):
    with pytest.warns(UserWarning, match=re.escape(hint)) as caught:
        resolve_image_shape(n_features)
    assert f"image_shape=(1, {n_features})" in str(caught[0].message)
    resolve_image_shape(n_features, (1, n_features))  # as the warning says


@pytest.mark.parametrize("side", range(2, 8))
def test_a_small_row_is_never_taken_for_a_color_image(side):
    with pytest.warns(UserWarning, match=re.escape(f"({side}, {side}, 3)")):
        assert resolve_image_shape(3 * side * side) == (1, 3 * side * side, 1)


@quickly
@given(shape=shapes)
def test_what_was_seen_or_asked_for_is_taken(shape):
    n_features = int(np.prod(shape))
    assert resolve_image_shape(n_features, None, shape) == shape
    assert resolve_image_shape(n_features, list(shape)) == shape
    assert resolve_image_shape(n_features, shape, shape) == shape


def test_images_of_another_shape_than_asked_for_raise():
    message = r"images of shape \(8, 9, 1\).*image_shape=\(9, 8\) expects \(9, 8, 1\)"
    with pytest.raises(ValueError, match=message):
        resolve_image_shape(72, (9, 8), (8, 9, 1))


def test_an_image_shape_of_another_size_raises():
    message = r"image_shape=\(28, 28\) needs 784 features; X has 64 features"
    with pytest.raises(ValueError, match=message):
        resolve_image_shape(64, (28, 28))


def test_an_image_shape_is_checked_before_it_is_compared():
    with pytest.raises(ValueError, match="is not an image shape"):
        resolve_image_shape(56, (28, 2.0))


def test_rows_and_images_of_the_fitted_shape_pass():
    check_same_images(None, (8, 8, 1))
    check_same_images((8, 8, 1), (8, 8, 1))


def test_images_of_another_shape_than_in_fit_raise():
    message = r"shape \(4, 16, 1\).*fitted with images of shape \(8, 8, 1\)"
    with pytest.raises(ValueError, match=message):
        check_same_images((4, 16, 1), (8, 8, 1))
