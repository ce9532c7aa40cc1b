"""What SECURITY.md says about files from others, as far as no other test holds it.

Elsewhere: test_idx (memory, lies in headers), test_image_folder (bombs, pipes),
test_checkpoint (a file runs no code), test_storage (names that skops needs).
"""

import gzip
import hashlib
import io
import os
import pickle
import struct
import tracemalloc

import numpy as np
import PIL.Image
import pytest
import skops.io
import torch
from sklearn.datasets import load_digits
from skops.io.exceptions import UntrustedTypesFoundException

from sklearn_digits import Checkpoint, MLPClassifier
from sklearn_digits._persistence.checkpoint import HEADER
from sklearn_digits.datasets import load_idx, load_image_folder

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
X, Y = load_digits(return_X_y=True)
X, Y = X[:100], Y[:100]
OURS = ["sklearn_digits._classifiers.mlp.MLPClassifier"]


class MakesFolder:
    """Code in a pickle: loading it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def fitted():
    return MLPClassifier((4,), max_iter=1).fit(X, Y)


def test_a_pickle_runs_code_before_its_format_is_refused(fitted, tmp_path, monkeypatch):
    fitted.note = MakesFolder(tmp_path / "ran")
    monkeypatch.setattr("sklearn_digits._estimator.STATE_FORMAT", 99)
    stored = pickle.dumps(fitted)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="stored in format 99"):
        pickle.loads(stored)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("note", [os.mkdir, MakesFolder("ran")])
def test_skops_makes_nothing_that_is_not_trusted(note, fitted):
    fitted.note = note
    with pytest.raises(UntrustedTypesFoundException, match=r"mkdir|MakesFolder"):
        skops.io.loads(skops.io.dumps(fitted), trusted=OURS)


def test_weights_of_other_shapes_than_the_network_are_an_error(fitted):
    fitted._built_with["hidden_layer_sizes"] = (5,)
    with pytest.raises(RuntimeError, match="size mismatch"):
        skops.io.loads(skops.io.dumps(fitted), trusted=OURS)


def forge(path):
    """Make all weights in a checkpoint zero, and its checksum right."""
    start = len(HEADER) + hashlib.sha256().digest_size
    stored = torch.load(io.BytesIO(path.read_bytes()[start:]), weights_only=True)
    for weight in stored["state"]["state"]["weights"].values():
        weight.zero_()
    payload = io.BytesIO()
    torch.save(stored, payload)
    digest = hashlib.sha256(payload.getvalue()).digest()
    path.write_bytes(HEADER + digest + payload.getvalue())


def test_a_forged_checkpoint_decides_the_weights(tmp_path):
    def fit():
        clf = MLPClassifier((4,), max_iter=2, random_state=0)
        return clf.set_callbacks(Checkpoint(tmp_path)).fit(X, Y)

    assert np.any(fit().coefs_[0])
    [path] = tmp_path.iterdir()
    forge(path)
    assert not np.any(fit().coefs_[0])


def test_a_header_that_promises_a_terabyte_takes_no_memory(tmp_path):
    header = struct.pack(">2x2B4I", 8, 4, *[2**10] * 4)
    for name, content in (("a", header), ("b", gzip.compress(header, mtime=0))):
        (tmp_path / name).write_bytes(content)
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match="1099511627776 bytes, but it holds 0"):
                load_idx(tmp_path / name)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder" / "class").mkdir(parents=True)
    return tmp_path / "folder"


def save_image(path, side):
    PIL.Image.fromarray(np.full((side, side), 7, dtype=np.uint8)).save(path)


def test_a_lower_limit_of_pillow_refuses_smaller_images(folder, monkeypatch):
    save_image(folder / "class" / "image.png", 20)
    assert load_image_folder(folder).images.shape == (1, 20, 20)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 399)
    with pytest.raises(ValueError, match=r"image\.png cannot be used: .* 399 "):
        load_image_folder(folder, on_error="raise")


def test_with_a_shape_large_images_are_in_memory_one_by_one(folder):
    side, n_images = 500, 20
    for number in range(n_images):
        save_image(folder / "class" / f"{number}.png", side)
    tracemalloc.start()
    try:
        load_image_folder(folder, image_shape=(4, 4))
        assert tracemalloc.get_traced_memory()[1] < 3 * side**2
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_links_in_a_folder_of_images_are_followed(folder):
    save_image(folder.parent / "elsewhere.png", 5)
    os.symlink(folder.parent / "elsewhere.png", folder / "class" / "link.png")
    assert load_image_folder(folder).images.shape == (1, 5, 5)
