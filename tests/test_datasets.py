import gzip
import hashlib
import json
import re
import struct
import tracemalloc
from math import prod

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from sklearn_digits import datasets
from sklearn_digits.datasets import (
    fetch_mnist,
    load_example_digits,
    load_idx,
    save_idx,
)

IDX_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
MD5 = {  # of the unpacked files of the original distribution
    "train-images": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels": "a25bea736e30d166cdddb491f175f624",
    "test-images": "2646ac647ad5339dbf082846283269ea",
    "test-labels": "27ae3e4e09519cfbb04c329615203637",
}


def idx_bytes(array, code, shape=None):
    """The IDX file of `array`, claiming `shape`, written without `save_idx`."""
    shape = array.shape if shape is None else shape
    header = bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    return header + array.astype(IDX_DTYPES[code]).tobytes()


def decode(content):
    """The array that the bytes of an IDX file stand for; None if they are none."""
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except Exception:
            return None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_DTYPES:
        return None
    dtype, start = np.dtype(IDX_DTYPES[content[2]]), 4 + 4 * content[3]
    if len(content) < start:
        return None
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    if len(content) != start + prod(shape) * dtype.itemsize:
        return None
    try:
        return np.frombuffer(content[start:], dtype).reshape(shape)
    except ValueError:  # more dimensions, or larger ones, than NumPy has
        return None


def check_loads_as_decoded(path, content):
    """`load_idx` raises ValueError for what is no IDX file, and else loads it."""
    path.write_bytes(content)
    expected = decode(content)
    if expected is None:
        with pytest.raises(ValueError, match=re.escape(str(path))):
            load_idx(path)
    else:
        actual = load_idx(path)
        assert actual.dtype == expected.dtype.newbyteorder("=")
        assert actual.shape == expected.shape
        assert actual.tobytes() == expected.astype(actual.dtype).tobytes()


def mutate(content, rng):
    """Change, insert or delete bytes, most of them early, or cut the file."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        end = 24 if rng.random() < 0.7 else len(content)
        at = rng.integers(min(end, len(content)) + 1)
        value = rng.choice([0, 1, 2, 8, 13, 65, 127, 255, rng.integers(256)])
        match rng.integers(4):
            case 0:
                content[at : at + 1] = bytes([value])
            case 1:
                content.insert(at, value)
            case 2:
                del content[at : at + rng.integers(1, 5)]
            case 3:
                del content[rng.integers(len(content) + 1) :]
    return bytes(content)


@pytest.fixture(scope="module")
def originals():
    """A small IDX file of every dtype, plain and packed."""
    array = np.arange(24).reshape(2, 3, 4)
    plain = [idx_bytes(array, code) for code in IDX_DTYPES]
    return plain + [gzip.compress(content, mtime=0) for content in plain]


@pytest.mark.parametrize("code", IDX_DTYPES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_dtype_loads_in_native_byte_order(tmp_path, code, pack):
    array = np.array([[0, 1, 2], [100, 50, 127]])
    (tmp_path / "file").write_bytes(pack(idx_bytes(array, code)))
    loaded = load_idx(tmp_path / "file")
    np.testing.assert_array_equal(loaded, array)
    assert loaded.dtype == np.dtype(IDX_DTYPES[code]).newbyteorder("=")
    assert loaded.flags.writeable
    assert loaded.flags.c_contiguous


@pytest.mark.parametrize("code", IDX_DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (0, 28, 28), (2, 3), (2, 3, 4, 1)])
def test_saved_bytes_are_those_that_the_format_asks_for(tmp_path, code, shape):
    array = np.arange(prod(shape)).reshape(shape).astype(IDX_DTYPES[code])
    save_idx(tmp_path / "plain", array)
    save_idx(str(tmp_path / "packed.gz"), array)
    assert (tmp_path / "plain").read_bytes() == idx_bytes(array, code)
    packed = (tmp_path / "packed.gz").read_bytes()
    assert gzip.decompress(packed) == idx_bytes(array, code)
    np.testing.assert_array_equal(load_idx(tmp_path / "plain"), array, strict=False)
    assert load_idx(tmp_path / "packed.gz").shape == shape


def test_memory_layout_and_byte_order_of_the_saved_array_do_not_matter(tmp_path):
    array = np.arange(12, dtype=np.int32).reshape(3, 4)
    save_idx(tmp_path / "a.gz", array)
    save_idx(tmp_path / "b.gz", np.asfortranarray(array).astype(">i4"))
    packed = (tmp_path / "a.gz").read_bytes()
    assert packed == (tmp_path / "b.gz").read_bytes()
    assert packed[4:8] == bytes(4)  # where gzip keeps the time of writing


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint16, "U1", object])
def test_a_dtype_that_idx_lacks_is_refused_before_writing(tmp_path, dtype):
    with pytest.raises(ValueError, match=r"cannot hold an array of .* expected uint8"):
        save_idx(tmp_path / "file", np.ones(3, dtype=dtype))
    assert not (tmp_path / "file").exists()


def test_a_dimension_that_idx_cannot_count_is_refused(tmp_path):
    huge = np.broadcast_to(np.uint8(0), (2**32,))
    with pytest.raises(ValueError, match=r"below 2\*\*32"):
        save_idx(tmp_path / "file", huge)


IMAGES = idx_bytes(np.arange(24).reshape(2, 3, 4), 8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"\(none\); expected 00 00"),
        (b"\0\0\x08", "starts with the bytes 00 00 08; expected"),
        (b"\x89PNG" + IMAGES, "starts with the bytes 89 50 4e 47; expected 00 00"),
        (b"\0\0\x0a\x01" + IMAGES[4:], "bytes 00 00 0a 01; expected"),
        (IMAGES[:11], "inside its header: expected 12 bytes for 3 dimensions, found 7"),
        (IMAGES[:-1], r"claims shape \(2, 3, 4\) of uint8, 24 bytes, but it holds 23"),
        (IMAGES + b"\n", r"claims shape \(2, 3, 4\) .* but more bytes follow"),
        (gzip.compress(IMAGES, mtime=0)[:-9], "damaged gzip file"),
        (gzip.compress(IMAGES, mtime=0)[:3], "damaged gzip file"),
        (gzip.compress(IMAGES[:-1], mtime=0), "but it holds 23"),
        (
            gzip.compress(IMAGES, mtime=0) + gzip.compress(b"more", mtime=0),
            "but more bytes follow",
        ),
        (idx_bytes(np.zeros(1), 8, shape=(1,) * 65), "NumPy cannot represent"),
        (idx_bytes(np.zeros(0), 14, (0,) + (2**32 - 1,) * 3), "NumPy cannot represent"),
    ],
)
def test_errors_name_the_file_and_what_was_expected(tmp_path, content, message):
    path = tmp_path / "broken-idx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))} is .*{message}"):
        load_idx(path)


def test_a_file_that_is_not_there_is_reported_as_such(tmp_path):
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        load_idx(tmp_path / "no-such-file")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("claimed", [1_000_000, 1_000_001, 2**32 - 1, 10])
@pytest.mark.parametrize("code", [8, 14])
def test_memory_stays_below_twice_the_file_whatever_it_claims(
    tmp_path, pack, claimed, code
):
    content = idx_bytes(np.zeros(1_000_000), code, shape=(claimed,))
    (tmp_path / "file").write_bytes(pack(content))
    tracemalloc.start()
    try:
        load_idx(tmp_path / "file")
    except ValueError:
        assert claimed != 1_000_000
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2 * len(content)


@given(data=st.data())
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_edited_files_raise_value_error_or_load_correctly(tmp_path, originals, data):
    content = bytearray(data.draw(st.sampled_from(originals)))
    at = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, 4))
    content[at : at + length] = data.draw(st.binary(max_size=4))
    check_loads_as_decoded(tmp_path / "file", bytes(content))


@pytest.mark.slow
def test_ten_thousand_mutations_raise_value_error_or_load_correctly(
    tmp_path, originals
):
    rng = np.random.default_rng(0)
    tracemalloc.start()
    try:
        for _ in range(10_000):
            content = mutate(originals[rng.integers(len(originals))], rng)
            check_loads_as_decoded(tmp_path / "file", content)
        # The files hold some hundred bytes; the rest is Python's read buffers.
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """A folder with the four files, some packed: 4 training images, 2 test images."""
    monkeypatch.delenv("SKLEARN_DIGITS_DATA", raising=False)
    rng = np.random.default_rng(0)
    for part, n, suffix in (("train", 4, ".gz"), ("t10k", 2, "")):
        images = rng.integers(256, size=(n, 28, 28), dtype=np.uint8)
        labels = rng.integers(10, size=n, dtype=np.uint8)
        save_idx(tmp_path / f"{part}-images-idx3-ubyte{suffix}", images)
        save_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    return tmp_path


@pytest.fixture
def openml(monkeypatch):
    """Stand in for OpenML's answer: 70,000 rows that tell their number, no network."""
    monkeypatch.delenv("SKLEARN_DIGITS_DATA", raising=False)
    numbers = np.arange(70_000)
    answer = Bunch(
        data=np.broadcast_to(np.uint8(numbers % 251)[:, np.newaxis], (70_000, 784)),
        target=np.uint8(numbers % 10),
        calls=[],
    )

    def fetch_openml(*args, **kwargs):
        answer.calls.append((args, kwargs))
        return answer

    monkeypatch.setattr(datasets, "fetch_openml", fetch_openml)
    return answer


def test_the_bunch_holds_what_the_files_hold(small_mnist):
    mnist = fetch_mnist(data_home=small_mnist)
    images = load_idx(small_mnist / "train-images-idx3-ubyte.gz")
    labels = load_idx(small_mnist / "train-labels-idx1-ubyte")
    np.testing.assert_array_equal(mnist.images, images, strict=True)
    np.testing.assert_array_equal(mnist.data, images.reshape(4, 784), strict=True)
    np.testing.assert_array_equal(mnist.target, labels)
    assert mnist.target.dtype == np.int64
    assert np.shares_memory(mnist.images, mnist.data)
    assert mnist.target_names.tolist() == list(range(10))
    assert len(set(mnist.feature_names)) == 784
    assert mnist.feature_names[28] == "pixel_1_0"
    assert mnist.frame is None
    assert "LeCun" in mnist.DESCR


def test_all_is_train_and_then_test(small_mnist):
    train, test, both = (
        fetch_mnist(data_home=str(small_mnist), subset=subset)
        for subset in ("train", "test", "all")
    )
    assert (len(train.data), len(test.data)) == (4, 2)
    for key in ("data", "images", "target"):
        expected = np.concatenate([train[key], test[key]])
        np.testing.assert_array_equal(both[key], expected, strict=True)
    assert np.shares_memory(both.images, both.data)


def test_as_frame_returns_the_same_values_in_pandas(small_mnist):
    mnist = fetch_mnist(data_home=small_mnist)
    framed = fetch_mnist(data_home=small_mnist, as_frame=True)
    pd.testing.assert_frame_equal(
        framed.data, pd.DataFrame(mnist.data, columns=mnist.feature_names)
    )
    pd.testing.assert_series_equal(
        framed.target, pd.Series(mnist.target, name="target")
    )
    pd.testing.assert_frame_equal(framed.frame[mnist.feature_names], framed.data)
    pd.testing.assert_series_equal(framed.frame["target"], framed.target)


@pytest.mark.parametrize("as_frame", [False, True])
def test_return_x_y_returns_data_and_target_of_the_bunch(small_mnist, as_frame):
    mnist = fetch_mnist(data_home=small_mnist, as_frame=as_frame)
    X, y = fetch_mnist(data_home=small_mnist, as_frame=as_frame, return_X_y=True)
    assert type(X) is type(mnist.data)
    assert type(y) is type(mnist.target)
    np.testing.assert_array_equal(X, mnist.data)
    np.testing.assert_array_equal(y, mnist.target)


def test_the_environment_variable_names_a_folder(small_mnist, monkeypatch):
    expected = fetch_mnist(data_home=small_mnist)
    monkeypatch.setenv("SKLEARN_DIGITS_DATA", str(small_mnist))
    np.testing.assert_array_equal(fetch_mnist().data, expected.data)


def test_data_home_comes_before_the_environment_variable(
    small_mnist, tmp_path_factory, monkeypatch
):
    empty = tmp_path_factory.mktemp("empty")
    monkeypatch.setenv("SKLEARN_DIGITS_DATA", str(empty))
    assert len(fetch_mnist(data_home=small_mnist).data) == 4
    monkeypatch.setenv("SKLEARN_DIGITS_DATA", str(small_mnist))
    assert len(fetch_mnist(data_home=empty).data) == 4


@pytest.mark.parametrize("subset", ["train", "test", "all"])
def test_missing_files_are_named(small_mnist, subset):
    (small_mnist / "t10k-labels-idx1-ubyte").unlink()
    (small_mnist / "train-images-idx3-ubyte.gz").unlink()
    message = (
        rf"^{re.escape(str(small_mnist))} holds only 2 of the 4 .* missing: "
        r"train-images-idx3-ubyte, t10k-labels-idx1-ubyte \("
    )
    with pytest.raises(FileNotFoundError, match=message):
        fetch_mnist(data_home=small_mnist, subset=subset)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("train-images-idx3-ubyte.gz", np.zeros((4, 8, 8), dtype=np.uint8)),
        ("train-images-idx3-ubyte.gz", np.zeros((4, 28, 28), dtype=np.float32)),
        ("train-labels-idx1-ubyte", np.zeros(5, dtype=np.uint8)),
        ("train-labels-idx1-ubyte", np.zeros((4, 1), dtype=np.uint8)),
    ],
)
def test_files_that_are_not_mnist_are_named(small_mnist, name, array):
    save_idx(small_mnist / name, array)
    message = rf"{name} holds an array of {array.dtype} .* expected uint8"
    with pytest.raises(ValueError, match=message):
        fetch_mnist(data_home=small_mnist)


@pytest.mark.parametrize(
    ("subset", "rows"),
    [("train", slice(60_000)), ("test", slice(60_000, 70_000)), ("all", slice(70_000))],
)
def test_openml_rows_keep_the_original_order(openml, subset, rows):
    mnist = fetch_mnist(subset=subset)
    numbers = np.arange(70_000)[rows]
    np.testing.assert_array_equal(mnist.data[:, 0], numbers % 251)
    np.testing.assert_array_equal(mnist.target, numbers % 10)
    assert mnist.data.shape == (len(numbers), 784)
    assert mnist.images.shape == (len(numbers), 28, 28)
    assert mnist.data.dtype == np.uint8
    assert mnist.target.dtype == np.int64


def test_an_answer_in_openmls_own_format_is_read(tmp_path, monkeypatch):
    # Three rows in the form in which OpenML answers and scikit-learn keeps it.
    monkeypatch.delenv("SKLEARN_DIGITS_DATA", raising=False)
    pixels = np.random.default_rng(0).integers(256, size=(3, 784))
    names = [f"pixel{i}" for i in range(1, 785)]
    features = [
        {
            "name": name,
            "data_type": data_type,
            "is_target": is_target,
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": "0",
        }
        for name, data_type, is_target in [
            *((name, "numeric", "false") for name in names),
            ("class", "nominal", "true"),
        ]
    ]
    arff = "\n".join(
        [
            "@RELATION mnist_784",
            *(f"@ATTRIBUTE {name} real" for name in names),
            "@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}",
            "@DATA",
            *(
                ",".join(map(str, [*row, digit]))
                for row, digit in zip(pixels, (5, 0, 4), strict=True)
            ),
        ]
    )
    description = {
        "id": "554",
        "name": "mnist_784",
        "version": "1",
        "status": "active",
        "format": "ARFF",
        "description": "The MNIST database of handwritten digits",
        "url": "https://api.openml.org/data/v1/download/52667/mnist_784.arff",
        "md5_checksum": hashlib.md5(arff.encode(), usedforsecurity=False).hexdigest(),
    }
    api = "api/v1/json/data"
    listing = f"{api}/list/data_name/mnist_784/limit/2/data_version/1"
    answers = {
        listing: json.dumps({"data": {"dataset": [{"did": 554}]}}),
        f"{api}/554": json.dumps({"data_set_description": description}),
        f"{api}/features/554": json.dumps({"data_features": {"feature": features}}),
        f"{api}/qualities/554": json.dumps({}),
        "data/v1/download/52667/mnist_784.arff": arff,
    }
    for name, answer in answers.items():
        path = tmp_path / "openml" / "openml.org" / f"{name}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(answer.encode()))
    mnist = fetch_mnist(data_home=tmp_path, subset="all")
    np.testing.assert_array_equal(mnist.data, pixels.astype(np.uint8), strict=True)
    np.testing.assert_array_equal(mnist.target, [5, 0, 4])
    assert mnist.data.flags.c_contiguous
    assert mnist.target.dtype == np.int64


def test_a_folder_without_idx_files_is_the_cache_of_openml(openml, tmp_path):
    fetch_mnist(data_home=tmp_path, subset="test")
    [(args, kwargs)] = openml.calls
    assert args == ("mnist_784",)
    assert kwargs["version"] == 1
    assert kwargs["data_home"] == tmp_path


@pytest.mark.parametrize(
    "wrong", [{"subset": "validation"}, {"data_home": 3}, {"as_frame": "yes"}]
)
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter"):
        fetch_mnist(**wrong)


@pytest.mark.parametrize("part", ["train", "test"])
def test_mnist_is_byte_for_byte_the_original(mnist, tmp_path, part):
    for kind, array in (("images", mnist[part].images), ("labels", mnist[part].target)):
        save_idx(tmp_path / kind, array.astype(np.uint8))
        md5 = hashlib.md5((tmp_path / kind).read_bytes(), usedforsecurity=False)
        assert md5.hexdigest() == MD5[f"{part}-{kind}"]


def test_examples_have_the_8x8_digits_where_there_is_no_mnist(monkeypatch):
    monkeypatch.setenv("SKLEARN_DIGITS_DATA", "")
    X_train, X_test, y_train, y_test = load_example_digits()
    assert X_train.shape == (1347, 8, 8)
    assert len(X_train) == len(y_train)
    assert len(X_test) == len(y_test) == 450
    assert X_train.dtype == np.uint8
    # The same images, on MNIST's scale, each in one of the two parts.
    digits = load_digits()
    stretched = np.round(digits.images / 16 * 255)
    ours = np.concatenate([X_train, X_test]).reshape(-1, 64)
    assert sorted(ours.tolist()) == sorted(stretched.reshape(-1, 64).tolist())


def test_examples_have_mnist_where_it_is(small_mnist, monkeypatch):
    monkeypatch.setenv("SKLEARN_DIGITS_DATA", str(small_mnist))
    X_train, X_test, y_train, _ = load_example_digits(n_train=2)
    train, test = (fetch_mnist(subset=subset) for subset in ("train", "test"))
    np.testing.assert_array_equal(X_train, train.images[:2])
    np.testing.assert_array_equal(y_train, train.target[:2])
    np.testing.assert_array_equal(X_test, test.images)
