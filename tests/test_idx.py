import gzip
import os
import re
import struct
import tracemalloc
from math import prod

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sklearn_digits.datasets import load_idx, save_idx

IDX_DTYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


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


def test_a_file_is_replaced_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "file.gz"
    save_idx(path, np.zeros(3, dtype=np.uint8))

    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_idx(path, np.ones(3, dtype=np.uint8))
    assert np.array_equal(load_idx(path), np.zeros(3))
    assert list(tmp_path.iterdir()) == [path]
