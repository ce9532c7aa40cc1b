"""Input in every disguise: it works as the plain array does, or says what is wrong.

Never a crash, a hang or NaN. The bulk is drawn by hypothesis, on networks that are
fitted once; how many cases each test must see is said beside it, over 5,000 in all.
"""

import warnings
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    MLPClassifier,
)

SIDE = 4
NAMES = [f"pixel{i}" for i in range(SIDE**2)]
ESTIMATORS = {
    "MLP": MLPClassifier((5,), max_iter=2, random_state=0),
    "ConvNet": ConvNetClassifier((2,), max_iter=2, random_state=0),
    "edges": ConvolutionFeatureTransformer(power=2),
}
CLASSIFIERS = ["MLP", "ConvNet"]
# Share of the rounding of the dtype that the plain array is not in.
CLOSE = {"rtol": 1e-3, "atol": 1e-5}


def cases(n):
    """Return settings for `n` cases, the same in every run."""
    return settings(
        max_examples=n,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@cache
def data():
    X = np.random.default_rng(0).integers(0, 17, (12, SIDE**2)).astype(float)
    return X, np.arange(12) % 3


def fit(name, *args, **params):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Stochastic Optimizer")
        warnings.filterwarnings("ignore", message="Got `batch_size`")
        return clone(ESTIMATORS[name]).set_params(**params).fit(*args)


@cache
def fitted(name, named=False):
    X, y = data()
    return fit(name, pd.DataFrame(X, columns=NAMES) if named else X, y)


def output(model, X):
    """Return what `model` makes of `X`, whatever the scale of the pixels."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The largest pixel")
        warnings.filterwarnings("ignore", message="X has feature names")
        if hasattr(model, "predict_proba"):
            return model.predict_proba(X)
        return model.transform(X)


def assert_refused(call, *args):
    """Assert that `call` raises what a person can act on."""
    with pytest.raises((ValueError, TypeError)) as raised:
        call(*args)
    assert len(str(raised.value)) >= len("Input contains NaN.")


# What holds the numbers: each takes a plain array of whole numbers from 0 to 100, of
# shape (n, 16), (n, 4, 4) or (n, 4, 4, 1), and returns the same numbers.


def strided(X):
    return np.repeat(np.repeat(X, 2, axis=0), 3, axis=-1)[::2, ..., ::3]


def backwards(X):
    return np.ascontiguousarray(X[::-1, ..., ::-1])[::-1, ..., ::-1]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def mapped(X):
    file = np.memmap(mapped.folder / "X", dtype=X.dtype, mode="w+", shape=X.shape)
    file[...] = X
    file.flush()
    return np.memmap(file.filename, dtype=X.dtype, mode="r", shape=X.shape)


@pytest.fixture(scope="module", autouse=True)
def _folder_for_maps(tmp_path_factory):
    mapped.folder = tmp_path_factory.mktemp("maps")


def unaligned(X):
    padded = np.empty(X.nbytes + 1, np.uint8)[1:]
    X, plain = padded.view(X.dtype).reshape(X.shape), X
    X[...] = plain
    return X


MEMORY = {
    "plain": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "backwards": backwards,
    "read-only": read_only,
    "mapped": mapped,
    "unaligned": unaligned,
}
NUMBERS = [
    *("f2", "f4", "f8", ">f4", ">f8", "longdouble"),
    *("i1", "u1", "i2", ">u2", "i4", "i8", "u8", "object"),
]
CONTAINERS = {
    "array": lambda X: X,
    "list": lambda X: X.tolist(),
    "tuple": tuple,
    "memoryview": lambda X: memoryview(np.ascontiguousarray(X.astype(float))),
    "tensor": lambda X: torch.tensor(X.astype(float)),
    "float32 tensor": lambda X: torch.tensor(X.astype(np.float32)),
    "bfloat16 tensor": lambda X: torch.tensor(X.astype(np.float32)).bfloat16(),
    "int tensor": lambda X: torch.tensor(X.astype(np.int32)),
    "tensor with gradient": lambda X: torch.tensor(X.astype(float), requires_grad=True),
    "masked": lambda X: np.ma.array(X.astype(float)),
}


def mixed_columns(X):
    frame = pd.DataFrame(X.astype(float), columns=NAMES)
    dtypes = ["int64", "float32", "uint8", "Int16", "Float64", "object", "category"]
    return frame.astype({name: dtypes[i % 7] for i, name in enumerate(NAMES)})


FRAMES = {
    "pandas": lambda X: pd.DataFrame(X.astype(float), columns=NAMES),
    "pandas, nullable": lambda X: pd.DataFrame(X.astype(int), columns=NAMES).astype(
        "Int64"
    ),
    "pandas, mixed": mixed_columns,
    "polars": lambda X: pl.DataFrame(X.astype(float), schema=NAMES),
    "polars, uint8": lambda X: pl.DataFrame(X.astype(np.uint8), schema=NAMES),
    "polars, mixed": lambda X: pl.DataFrame(X.astype(float), schema=NAMES).cast(
        {NAMES[0]: pl.Int32, NAMES[1]: pl.Float32, NAMES[2]: pl.UInt8}
    ),
}
SHAPES = [(-1, 16), (-1, 4, 4), (-1, 4, 4, 1)]

pixels = st.lists(
    st.lists(st.integers(0, 100), min_size=16, max_size=16), min_size=1, max_size=3
).map(np.array)


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_disguise_of_an_array_gives_its_result(name):
    seen = []

    @cases(900)
    @given(
        pixels,
        st.sampled_from(SHAPES),
        st.sampled_from(NUMBERS),
        st.sampled_from(list(MEMORY)),
        st.sampled_from(list(CONTAINERS)),
    )
    def check(X, shape, dtype, memory, container):
        seen.append(1)
        plain = output(fitted(name), X.astype(float))
        disguised = X.reshape(shape).astype(dtype)
        if dtype != "object":
            disguised = MEMORY[memory](disguised)
        found = output(fitted(name), CONTAINERS[container](disguised))
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, plain, **CLOSE)

    check()
    assert len(seen) >= 900


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_data_frame_gives_the_result_of_its_values(name):
    seen = []

    @cases(150)
    @given(pixels, st.sampled_from(list(FRAMES)))
    def check(X, frame):
        seen.append(1)
        plain = output(fitted(name), X.astype(float))
        found = output(fitted(name, named=True), FRAMES[frame](X))
        np.testing.assert_allclose(found, plain, **CLOSE)

    check()
    assert len(seen) >= 150


POISONS = [np.nan, np.inf, -np.inf]


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_one_number_that_is_none_is_found_wherever_it_hides(name):
    seen = []

    @cases(500)
    @given(
        pixels,
        st.sampled_from(SHAPES),
        st.sampled_from(["f2", "f4", "f8", "object"]),
        st.sampled_from(["array", "list", "tensor", "bfloat16 tensor"]),
        st.sampled_from(POISONS),
        st.integers(0, 15),
    )
    def check(X, shape, dtype, container, poison, place):
        seen.append(1)
        X = X.astype(float)
        X[-1, place] = poison
        hidden = CONTAINERS[container](X.reshape(shape).astype(dtype))
        assert_refused(output, fitted(name), hidden)

    check()
    assert len(seen) >= 500


@pytest.mark.slow
# scikit-learn's own sum, by which it looks for NaN, over the largest float32.
@pytest.mark.filterwarnings("ignore:invalid value encountered in reduce")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_numbers_of_any_size_give_finite_results_or_are_refused(name):
    seen = []

    @cases(400)
    @given(
        st.lists(
            st.floats(allow_nan=False, allow_infinity=False), min_size=16, max_size=16
        ),
        st.sampled_from(["f4", "f8"]),
    )
    def check(row, dtype):
        seen.append(1)
        with np.errstate(over="ignore"):
            X = np.array([row]).astype(dtype)
        try:
            found = output(fitted(name), X)
        except ValueError as error:
            assert "large" in str(error)  # noqa: PT017
        else:
            assert np.isfinite(found).all()

    check()
    assert len(seen) >= 400


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_another_shape_is_refused(name):
    seen = []

    @cases(300)
    @given(
        st.lists(st.integers(0, 5), max_size=6).map(tuple),
        st.sampled_from(["f4", "f8", "u1", "object"]),
    )
    def check(shape, dtype):
        seen.append(1)
        X = np.ones(shape, dtype)
        images = 2 <= len(shape) <= 4 and shape[0] and np.prod(shape[1:]) == 16
        if images and name == "MLP" and shape[-1] in (1, 3, 4):
            assert output(fitted(name), X).shape == (shape[0], 3)
        elif shape[0:1] != (0,) and shape[1:] in [(4, 4), (4, 4, 1)]:
            assert len(output(fitted(name), X)) == shape[0]
        else:
            assert_refused(output, fitted(name), X)

    check()
    assert len(seen) >= 300


def labels_of(values):
    """Return a strategy of 12 labels among `values`."""
    return st.lists(st.sampled_from(values), min_size=12, max_size=12)


LABELS = st.one_of(
    labels_of([-(2**62), -7, 0, 3, 1000, 2**62]).map(np.array),
    labels_of([0, 2**63 - 1, 7]).map(lambda y: np.array(y, dtype=np.uint64)),
    labels_of(["", "a", "é", "🙂", "a" * 300]).map(np.array),
    labels_of(["b", "a", "c"]).map(lambda y: np.array(y, dtype=object)),
    labels_of([False, True]).map(np.array),
    labels_of([-2.0, 0.0, 3.0]).map(np.array),
    labels_of([1, 2, 3]).map(lambda y: np.array(y)[:, np.newaxis][:, 0][::-1]),
)
LABEL_CONTAINERS = {
    "array": lambda y: y,
    "list": lambda y: y.tolist(),
    "Series": pd.Series,
    "Categorical": pd.Categorical,
    "read-only": read_only,
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n_cases"), [("MLP", 150), ("ConvNet", 40)])
def test_labels_of_any_kind_are_learned_as_their_positions(name, n_cases):
    seen = []

    @cases(n_cases)
    @given(LABELS, st.sampled_from(list(LABEL_CONTAINERS)))
    def check(y, container):
        seen.append(1)
        X, _ = data()
        classes, position = np.unique(y, return_inverse=True)
        model = fit(name, X, LABEL_CONTAINERS[container](y), max_iter=1)
        assert model.classes_.tolist() == classes.tolist()
        assert set(model.predict(X).tolist()) <= set(classes.tolist())
        plain = fit(name, X, position, max_iter=1)
        assert np.array_equal(model.predict_proba(X), plain.predict_proba(X))

    check()
    assert len(seen) >= n_cases


def broken(y, kind):
    """Return labels that are none."""
    y = y.astype(float)
    return {
        "missing": np.where(y == 0, np.nan, y),
        "infinite": np.where(y == 0, np.inf, y),
        "continuous": y + 0.5,
        "complex": y.astype(complex),
        "bytes": np.array([b"a", b"b", b"c"])[y.astype(int)],
        "None": np.array([None, "a", "b"], dtype=object)[y.astype(int)],
        "numbers and text": np.array([0, "a", 2.5], dtype=object)[y.astype(int)],
        "short": y[:-1],
        "empty": y[:0],
        "scalar": np.array(1.0),
        "two columns": np.column_stack([y, y]),
        "three axes": y[:, np.newaxis, np.newaxis],
        "nullable": pd.Series(y).astype("Int64").where(y > 0),
        "polars": pl.Series([None, *y[1:].tolist()]),
        "dict": dict(enumerate(y)),
        "sets": [{1}, {2}] * 6,
        "nothing": None,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        *("missing", "infinite", "continuous", "complex", "bytes", "None"),
        *("numbers and text", "short", "empty", "scalar", "two columns", "three axes"),
        *("nullable", "polars", "dict", "sets", "nothing"),
    ],
)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_that_are_none_are_refused_and_spoil_nothing(name, kind):
    X, y = data()
    model = clone(ESTIMATORS[name])
    assert_refused(model.fit, X, broken(y, kind))
    assert not hasattr(model, "classes_")


NO_ROWS = {
    "None": None,
    "number": 3.0,
    "text": "abc",
    "nothing": [],
    "no rows": np.empty((0, 16)),
    "no images": np.empty((0, 4, 4)),
    "no pixels": np.empty((3, 0)),
    "images without pixels": np.empty((3, 0, 4)),
    "one image": np.ones(16),
    "dict": {"pixel": 1},
    "set": {1, 2},
    "generator": (row for row in np.ones((2, 16))),
    "ragged rows": [[1, 2], [3]],
    "ragged images": [np.zeros((4, 4)), np.zeros((3, 4))],
    "column of images": pd.Series(list(np.ones((12, 4, 4)))),
    "polars column of rows": pl.Series([[1.0] * 16] * 12),
    "lazy frame": pl.DataFrame(np.ones((12, 16)), schema=NAMES).lazy(),
    "frame with text": pd.DataFrame(np.ones((12, 16)), columns=NAMES).assign(
        pixel3="seven"
    ),
    "frame with gaps": pd.DataFrame(np.ones((12, 16)), columns=NAMES)
    .astype("Int64")
    .replace({"pixel3": 1}, pd.NA),
    "polars with gaps": pl.DataFrame(np.ones((12, 16)), schema=NAMES).with_columns(
        pixel3=None
    ),
    "polars with text": pl.DataFrame(np.ones((12, 16)), schema=NAMES).with_columns(
        pixel3=pl.lit("seven")
    ),
    "complex": np.ones((12, 16), complex),
    "records": np.zeros(12, [("a", float)]),
    "bytes of no dtype": np.zeros((12, 16), "V8"),
    "matrix": np.ones((12, 16)).view(np.matrix),
    "sparse tensor": torch.eye(16).to_sparse(),
    "objects": np.full((12, 16), object()),
}


@pytest.mark.parametrize("kind", NO_ROWS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_holds_no_rows_is_refused_by_fit_and_after_it(name, kind):
    X, y = NO_ROWS[kind], data()[1]
    assert_refused(output, fitted(name), X)
    assert_refused(clone(ESTIMATORS[name]).fit, X, y)


def test_a_column_of_images_is_told_how_to_become_an_array():
    images = pd.Series(list(np.ones((12, 4, 4))))
    with pytest.raises(ValueError, match=r"type Series, holds objects.*np\.stack"):
        fitted("ConvNet").predict(images)
    assert output(fitted("ConvNet"), np.stack(images)).shape == (12, 3)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_sparse_rows_work_or_are_told_to_become_dense(name):
    X, _ = data()
    if name == "MLP":
        found = output(fitted(name), sparse.csr_array(X))
        np.testing.assert_allclose(found, output(fitted(name), X), **CLOSE)
    else:
        with pytest.raises(TypeError, match="toarray"):
            output(fitted(name), sparse.csr_array(X))


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("n_rows", [1, 2, 12])
def test_one_class_is_learned_from_any_number_of_rows(name, n_rows):
    X, _ = data()
    model = fit(name, X[:n_rows], np.full(n_rows, "seven"))
    assert model.predict(X).tolist() == ["seven"] * 12
    assert np.array_equal(model.predict_proba(X), np.ones((12, 1)))


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.filterwarnings("ignore:The number of unique classes is greater")
def test_a_thousand_classes_of_one_row_each_are_learned(name):
    X = np.random.default_rng(0).random((1000, 16))
    y = 3 * np.arange(1000)[::-1] - 50
    model = fit(name, X, y)
    assert np.array_equal(model.classes_, np.sort(y))
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (1000, 1000)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-4)


WEIGHTS = {
    "read-only": read_only(np.ones(12)),
    "polars": pl.Series(np.ones(12)),
    "tensor": torch.ones(12, dtype=torch.float64),
    "list": [1] * 12,
    "objects": np.ones(12, dtype=object),
    "number": 1.0,
}


@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_weights_in_every_disguise_are_those_of_the_array(name, kind):
    X, y = data()
    plain = fit(name, X, y, np.ones(12)).predict_proba(X)
    assert np.array_equal(fit(name, X, y, WEIGHTS[kind]).predict_proba(X), plain)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize(
    "weight",
    [
        *(-np.ones(12), np.full(12, np.nan), np.full(12, np.inf), np.zeros(12)),
        *(np.ones(3), np.ones((12, 2)), "heavy"),
    ],
)
def test_weights_that_are_none_are_refused(name, weight):
    assert_refused(clone(ESTIMATORS[name]).fit, *data(), weight)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("scale", [1e-310, 1e-30, 1e30, 1e300, 1e307])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_fit_on_numbers_of_any_size_is_finite_or_refused(name, scale, dtype):
    X, y = data()
    with np.errstate(over="ignore", under="ignore"):
        X = (X * scale).astype(dtype)
    try:
        model = fit(name, X, y)
    except ValueError as error:
        assert "large" in str(error)  # noqa: PT017
    else:
        assert np.isfinite(output(model, X)).all()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_targets_as_tensors_are_their_values(name):
    X, y = data()
    plain = fit(name, X, y).predict_proba(X)
    tensors = [
        torch.tensor(y),
        torch.tensor(y).bfloat16(),
        torch.tensor(y.astype(float), requires_grad=True),
    ]
    for tensor in tensors:
        assert np.array_equal(fit(name, X, tensor).predict_proba(X), plain)
