"""Full disks and read-only folders: the old file stays whole, nothing lies beside it.

The disks are real ones, where the tests may mount them.
"""

import errno
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

from sklearn_digits import Checkpoint, ConvolutionFeatureTransformer, MLPClassifier
from sklearn_digits.datasets import save_idx
from sklearn_digits.export import to_onnx

resource = pytest.importorskip("resource", reason="limits of Unix")

NOBODY = 65_534
# Bytes of a disk, and of files of which it holds one and not the other.
DISK, SMALL, LARGE = 256_000, 40_000, 400_000
NOISE = np.random.default_rng(0).integers(0, 256, LARGE, dtype=np.uint8)
TRANSFORMERS = {
    n_bytes: ConvolutionFeatureTransformer(
        np.ones((n_bytes // 36, 3, 3)), padding="valid"
    ).fit(np.ones((1, 3, 3)))
    for n_bytes in (SMALL, LARGE)
}


def write_idx(folder, n_bytes):
    save_idx(folder / "file", NOISE[:n_bytes])


def write_packed_idx(folder, n_bytes):
    save_idx(folder / "file.gz", NOISE[:n_bytes])


def write_onnx(folder, n_bytes):
    to_onnx(TRANSFORMERS[n_bytes], folder / "file.onnx")


def write_checkpoint(folder, n_bytes):
    Checkpoint(folder).save("file", {"weights": torch.ones(n_bytes // 4)})


each_writer = pytest.mark.parametrize(
    "write", [write_idx, write_packed_idx, write_onnx, write_checkpoint]
)


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@pytest.fixture
def disk():
    """The folder of a small disk of its own."""
    folder = Path(tempfile.mkdtemp())
    try:
        mount("-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder)
    except (OSError, subprocess.CalledProcessError) as error:
        folder.rmdir()
        pytest.skip(f"a disk cannot be mounted here: {error}")
    yield folder
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


@pytest.fixture
def open_folder():
    """A folder that every user may read."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def largest_file(n_bytes):
    """Let no file of this process grow beyond some bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def read_only_disk(folder):
    mount("-o", "remount,ro", folder)
    try:
        yield
    finally:
        mount("-o", "remount,rw", folder)


@contextmanager
def read_only_folder(folder):
    """Let nobody write to a folder; root, who may, is somebody else meanwhile."""
    folder.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o755)


def check_that_the_old_file_stays(write, folder, fault, n_bytes, code):
    write(folder, SMALL)
    [path] = folder.iterdir()
    before = path.read_bytes()
    with fault, pytest.raises(OSError, match=re.escape(str(path))) as raised:
        write(folder, n_bytes)
    assert raised.value.errno == code
    assert list(folder.iterdir()) == [path]
    assert path.read_bytes() == before
    write(folder, SMALL)
    assert path.read_bytes() == before


@each_writer
def test_a_full_disk_leaves_the_old_file(write, disk):
    check_that_the_old_file_stays(write, disk, nullcontext(), LARGE, errno.ENOSPC)


@each_writer
def test_a_file_that_grows_too_large_leaves_the_old_one(write, tmp_path):
    fault = largest_file(2 * SMALL)
    check_that_the_old_file_stays(write, tmp_path, fault, LARGE, errno.EFBIG)


@each_writer
def test_a_read_only_disk_leaves_the_old_file(write, disk):
    fault = read_only_disk(disk)
    check_that_the_old_file_stays(write, disk, fault, SMALL, errno.EROFS)


@each_writer
def test_a_read_only_folder_leaves_the_old_file(write, open_folder):
    fault = read_only_folder(open_folder)
    check_that_the_old_file_stays(write, open_folder, fault, SMALL, errno.EACCES)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_fit_goes_on_from_its_checkpoint_once_the_disk_has_space(disk):
    X, y = load_digits(return_X_y=True)
    X, y = X[:100].astype(np.uint8), y[:100]
    model = MLPClassifier((150,), max_iter=4, random_state=0)
    with pytest.raises(OSError, match="No space left on device"):
        clone(model).set_callbacks(Checkpoint(disk)).fit(X, y)
    assert [path.suffix for path in disk.iterdir()] == [".checkpoint"]
    mount("-o", f"remount,size={10 * DISK}", disk)
    resumed = clone(model).set_callbacks(Checkpoint(disk)).fit(X, y)
    assert np.array_equal(resumed.predict_proba(X), model.fit(X, y).predict_proba(X))
    assert resumed.loss_curve_ == model.loss_curve_
