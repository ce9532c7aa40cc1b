"""A real gunicorn answers as the model does, also when one of its workers is killed.

An answer is right, or the connection breaks and the client asks again. No answer is
wrong, and none is waited for in vain.
"""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path

import numpy as np
import psutil
import pytest
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from sklearn_digits import ConvNetClassifier
from sklearn_digits._training.runtime import ONE_THREAD_STEP

EXAMPLES = Path(__file__).parents[1] / "examples"
N_REQUESTS, N_CLIENTS, N_WORKERS = 1000, 4, 2
PATIENCE = 60  # seconds that a client waits for an answer
N_ROWS, N_BODIES = 64, 16
# The parent predicts before it forks. Its second thread exists in none of its children.
WARMED = """
import torch
from serve import app, model
torch.set_num_threads(2)
model.predict_proba([[[0] * 8] * 8] * 64)
"""
SERVERS = {
    "each worker loads the model": (["serve:app"], "1"),
    "workers are forked": (["--preload", "warmed:app"], "2"),
    "workers are forked and have threads": (
        ["--preload", "--threads", "2", "warmed:app"],
        "2",
    ),
}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="gunicorn needs fork")


@pytest.fixture(scope="module")
def model():
    digits = load_digits()
    model = ConvNetClassifier(max_iter=1, random_state=0)
    model.fit(digits.images[:200], digits.target[:200])
    assert N_ROWS * model._row_flops > ONE_THREAD_STEP
    return model


@pytest.fixture(scope="module")
def cases(model):
    """Pairs of a body and the answer that is right."""
    images = load_digits().images[200:].astype(int)
    parts = np.split(images[: N_BODIES * N_ROWS], N_BODIES)
    with threadpool_limits(1, "openmp"):
        return [
            (
                json.dumps(part.tolist()).encode(),
                {
                    "labels": model.predict(part).tolist(),
                    "probabilities": model.predict_proba(part).tolist(),
                },
            )
            for part in parts
        ]


@contextmanager
def serving(model, folder, arguments, n_threads):
    """Start gunicorn and yield its process and port; kill all of it at the end."""
    (folder / "digits.pkl").write_bytes(pickle.dumps(model))
    (folder / "warmed.py").write_text(WARMED)
    environ = {"DIGITS_MODEL": "digits.pkl", "OMP_NUM_THREADS": n_threads}
    with (
        socket.create_server(("127.0.0.1", 0), backlog=64) as listener,
        (folder / "log").open("wb") as log,
    ):
        port, number = listener.getsockname()[1], listener.fileno()
        options = [f"--bind=fd://{number}", f"--workers={N_WORKERS}"]
        # Clients notice a worker that hangs, before gunicorn replaces it.
        options += [f"--timeout={5 * PATIENCE}", "--no-control-socket"]
        options += [f"--pythonpath={EXAMPLES}"]
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, *arguments],
            cwd=folder,
            env={**os.environ, **environ},
            stderr=log,
            pass_fds=[number],
            start_new_session=True,
        )
    try:
        yield process, port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def workers_of(process):
    return {child.pid for child in psutil.Process(process.pid).children()}


def ask(port, body):
    """Return a parsed answer, and how often the connection broke before."""
    for n_broken in range(10):
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("POST", "/", body)
            response = connection.getresponse()
            content = response.read()
            assert response.status == 200, content
            return json.loads(content), n_broken
        except (ConnectionError, IncompleteRead):
            time.sleep(0.1)
        finally:
            connection.close()
    raise ConnectionError("No connection in ten lived until an answer came.")


def ask_many(port, cases, in_the_middle):
    """Return for each request whether its answer is right, and its broken connections.

    `in_the_middle` is called when half of the answers are there.
    """

    def check(i):
        body, expected = cases[i % len(cases)]
        answer, n_broken = ask(port, body)
        return answer == expected, n_broken

    results = []
    with ThreadPoolExecutor(N_CLIENTS) as pool:
        requests = [pool.submit(check, i) for i in range(N_REQUESTS)]
        try:
            for request in as_completed(requests, timeout=5 * PATIENCE):
                results.append(request.result())
                if len(results) == N_REQUESTS // 2:
                    in_the_middle()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return zip(*results, strict=True)


@pytest.mark.parametrize("name", SERVERS)
def test_every_answer_is_right_though_a_worker_is_killed(name, model, cases, tmp_path):
    with serving(model, tmp_path, *SERVERS[name]) as (process, port):
        ask(port, cases[0][0])
        killed = min(workers_of(process))
        right, n_broken = ask_many(
            port, cases, in_the_middle=lambda: os.kill(killed, signal.SIGKILL)
        )
        assert all(right)
        # No other requests are lost than those that the killed worker had taken.
        assert sum(n_broken) <= N_CLIENTS
        deadline = time.monotonic() + PATIENCE
        while len(workers_of(process) - {killed}) < N_WORKERS:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
        assert len(workers_of(process)) == N_WORKERS
        assert process.poll() is None
