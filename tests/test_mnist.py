import gzip
import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from sklearn_digits.datasets import (
    _mnist,
    fetch_mnist,
    load_example_digits,
    load_idx,
    save_idx,
)

MD5 = {  # of the unpacked files of the original distribution
    "train-images": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels": "a25bea736e30d166cdddb491f175f624",
    "test-images": "2646ac647ad5339dbf082846283269ea",
    "test-labels": "27ae3e4e09519cfbb04c329615203637",
}


def md5_of_idx(folder, mnist, kind):
    """The checksum of the IDX file that a Bunch's images or labels came in."""
    array = mnist.images if kind == "images" else mnist.target.astype(np.uint8)
    save_idx(folder / kind, array)
    content = (folder / kind).read_bytes()
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


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

    monkeypatch.setattr(_mnist, "fetch_openml", fetch_openml)
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


def write_openml_answer(folder, rows, target):
    """Write `rows` as OpenML answers, where scikit-learn keeps it; `rows` are bytes."""
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
    head = [
        "@RELATION mnist_784",
        *(f"@ATTRIBUTE {name} real" for name in names),
        "@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}",
        "@DATA",
        "",
    ]
    written = [f"{number},".encode() for number in range(256)]
    arff = "\n".join(head).encode() + b"\n".join(
        b"".join(written[pixel] for pixel in row) + str(digit).encode()
        for row, digit in zip(rows.tolist(), target.tolist(), strict=True)
    )
    description = {
        "id": "554",
        "name": "mnist_784",
        "version": "1",
        "status": "active",
        "format": "ARFF",
        "description": "The MNIST database of handwritten digits",
        "url": "https://api.openml.org/data/v1/download/52667/mnist_784.arff",
        "md5_checksum": hashlib.md5(arff, usedforsecurity=False).hexdigest(),
    }
    api = "api/v1/json/data"
    listing = f"{api}/list/data_name/mnist_784/limit/2/data_version/1"
    answers = {
        listing: {"data": {"dataset": [{"did": 554}]}},
        f"{api}/554": {"data_set_description": description},
        f"{api}/features/554": {"data_features": {"feature": features}},
        f"{api}/qualities/554": {},
    }
    answers = {name: json.dumps(answer).encode() for name, answer in answers.items()}
    answers["data/v1/download/52667/mnist_784.arff"] = arff
    for name, answer in answers.items():
        path = folder / "openml" / "openml.org" / f"{name}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(answer, compresslevel=1))


def test_an_answer_in_openmls_own_format_is_read(tmp_path, monkeypatch):
    monkeypatch.delenv("SKLEARN_DIGITS_DATA", raising=False)
    pixels = np.random.default_rng(0).integers(256, size=(3, 784), dtype=np.uint8)
    write_openml_answer(tmp_path, pixels, np.array([5, 0, 4]))
    mnist = fetch_mnist(data_home=tmp_path, subset="all")
    np.testing.assert_array_equal(mnist.data, pixels, strict=True)
    np.testing.assert_array_equal(mnist.target, [5, 0, 4])
    assert mnist.data.flags.c_contiguous
    assert mnist.target.dtype == np.int64


@pytest.mark.slow
def test_no_files_and_no_network_say_what_to_do(tmp_path, monkeypatch):
    def no_network(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.delenv("SKLEARN_DIGITS_DATA", raising=False)
    monkeypatch.setattr(_mnist, "fetch_openml", no_network)
    with pytest.raises(ConnectionError, match=r"no route to host\. Put train-images"):
        fetch_mnist(data_home=tmp_path)


def test_openmls_answer_is_byte_for_byte_the_original(mnist, tmp_path, monkeypatch):
    both = {
        key: np.concatenate([mnist.train[key], mnist.test[key]])
        for key in ("data", "target")
    }
    write_openml_answer(tmp_path, both["data"], both["target"])
    monkeypatch.delenv("SKLEARN_DIGITS_DATA", raising=False)
    fetched = fetch_mnist(data_home=tmp_path, subset="all")
    for part, rows in (("train", slice(60_000)), ("test", slice(60_000, None))):
        bunch = Bunch(images=fetched.images[rows], target=fetched.target[rows])
        for kind in ("images", "labels"):
            assert md5_of_idx(tmp_path, bunch, kind) == MD5[f"{part}-{kind}"]


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
@pytest.mark.parametrize("kind", ["images", "labels"])
def test_mnist_is_byte_for_byte_the_original(mnist, tmp_path, part, kind):
    assert md5_of_idx(tmp_path, mnist[part], kind) == MD5[f"{part}-{kind}"]


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
