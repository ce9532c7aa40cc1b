"""Images become rows of pixels, and share their memory."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from sklearn_digits._images.conversion import flatten_images

quickly = settings(deadline=None, max_examples=60)
sides = st.integers(1, 40)
shapes = st.tuples(sides, sides, st.sampled_from([1, 3, 4]))


@pytest.mark.parametrize(
    "X",
    [
        np.ones((2, 6)),
        np.ones(6),
        np.array(1.0),
        pd.DataFrame(np.ones((2, 6))),
        sparse.eye(3, format="csr"),
    ],
)
def test_rows_pass_through_as_they_are(X):
    flat, shape = flatten_images(X)
    assert flat is X
    assert shape is None


def test_nested_lists_are_images_too():
    images = np.arange(24).reshape(2, 3, 4)
    flat, shape = flatten_images(images.tolist())
    assert_array_equal(flat, images.reshape(2, 12))
    assert shape == (3, 4, 1)
    flat, shape = flatten_images([[1, 2], [3, 4]])
    assert_array_equal(flat, [[1, 2], [3, 4]])
    assert shape is None


@quickly
@given(n=st.integers(0, 3), shape=shapes, dtype=st.sampled_from(["u1", "f4", "f8"]))
def test_flattened_rows_are_the_same_pixels_in_the_same_memory(n, shape, dtype):
    images = np.zeros((n, *shape), dtype=dtype)
    flat, seen = flatten_images(images)
    assert seen == shape
    assert flat.shape == (n, np.prod(shape))
    assert flat.dtype == images.dtype
    assert np.may_share_memory(flat, images) or not n
    flat[...] = np.arange(flat.size).reshape(flat.shape) % 251
    assert_array_equal(images.ravel(), np.arange(images.size) % 251)


@quickly
@given(height=sides, width=sides)
def test_gray_images_need_no_axis_of_channels(height, width):
    images = np.arange(2 * height * width).reshape(2, height, width)
    flat, shape = flatten_images(images)
    with_axis, same_shape = flatten_images(images[..., None])
    assert shape == same_shape == (height, width, 1)
    assert_array_equal(flat, with_axis)


@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_channel_first_images_raise_and_the_remedy_works(n_channels):
    images = np.arange(2 * n_channels * 63).reshape(2, n_channels, 7, 9)
    message = r"9 channels in its last dimension.*X\.transpose\(0, 2, 3, 1\)"
    with pytest.raises(ValueError, match=message):
        flatten_images(images)
    flat, shape = flatten_images(images.transpose(0, 2, 3, 1))
    assert shape == (7, 9, n_channels)
    assert_array_equal(flat[1, :n_channels], images[1, :, 0, 0])


def test_a_wrong_number_of_channels_gets_no_false_hint():
    with pytest.raises(ValueError, match=r"has 5 channels.*1, 3 or 4") as raised:
        flatten_images(np.ones((2, 7, 7, 5)))
    assert "transpose" not in str(raised.value)


def test_more_than_four_dimensions_raise():
    message = r"5 dimensions, shape \(1, 2, 2, 1, 1\); expected \(n, n_pixels\)"
    with pytest.raises(ValueError, match=message):
        flatten_images(np.ones((1, 2, 2, 1, 1)))
