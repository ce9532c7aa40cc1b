"""The kernel bank against the libraries that have the same filters."""

import re

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from skimage import filters

from sklearn_digits._transformer.kernels import KERNEL_SETS, frame_kernels, kernel_bank

IMAGE = np.random.default_rng(0).normal(size=(9, 11))


def filtered(name, mode="reflect"):
    return ndimage.correlate(IMAGE, kernel_bank(name)[name], mode=mode)


@pytest.mark.parametrize(("suffix", "axis"), [("v", 1), ("h", 0)])
@pytest.mark.parametrize("name", ["sobel", "prewitt"])
def test_derivatives_are_those_of_scipy(name, suffix, axis):
    expected = getattr(ndimage, name)(IMAGE, axis=axis)
    assert_allclose(filtered(f"{name}_{suffix}"), expected)


@pytest.mark.parametrize(("suffix", "direction"), [("v", (1, 0)), ("h", (0, 1))])
@pytest.mark.parametrize(
    ("name", "size"), [("sobel", 3), ("scharr", cv2.FILTER_SCHARR)]
)
def test_derivatives_are_those_of_opencv(name, size, suffix, direction):
    expected = cv2.Sobel(
        IMAGE, cv2.CV_64F, *direction, ksize=size, borderType=cv2.BORDER_REFLECT
    )
    assert_allclose(filtered(f"{name}_{suffix}"), expected)


@pytest.mark.parametrize("suffix", ["v", "h"])
@pytest.mark.parametrize(
    ("name", "factor"), [("sobel", 4), ("prewitt", 3), ("scharr", 16)]
)
def test_derivatives_are_a_multiple_of_those_of_scikit_image(name, factor, suffix):
    expected = factor * getattr(filters, f"{name}_{suffix}")(IMAGE)
    assert_allclose(filtered(f"{name}_{suffix}"), expected)


@pytest.mark.parametrize("sign", ["pos", "neg"])
def test_roberts_is_that_of_scikit_image(sign):
    expected = getattr(filters, f"roberts_{sign}_diag")(IMAGE)
    assert_allclose(filtered(f"roberts_{sign}"), expected)


def test_laplacian_is_that_of_scipy_and_opencv():
    assert_allclose(filtered("laplacian"), ndimage.laplace(IMAGE))
    expected = cv2.Laplacian(IMAGE, cv2.CV_64F, ksize=1, borderType=cv2.BORDER_REFLECT)
    assert_allclose(filtered("laplacian"), expected)


def test_blur_is_the_uniform_filter_and_sharpen_takes_the_laplacian_off():
    assert_allclose(filtered("blur"), ndimage.uniform_filter(IMAGE, 3))
    assert_allclose(filtered("sharpen"), IMAGE - ndimage.laplace(IMAGE))
    assert_array_equal(filtered("identity"), IMAGE)


@pytest.mark.parametrize("degrees", ["0", "22.5", "45", "67.5", "90", "112.5", "157.5"])
def test_gabor_edges_are_those_of_opencv_up_to_their_scale(degrees):
    theirs = cv2.getGaborKernel(
        (5, 5), 1.25, np.deg2rad(float(degrees)), 5.0, 1.0, np.pi / 2
    )
    # OpenCV stores its kernels turned by 180 degrees.
    theirs = theirs[::-1, ::-1] / np.abs(theirs).sum()
    ours = kernel_bank("edges8")[f"gabor_edge_{degrees}"]
    assert_allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in kernel_bank() if "blur" not in name])
def test_a_flat_image_has_no_edges(name):
    flat_response = kernel_bank(name)[name].sum()
    expected = 1 if name in ("sharpen", "identity") else 0
    assert flat_response == pytest.approx(expected, abs=1e-12)


def test_quarter_turns_lead_from_one_direction_to_the_next():
    bank = kernel_bank()
    for name in ("sobel", "prewitt", "scharr"):
        assert_array_equal(np.rot90(bank[f"{name}_v"], -1), bank[f"{name}_h"])
    assert_array_equal(bank["vertical"].T, bank["horizontal"])
    assert_array_equal(np.rot90(bank["diagonal"], -1), bank["antidiagonal"])
    for kind in ("edge", "line"):
        turned = np.rot90(bank[f"gabor_{kind}_22.5"], -1)
        assert_allclose(turned, bank[f"gabor_{kind}_112.5"], atol=1e-12)


def test_the_whole_bank_holds_every_member_of_every_set():
    assert set().union(*KERNEL_SETS.values()) <= set(kernel_bank())


def test_a_set_is_its_members_in_order():
    for name, members in KERNEL_SETS.items():
        assert tuple(kernel_bank(name)) == members
    assert list(kernel_bank(["blur", "sobel"])) == ["blur", "sobel_v", "sobel_h"]


def test_writing_into_a_bank_leaves_the_next_one_alone():
    for read in (kernel_bank, lambda: kernel_bank("edges")):
        before = read()["vertical"].copy()
        read()["vertical"][:] = 7
        assert_array_equal(read()["vertical"], before)


def test_the_bank_does_not_share_memory_with_the_users_arrays():
    own = np.ones((3, 3))
    assert not np.shares_memory(kernel_bank({"own": own})["own"], own)


@pytest.mark.parametrize(
    "kernels", [np.eye(3), np.eye(3)[None], np.eye(3).tolist(), [np.eye(3)]]
)
def test_arrays_and_lists_of_arrays_get_numbered_names(kernels):
    bank = kernel_bank(kernels)
    assert list(bank) == ["kernel0"]
    assert_array_equal(bank["kernel0"], np.eye(3))


@pytest.mark.parametrize("sides", [(3, 2), (4, 3), (5, 2), (1, 4)])
def test_kernels_of_unequal_size_keep_their_responses_in_a_common_frame(sides):
    rng = np.random.default_rng(0)
    bank = {str(side): rng.normal(size=(side, side + 1)) for side in sides}
    for kernel, framed in zip(bank.values(), frame_kernels(bank), strict=True):
        assert_allclose(
            ndimage.correlate(IMAGE, framed, mode="constant"),
            ndimage.correlate(IMAGE, kernel, mode="constant"),
        )


@pytest.mark.parametrize(
    ("kernels", "error", "message"),
    [
        ("vertcal", ValueError, "near names: vertical"),
        (["sobel_v", "sobel"], ValueError, "'sobel_v' twice"),
        (["sobel_v", np.eye(3)], ValueError, "neither a kernel nor a set"),
        ("edges16", ValueError, "edges8"),
        ([], ValueError, "kernels is empty"),
        ({}, ValueError, "kernels is empty"),
        ({1: np.eye(3)}, TypeError, "name 1; expected a str"),
        ({"a": np.eye(3) * 1j}, TypeError, "'a' has dtype complex128"),
        ({"a": [[None]]}, TypeError, "'a' has dtype object"),
        ({"a": [["x"]]}, TypeError, "expected real numbers"),
        ({"a": [1, 2]}, ValueError, r"'a' has shape (2,); expected (height, width)"),
        ({"a": np.ones((0, 3))}, ValueError, "shape (0, 3)"),
        (np.ones((1, 2, 3, 4)), ValueError, "shape (2, 3, 4)"),
        ({"a": [[np.nan]]}, ValueError, "'a' holds NaN"),
        ({"a": [[1, 2], [3]]}, ValueError, "'a'"),
        (np.array(1.0), ValueError, "kernels"),
    ],
)
def test_a_kernel_that_means_nothing_is_named(kernels, error, message):
    with pytest.raises(error, match=re.escape(message)):
        kernel_bank(kernels)
