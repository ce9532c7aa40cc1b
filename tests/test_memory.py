"""Data larger than memory streams through."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the kernel does not say"
)

# A million images of 784 bytes are 784 MB in a file, which holds no more than what was
# written to it: a few pixels. Anonymous memory is what a process has allocated;
# pages of the file are not in it. A thread looks at the peak.
MEASURE = """
import sys, threading, warnings
import numpy as np
import torch
from sklearn_digits import ConvNetClassifier, MLPClassifier

n_rows = 1_000_000
X = np.memmap(sys.argv[1], np.uint8, "w+", shape=(n_rows, 784))
y = (np.arange(n_rows) % 10).astype(np.int8)
X[np.arange(0, n_rows, 10_000), 0] = 255

def anonymous():
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["RssAnon"].split()[0]) / 1024

before = peak = anonymous()
done = threading.Event()

def look():
    global peak
    while not done.wait(0.005):
        peak = max(peak, anonymous())

thread = threading.Thread(target=look, daemon=True)
thread.start()
warnings.simplefilter("ignore")
model = {model}
{train}
done.set()
thread.join()
assert model.t_ == n_rows, model.t_
print(peak - before)
"""

MODELS = {
    "mlp": "MLPClassifier((4,), max_iter=1, batch_size=2000, random_state=0)",
    # The bytes of an image are the pixels of four channels, so that the network, which
    # makes one channel of them, has little to compute.
    "convnet": "ConvNetClassifier(channels=(1,), kernel_size=1, max_iter=1, "
    "image_shape=(14, 14, 4), batch_size=1000, augmentation=None, ema_decay=None, "
    "random_state=0)",
}
TRAIN = {
    "fit": "model.fit(X, y)",
    "partial_fit": """
for start in range(0, n_rows, 50_000):
    rows = slice(start, start + 50_000)
    model.partial_fit(X[rows], y[rows], classes=range(10))
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("train", TRAIN)
@pytest.mark.parametrize("model", MODELS)
def test_a_million_images_stream_through_in_flat_memory(model, train, tmp_path):
    script = MEASURE.format(model=MODELS[model], train=TRAIN[train])
    run = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "X"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert 0 <= float(run.stdout) < 500  # MB


@pytest.mark.slow
def test_a_checkpoint_hashes_a_million_images_in_flat_memory(tmp_path):
    script = MEASURE.format(
        model=MODELS["mlp"],
        train="""
from sklearn_digits import Checkpoint
model.set_callbacks(Checkpoint(sys.argv[1] + ".checkpoints")).fit(X, y)
""",
    )
    run = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "X"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert 0 <= float(run.stdout) < 500  # MB
