"""SIGTERM at any moment of writing: the old or the new file is there, whole.

Python dies of SIGTERM without cleaning up. What was being written then stays beside
the file, under a name that ends in ``.tmp`` and that nothing reads. A program that
turns the signal into an exit leaves nothing.
"""

import multiprocessing
import os
import random
import re
import signal
import sys
import time
from functools import cache

import numpy as np
import pytest
import torch

from sklearn_digits import Checkpoint, ConvolutionFeatureTransformer
from sklearn_digits.datasets import save_idx
from sklearn_digits.export import to_onnx

N_KILLS, N_BYTES = 20, 4_000_000
TURNS = 0, 1  # two contents take turns
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["sklearn_digits.export._converters"])


def noise(turn, n_bytes):
    return np.random.default_rng(turn).integers(0, 256, n_bytes, dtype=np.uint8)


@cache
def transformer(turn):
    kernels = noise(turn, N_BYTES // 16).reshape(-1, 50, 50)
    images = np.ones((1, 50, 50))
    return ConvolutionFeatureTransformer(kernels, padding="valid").fit(images)


def write_idx(folder, turn):
    save_idx(folder / "file", noise(turn, N_BYTES))


def write_packed_idx(folder, turn):
    save_idx(folder / "file.gz", noise(turn, N_BYTES // 10))


def write_onnx(folder, turn):
    to_onnx(transformer(turn), folder / "file.onnx")


def write_checkpoint(folder, turn):
    Checkpoint(folder).save("file", {"weights": torch.full((N_BYTES // 4,), turn)})


def write_in_turns(write, folder, begun, exits, stops):
    """Write for ever, or stop in the middle of the first file."""

    def stop(descriptor):
        begun.set()
        time.sleep(60)

    if exits:
        signal.signal(signal.SIGTERM, lambda *arguments: sys.exit(1))
    if stops:
        os.fsync = stop  # which comes before the new file takes the place of the old
    while True:
        for turn in TURNS:
            write(folder, turn)
            begun.set()


def terminate_while_writing(write, folder, exits, *, delay=0.0, stops=False):
    begun = PROCESSES.Event()
    arguments = write, folder, begun, exits, stops
    process = PROCESSES.Process(target=write_in_turns, args=arguments, daemon=True)
    process.start()
    try:
        assert begun.wait(60)
        time.sleep(delay)
        process.terminate()
        process.join(60)
        assert process.exitcode == (1 if exits else -signal.SIGTERM)
    finally:
        process.kill()


def check_what_is_left(file, contents, exits):
    """Return how many files lie beside a whole one; remove them."""
    assert file.read_bytes() in contents
    left = [path for path in file.parent.iterdir() if path != file]
    assert len(left) <= (not exits)
    for path in left:
        assert re.fullmatch(rf"{file.name}-[0-9a-f]{{16}}\.tmp", path.name)
        path.unlink()
    return len(left)


pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM"),
    pytest.mark.parametrize("exits", [False, True], ids=["dies", "exits"]),
    pytest.mark.parametrize(
        "write", [write_idx, write_packed_idx, write_onnx, write_checkpoint]
    ),
]


def test_sigterm_at_any_moment_leaves_a_whole_file(write, exits, tmp_path):
    contents = set()
    for turn in TURNS:
        start = time.monotonic()
        write(tmp_path, turn)
        duration = time.monotonic() - start
        [file] = tmp_path.iterdir()
        contents.add(file.read_bytes())
    assert len(contents) == len(TURNS)
    rng = random.Random(0)
    for _ in range(N_KILLS):
        delay = rng.uniform(0, 2 * duration)
        terminate_while_writing(write, tmp_path, exits, delay=delay)
        check_what_is_left(file, contents, exits)


def test_sigterm_before_the_new_file_is_whole_leaves_the_old_one(
    write, exits, tmp_path
):
    write(tmp_path, 1)
    [file] = tmp_path.iterdir()
    before = file.read_bytes()
    terminate_while_writing(write, tmp_path, exits, stops=True)
    assert check_what_is_left(file, {before}, exits) == (not exits)
    write(tmp_path, 0)
    assert file.read_bytes() != before
