"""The example of data-parallel training, in two processes on this machine."""

import os
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from sklearn_digits import MLPClassifier

EXAMPLES = Path(__file__).parents[1] / "examples"
PARAMS = {
    "hidden_layer_sizes": (20,),
    "alpha": 0.0,
    "shuffle": False,
    "max_iter": 3,
    "n_iter_no_change": np.inf,
    "random_state": 0,
}
FIT_A_SHARE = """
import sys
import numpy as np
import torch.distributed as dist
from numpy import inf
from sklearn.datasets import load_digits
from data_parallel import AverageGradients, share
from sklearn_digits import MLPClassifier

dist.init_process_group("gloo")
X, y = load_digits(return_X_y=True)
clf = MLPClassifier(
    batch_size=50, skorch_callbacks=[AverageGradients()], **eval(sys.argv[1])
)
clf.fit(*share(X[:400], y[:400]))
np.save(sys.argv[2], clf.predict_proba(X))
dist.destroy_process_group()
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_two_processes_train_the_model_that_one_would(tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(EXAMPLES), *sys.path]),
        "PYTHONWARNINGS": "ignore",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": free_port(),
        "WORLD_SIZE": "2",
    }
    results = [tmp_path / "0.npy", tmp_path / "1.npy"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FIT_A_SHARE, repr(PARAMS), result],
            env={**environment, "RANK": str(rank)},
        )
        for rank, result in enumerate(results)
    ]
    try:
        assert [process.wait(300) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    one, two = map(np.load, results)
    assert np.array_equal(one, two)
    X, y = load_digits(return_X_y=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Stochastic Optimizer")
        serial = MLPClassifier(batch_size=100, **PARAMS).fit(X[:400], y[:400])
    np.testing.assert_allclose(one, serial.predict_proba(X), rtol=1e-8, atol=1e-12)
