"""On a Dask cluster: a scheduler, and worker processes on this machine."""

import contextlib
import logging
import os
import signal
import time
import uuid
import warnings

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    MLPClassifier,
)

distributed = pytest.importorskip("distributed")

MLP = MLPClassifier((20,), max_iter=15, random_state=0)
CONVNET = ConvNetClassifier(
    (4,), max_iter=4, batch_size=10, ema_decay=None, random_state=0
)
PIPELINE = make_pipeline(ConvolutionFeatureTransformer(), SVC())


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:120], y[:120]


@pytest.fixture(scope="module")
def client():
    """A cluster of two processes; Dask gives each worker one thread by default."""
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any port: several clusters may run
            silence_logs=logging.CRITICAL,  # about the worker that is killed below
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        # Warnings of workers come by mail, and short fits are meant to be short.
        client.run(warnings.simplefilter, "ignore")
        # Copies of the data stay on all workers, as docs/guide/scaling.md asks for.
        client.amm.stop()
        yield client


@pytest.fixture(autouse=True)
def _short_fits_are_no_surprise():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Stochastic Optimizer")
        warnings.filterwarnings("ignore", message="Got `batch_size`")
        yield


def on_dask(fit, **options):
    """Return what `fit` returns on the cluster."""
    with joblib.parallel_config("dask", **options):
        return fit()


def grid_search(X, y, estimator, **grid):
    search = GridSearchCV(estimator, grid, cv=2)
    return search.fit(X, y).cv_results_["mean_test_score"]


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (MLP, {"learning_rate_init": [0.001, 0.01, 0.1]}),
        (CONVNET, {"learning_rate_init": [0.001, 0.01, 0.1]}),
        (PIPELINE, {"svc__C": [0.01, 0.1, 1.0]}),
    ],
)
def test_a_grid_search_gives_the_serial_scores(estimator, grid, digits):
    found = on_dask(lambda: grid_search(*digits, estimator, **grid))
    serial = grid_search(*digits, estimator, **grid)
    assert np.array_equal(found, serial)
    assert len(set(serial)) > 1


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("estimator", [MLP, CONVNET])
def test_models_that_come_back_from_workers_predict_as_serial_ones(estimator, digits):
    def models():
        result = cross_validate(estimator, *digits, cv=2, return_estimator=True)
        return result["estimator"]

    for there, here in zip(on_dask(models), models(), strict=True):
        assert np.array_equal(
            there.predict_proba(digits[0]), here.predict_proba(digits[0])
        )


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    "ensemble",
    [
        BaggingClassifier(MLP, n_estimators=3, random_state=0),
        VotingClassifier([("rows", MLP), ("images", CONVNET)], voting="soft"),
    ],
)
def test_an_ensemble_predicts_as_the_serial_one(ensemble, digits):
    found = on_dask(lambda: ensemble.fit(*digits).predict_proba(digits[0]))
    serial = ensemble.fit(*digits).predict_proba(digits[0])
    np.testing.assert_allclose(found, serial, rtol=1e-12)


class Deadly:
    """A step that keeps a diary of its runs, and kills its process in the first."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, X):
        (self.folder / uuid.uuid4().hex).with_suffix(".run").touch()
        time.sleep(0.3)  # joblib sends shorter tasks several at a time
        with contextlib.suppress(FileExistsError):
            (self.folder / "killed").touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
        return X


def test_a_worker_that_is_killed_costs_only_its_task(client, digits, tmp_path):
    workers = set(client.nthreads())
    grid = {"mlpclassifier__learning_rate_init": [0.001, 0.01, 0.1]}
    deadly = make_pipeline(FunctionTransformer(Deadly(tmp_path)), MLP)
    search = GridSearchCV(deadly, grid, cv=2, refit=False)
    # Every worker gets the data, which else might die with the only one that has it.
    found = on_dask(lambda: search.fit(*digits).cv_results_, scatter=list(digits))
    n_runs = len(list(tmp_path.glob("*.run")))
    assert set(client.nthreads()) != workers
    calm = make_pipeline(FunctionTransformer(), MLP)
    assert np.array_equal(found["mean_test_score"], grid_search(*digits, calm, **grid))
    # Each of the six tasks runs the step to train and to score; the killed one again.
    assert n_runs == 2 * 6 + 1
