"""The transformer against SciPy, OpenCV, PyTorch and calculations by hand."""

import pickle
import re
import tracemalloc

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from sklearn_digits._transformer.convolution import ConvolutionFeatureTransformer
from sklearn_digits._transformer.kernels import kernel_bank

OPENCV_BORDERS = {
    "constant": cv2.BORDER_CONSTANT,
    "nearest": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT,
    "mirror": cv2.BORDER_REFLECT_101,
}
BANK = kernel_bank()
RNG = np.random.default_rng(0)
RECOMMENDED = {
    "kernels": "gabor",
    "rectify": "abs",
    "pooling": "mean",
    "power": 0.5,
}
IMAGES = RNG.normal(size=(6, 12, 10))

sides = st.integers(1, 9)
dtypes = st.sampled_from([np.float32, np.float64])


def random_images(seed, *shape, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def maps_of(images, kernels="edges", **parameters):
    transformer = ConvolutionFeatureTransformer(kernels, **parameters)
    return transformer.fit(images).feature_maps(images)


def step_image():
    """Return one image whose left part is 60 and whose right part is 0."""
    return np.repeat([[60, 60, 60, 0, 0, 0]], 6, axis=0).astype(np.uint8)[None]


def test_the_edge_between_bright_and_dark_is_the_worked_example():
    maps = maps_of(step_image(), "vertical", padding="valid")
    assert_array_equal(maps[0, 0], [[0, 180, 180, 0]] * 4)


def test_the_worked_example_transposed_is_a_horizontal_edge():
    image = step_image().transpose(0, 2, 1)
    maps = maps_of(image, "horizontal", padding="valid")
    assert_array_equal(maps[0, 0], np.transpose([[0, 180, 180, 0]] * 4))
    assert_array_equal(maps_of(image, "vertical", padding="valid"), np.zeros_like(maps))


def test_clip_makes_responses_displayable_as_bytes():
    image = 4 * step_image()
    negative = maps_of(image[:, :, ::-1], "vertical", padding="valid", clip=(0, 255))
    positive = maps_of(image, "vertical", padding="valid", clip=(0, 255))
    assert_array_equal(negative, np.zeros_like(negative))
    assert_array_equal(positive[0, 0].astype(np.uint8), [[0, 255, 255, 0]] * 4)


@settings(deadline=None, max_examples=30)
@given(
    mode=st.sampled_from(["constant", "nearest", "reflect", "mirror", "wrap"]),
    height=sides,
    width=sides,
    dtype=dtypes,
    seed=st.integers(0, 99),
)
def test_every_named_kernel_is_the_correlation_of_scipy(
    mode, height, width, dtype, seed
):
    images = random_images(seed, 2, height, width, dtype=dtype)
    maps = maps_of(images, BANK, border_mode=mode)
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    assert maps.dtype == dtype
    for name, kernel in BANK.items():
        expected = ndimage.correlate(images.astype(float), kernel[None], mode=mode)
        ours = maps[:, list(BANK).index(name)]
        assert_allclose(ours, expected, atol=tolerance, err_msg=name)


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(list(BANK)),
    extra=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    dtype=dtypes,
    seed=st.integers(0, 99),
)
def test_valid_padding_is_what_no_border_touches(name, extra, dtype, seed):
    kernel = BANK[name]
    images = random_images(seed, 2, *np.add(kernel.shape, extra), dtype=dtype)
    maps = maps_of(images, name, padding="valid")
    margin = len(kernel) // 2
    inside = (slice(None), *(slice(margin, -margin) for _ in range(2)))
    expected = ndimage.correlate(images.astype(float), kernel[None])[inside]
    assert_allclose(maps[:, 0], expected, atol=1e-4 if dtype == np.float32 else 1e-12)


@settings(deadline=None, max_examples=30)
@given(
    mode=st.sampled_from(["constant", "nearest", "reflect", "mirror", "wrap"]),
    image_side=st.tuples(sides, sides),
    kernel_side=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    stride=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_own_kernels_of_any_size_are_the_correlation_of_scipy(
    mode, image_side, kernel_side, stride, seed
):
    images = random_images(seed, 2, *image_side)
    kernel = random_images(seed, *kernel_side)
    maps = maps_of(images, {"own": kernel}, border_mode=mode, stride=stride)
    expected = ndimage.correlate(images, kernel[None], mode=mode)
    assert_allclose(maps[:, 0], expected[:, ::stride, ::stride], atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(
    kernel_side=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    extra=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    stride=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_valid_padding_is_the_convolution_of_torch(kernel_side, extra, stride, seed):
    images = random_images(seed, 2, *np.add(kernel_side, extra))
    kernels = random_images(seed, 3, *kernel_side)
    maps = maps_of(images, kernels, padding="valid", stride=stride)
    expected = torch.nn.functional.conv2d(
        torch.from_numpy(images)[:, None],
        torch.from_numpy(kernels)[:, None],
        None,
        stride,
    )
    assert_allclose(maps, expected, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(
    mode=st.sampled_from(list(OPENCV_BORDERS)),
    height=sides,
    width=sides,
    dtype=dtypes,
    seed=st.integers(0, 99),
)
def test_every_named_kernel_is_the_filter_of_opencv(mode, height, width, dtype, seed):
    image = random_images(seed, height, width, dtype=dtype)
    maps = maps_of(image[None], BANK, border_mode=mode)
    for ours, (name, kernel) in zip(maps[0], BANK.items(), strict=True):
        expected = cv2.filter2D(image, -1, kernel, borderType=OPENCV_BORDERS[mode])
        assert_allclose(ours, expected, atol=1e-4, err_msg=name)


def test_each_channel_of_a_color_image_is_filtered_alone():
    images = random_images(0, 4, 7, 6, 3)
    maps = maps_of(images, "sobel", rectify="split")
    alone = [
        maps_of(images[..., channel], "sobel", rectify="split") for channel in range(3)
    ]
    assert_array_equal(maps, np.concatenate(alone, axis=1))


@pytest.mark.parametrize("n", [1, 7, 1000])
@pytest.mark.parametrize("parameters", [{}, {"pooling": "mean", "rectify": "split"}])
def test_an_image_gives_the_same_features_in_any_batch(n, parameters):
    images = random_images(0, n, 20, 20, dtype=np.float32)
    transformer = ConvolutionFeatureTransformer("edges8", **parameters).fit(images)
    assert_allclose(
        transformer.transform(images)[-1:],
        transformer.transform(images[-1:]),
        atol=1e-6,  # a matrix product may round otherwise in another place
    )


def test_rectified_responses_are_parts_of_the_signed_ones():
    signed = maps_of(IMAGES)
    assert_array_equal(maps_of(IMAGES, rectify="abs"), np.abs(signed))
    assert_array_equal(maps_of(IMAGES, rectify="relu"), np.maximum(signed, 0))
    split = maps_of(IMAGES, rectify="split")
    assert split.min() == 0
    assert_array_equal(split[:, 0::2] - split[:, 1::2], signed)
    assert_array_equal(split[:, 0::2] * split[:, 1::2], np.zeros_like(signed))


@pytest.mark.parametrize(
    ("size", "stride"), [(2, None), (3, 1), (3, 2), (2, 3), (1, 1)]
)
@pytest.mark.parametrize("rectify", [None, "split"])
def test_pooling_is_that_of_torch(size, stride, rectify):
    parameters = {"pool_size": size, "pool_stride": stride, "rectify": rectify}
    maps = torch.from_numpy(maps_of(IMAGES, rectify=rectify))
    for ours, theirs in (
        ("mean", torch.nn.functional.avg_pool2d),
        ("max", torch.nn.functional.max_pool2d),
    ):
        pooled = maps_of(IMAGES, pooling=ours, **parameters)
        assert_allclose(pooled, theirs(maps, size, stride), atol=1e-12)


def test_a_window_larger_than_the_image_pools_all_of_it():
    maps = maps_of(IMAGES)
    pooled = maps_of(IMAGES, pooling="max", pool_size=99)
    assert_array_equal(pooled[..., 0, 0], maps.max(axis=(2, 3)))
    signal = IMAGES[:, :1]
    assert maps_of(signal, pooling="mean", pool_size=2).shape == (6, 2, 1, 5)


@pytest.mark.parametrize(
    ("side", "window", "step"),
    [(28, 7, 3), (32, 8, 4), (8, 2, 1), (2, 2, 1), (1, 1, 1)],
)
def test_automatic_windows_are_a_quarter_of_the_side_and_overlap(side, window, step):
    images = random_images(0, 2, side, side)
    explicit = maps_of(images, pooling="mean", pool_size=window, pool_stride=step)
    assert_array_equal(maps_of(images, pooling="mean"), explicit)


def test_a_kernel_of_zeros_gives_zeros():
    assert_array_equal(maps_of(IMAGES, np.zeros((3, 3))), np.zeros((6, 1, 12, 10)))


def test_power_keeps_the_sign():
    signed = maps_of(IMAGES)
    rooted = maps_of(IMAGES, power=0.5)
    assert_allclose(rooted * np.abs(rooted), signed)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("rectify", [None, "split"])
def test_a_name_says_where_its_feature_stands_in_the_maps(padding, rectify):
    images = random_images(0, 3, 6, 5, 3)
    transformer = ConvolutionFeatureTransformer(
        "edges", padding=padding, rectify=rectify
    ).fit(images)
    names = transformer.get_feature_names_out()
    features = dict(zip(names, transformer.transform(images).T, strict=True))
    maps = transformer.feature_maps(images)
    sign = "_neg" if rectify else ""
    n_maps = 4 if rectify else 2
    # The last map of the second channel is the horizontal, negative one.
    assert_array_equal(
        features[f"horizontal_ch1{sign}_r3_c2"], maps[:, 2 * n_maps - 1, 3, 2]
    )


def test_names_of_gray_images_are_kernel_row_and_column():
    transformer = ConvolutionFeatureTransformer().fit(IMAGES)
    assert transformer.get_feature_names_out()[3 * 10 + 5] == "vertical_r3_c5"
    frame = transformer.set_output(transform="pandas").transform(IMAGES)
    assert list(frame.columns) == list(transformer.get_feature_names_out())


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int32, bool])
def test_every_input_dtype_gives_the_same_responses(dtype):
    images = RNG.integers(0, 2, (4, 8, 8)).astype(dtype)
    maps = maps_of(images)
    assert maps.dtype == (np.float32 if dtype in (np.uint8, np.float32) else np.float64)
    assert_array_equal(maps, maps_of(images.astype(np.float64)))


def test_rows_images_lists_and_fortran_order_give_the_same_features():
    rows = IMAGES.reshape(6, -1)
    expected = ConvolutionFeatureTransformer().fit_transform(IMAGES)
    transformer = ConvolutionFeatureTransformer(image_shape=(12, 10))
    for same in (rows, np.asfortranarray(rows), rows.tolist()):
        assert_array_equal(transformer.fit_transform(same), expected)


@pytest.mark.parametrize("n", [1000, 4000])
@pytest.mark.parametrize("parameters", [{"kernels": "edges4"}, RECOMMENDED])
def test_memory_above_the_output_stays_under_ten_megabytes(n, parameters):
    images = np.zeros((n, 28, 28), np.uint8)
    transformer = ConvolutionFeatureTransformer(**parameters).fit(images)
    tracemalloc.start()
    output = transformer.transform(images)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - output.nbytes < 10e6


def test_a_pickle_holds_arrays_and_gives_the_same_features():
    transformer = ConvolutionFeatureTransformer("edges8", rectify="split").fit(IMAGES)
    stored = pickle.dumps(transformer)
    assert b"torch" not in stored
    assert_array_equal(
        pickle.loads(stored).transform(IMAGES), transformer.transform(IMAGES)
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"padding": "valid"},
        {"stride": 2},
        {"stride": 0},
        {"rectify": "split"},
        {"rectify": "nonsense"},
        {"pooling": "max", "pool_size": 2},
        {"power": 0.5},
        {"clip": (0, 1)},
        {"kernels": "sobel"},
        {"image_shape": (10, 12)},
    ],
)
def test_parameters_that_are_set_after_a_fit_count_from_the_next_one_on(changed):
    transformer = ConvolutionFeatureTransformer("edges").fit(IMAGES)
    features, names = transformer.transform(IMAGES), transformer.get_feature_names_out()
    transformer.set_params(**changed)
    for each in (transformer, pickle.loads(pickle.dumps(transformer))):
        assert_array_equal(each.transform(IMAGES), features)
        assert_array_equal(each.get_feature_names_out(), names)
        assert each.get_params() == transformer.get_params()


def test_a_failed_fit_leaves_the_former_one_whole():
    transformer = ConvolutionFeatureTransformer().fit(IMAGES)
    before = pickle.dumps(transformer)
    with pytest.raises(ValueError, match="NaN"):
        transformer.fit(np.full((2, 3, 3), np.nan))
    assert pickle.dumps(transformer) == before
    unfitted = ConvolutionFeatureTransformer("sobel", padding="valid")
    with pytest.raises(ValueError, match="leaves nothing"):
        unfitted.fit(np.zeros((3, 2, 2)))
    assert vars(unfitted) == vars(clone(unfitted))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernels": "sobel_x"}, "near names: sobel"),
        ({"image_shape": (3, 3)}, "image_shape=(3, 3) expects (3, 3, 1)"),
        ({"padding": "valid", "kernels": np.ones((13, 3))}, "images of 12x10 pixels"),
        ({"pooling": "mean", "pool_size": 0}, "'pool_size' parameter"),
        ({"pooling": "mean", "pool_stride": 0}, "'pool_stride' parameter"),
        ({"stride": 0}, "'stride' parameter"),
        ({"power": 0}, "'power' parameter"),
        ({"border_mode": "grid"}, "'border_mode' parameter"),
        ({"clip": (255, 0)}, "clip=(255, 0)"),
        ({"clip": (0,)}, "clip=(0,)"),
        ({"clip": ("a", "b")}, "expected (low, high)"),
    ],
)
def test_a_bad_parameter_is_named(parameters, message):
    transformer = ConvolutionFeatureTransformer(**parameters)
    with pytest.raises(ValueError, match=re.escape(message)):
        transformer.fit(IMAGES)


def test_images_unlike_those_of_fit_are_refused():
    transformer = ConvolutionFeatureTransformer().fit(IMAGES)
    with pytest.raises(ValueError, match=r"shape \(10, 12, 1\)"):
        transformer.transform(IMAGES.transpose(0, 2, 1))
    with pytest.raises(ValueError, match="119 features"):
        transformer.transform(IMAGES.reshape(6, -1)[:, 1:])
    with pytest.raises(ValueError, match="NaN"):
        transformer.transform(np.full_like(IMAGES, np.nan))


@pytest.mark.parametrize(
    ("classifier", "accuracy"),
    [
        (SVC(), 0.992),
        (make_pipeline(StandardScaler(), LogisticRegression(C=0.01)), 0.985),
    ],
)
@pytest.mark.slow
def test_the_recommended_setting_reads_small_digits(classifier, accuracy):
    X, y = load_digits(return_X_y=True)
    model = make_pipeline(ConvolutionFeatureTransformer(**RECOMMENDED), classifier)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    with threadpool_limits(1):
        assert cross_val_score(model, X, y, cv=folds).mean() >= accuracy


def test_filtering_leaves_torch_and_random_generators_alone():
    def state():
        _, numpy_state, position, *_ = np.random.get_state()
        return (
            torch.get_num_threads(),
            torch.get_rng_state().tolist(),
            numpy_state.tolist(),
            position,
        )

    before = state()
    maps_of(IMAGES, "gabor", rectify="split", pooling="mean")
    assert state() == before


def test_it_works_inside_column_transformers_unions_and_cached_pipelines(tmp_path):
    rows = IMAGES.reshape(6, -1)
    edges = ConvolutionFeatureTransformer(image_shape=(12, 10))
    expected = edges.fit_transform(rows)
    columns = ColumnTransformer([("edges", edges, slice(0, 120))])
    wide = np.hstack([rows, np.ones((6, 1))])
    assert_array_equal(columns.fit_transform(wide), expected)
    union = make_union(edges, clone(edges))
    assert_array_equal(union.fit_transform(rows), np.hstack([expected, expected]))
    cached = make_pipeline(edges, "passthrough", memory=str(tmp_path))
    for _ in range(2):
        assert_array_equal(cached.fit(rows).transform(rows), expected)


def test_a_grid_search_over_kernels_scores_the_same_in_two_threads():
    X, y = load_digits(return_X_y=True, n_class=3)
    search = GridSearchCV(
        make_pipeline(ConvolutionFeatureTransformer(), NearestCentroid()),
        {
            "convolutionfeaturetransformer__kernels": ["edges", "sobel"],
            "convolutionfeaturetransformer__pooling": ["mean", "max"],
        },
        cv=2,
    )
    serial = search.fit(X, y).cv_results_["mean_test_score"]
    with parallel_config("threading", n_jobs=2):
        threaded = search.fit(X, y).cv_results_["mean_test_score"]
    assert_array_equal(serial, threaded)


def test_maps_of_tiny_pixels_are_no_larger_than_their_dtype_either():
    # The square of such a pixel is zero.
    images = np.full((1, 4, 4), 1e-170)
    transformer = ConvolutionFeatureTransformer(
        {"huge": np.array([[1e300]])}, power=3.0
    ).fit(images)
    with pytest.raises(ValueError, match="values as large as 1e-170"):
        transformer.transform(images)
