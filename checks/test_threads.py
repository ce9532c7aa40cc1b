"""Four threads at once get what one thread gets alone, bit for bit.

pytest-run-parallel runs the body of each test in four threads, which take turns far
more often than usual. Fixtures are set up once, before the threads start.
"""

import pickle
from threading import Barrier

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import nn

from sklearn_digits import (
    Checkpoint,
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    MLPClassifier,
)
from sklearn_digits._training.random_numbers import ReproducibleDraws
from sklearn_digits.datasets import load_idx, load_image_folder, save_idx
from sklearn_digits.export import to_onnx

N_THREADS = 4
pytestmark = [
    pytest.mark.force_parallel_threads(N_THREADS),
    # For the plugin, a warning that is raised in a thread is not a failure.
    pytest.mark.filterwarnings(
        "default",
        "ignore:Stochastic Optimizer",
        "ignore:lbfgs",
        "ignore:2 of the files",
    ),
]
ESTIMATORS = {
    "MLP": MLPClassifier((8,), max_iter=3, random_state=0),
    "MLP with dropout": MLPClassifier((8,), max_iter=3, random_state=0, dropout=0.3),
    "MLP by L-BFGS": MLPClassifier((8,), max_iter=3, random_state=0, solver="lbfgs"),
    "ConvNet": ConvNetClassifier((4,), max_iter=2, random_state=0, dropout=0.3),
    "edges": ConvolutionFeatureTransformer(power=2),
}
each_estimator = pytest.mark.parametrize("name", ESTIMATORS)
each_classifier = pytest.mark.parametrize("name", ["MLP", "ConvNet"])
X, Y = load_digits(return_X_y=True)
X, Y = X[:150].astype(np.uint8), Y[:150]
PARTS = np.array_split(X[:120], N_THREADS)


@pytest.fixture(scope="module")
def fitted():
    return {name: clone(ESTIMATORS[name]).fit(X, Y) for name in ESTIMATORS}


@pytest.fixture(scope="module")
def alone(fitted):
    """What one thread gets from each estimator."""
    return {name: outputs(estimator) for name, estimator in fitted.items()}


@pytest.fixture
def together():
    """Where a thread waits for three others: a test fails that has fewer threads."""
    return Barrier(N_THREADS, timeout=60)


def output(estimator, part):
    """Return the bits of what a fitted estimator makes of rows."""
    is_classifier = hasattr(estimator, "classes_")
    method = estimator.predict_proba if is_classifier else estimator.transform
    return method(part).tobytes()


def outputs(estimator):
    return [output(estimator, part) for part in PARTS]


@each_estimator
def test_fits_of_clones_give_the_bits_of_one_fit(name, alone, together):
    together.wait()
    assert outputs(clone(ESTIMATORS[name]).fit(X, Y)) == alone[name]


@each_estimator
@pytest.mark.iterations(10)
def test_one_fitted_estimator_serves_all_threads(
    name, fitted, alone, together, thread_index
):
    """At any time, each thread asks for other rows than the others."""
    order = np.roll(np.arange(N_THREADS), thread_index)
    together.wait()
    for i in order:
        assert output(fitted[name], PARTS[i]) == alone[name][i]


@each_estimator
def test_one_fitted_estimator_is_stored_and_loaded(name, fitted, alone, together):
    together.wait()
    assert outputs(pickle.loads(pickle.dumps(fitted[name]))) == alone[name]


def train_further(estimator):
    return outputs(pickle.loads(pickle.dumps(estimator)).partial_fit(X, Y))


@pytest.fixture(scope="module")
def further(fitted):
    return {name: train_further(fitted[name]) for name in ("MLP", "ConvNet")}


@each_classifier
def test_copies_are_trained_further_to_the_same_bits(name, fitted, further, together):
    together.wait()
    assert train_further(fitted[name]) == further[name]


@each_classifier
def test_fits_that_share_a_checkpoint_give_the_bits_of_one_fit(
    name, alone, together, tmp_path
):
    together.wait()
    checkpoint = Checkpoint(tmp_path.parent / "shared")
    estimator = clone(ESTIMATORS[name]).set_callbacks(checkpoint)
    assert outputs(estimator.fit(X, Y)) == alone[name]


def draw_weights():
    """Return the bits of weights of every kind of draw, from a generator of its own."""
    generator = torch.Generator().manual_seed(0)
    with ReproducibleDraws(generator):
        module = nn.Sequential(nn.Conv2d(1, 8, 3), nn.LSTM(8, 8), nn.Embedding(9, 9))
        nn.init.orthogonal_(module[0].weight[:, 0])
        drawn = [*module.state_dict().values(), torch.rand(9), torch.randperm(9)]
    return [values.numpy().tobytes() for values in drawn]


@pytest.fixture(scope="module")
def drawn():
    return draw_weights()


@pytest.mark.iterations(5)
def test_weights_are_drawn_from_the_generator_of_their_own_thread(drawn, together):
    before = torch.get_rng_state()
    together.wait()
    assert draw_weights() == drawn
    assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number, pixels in enumerate(X[:20].reshape(-1, 8, 8)):
        path = folder / str(number % 2) / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    (folder / "1" / "broken.png").write_bytes(b"")
    save_idx(folder / "images.gz", X)
    return folder


@pytest.mark.iterations(5)
def test_files_are_read_as_they_are(folder, together):
    together.wait()
    loaded = load_image_folder(folder, on_error="warn")
    assert np.array_equal(loaded.data, [*X[:20:2], *X[1:20:2]])
    assert len(loaded.skipped) == 2
    assert np.array_equal(load_idx(folder / "images.gz"), X)


@pytest.mark.iterations(5)
def test_a_file_that_all_write_is_whole(together, tmp_path, thread_index):
    path = tmp_path.parent / "shared.gz"
    together.wait()
    save_idx(path, np.full((50, 50), thread_index, dtype=np.uint8))
    assert len(np.unique(load_idx(path))) == 1


@pytest.fixture(scope="module")
def exported(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    return {name: export(fitted[name], path) for name in ("MLP", "ConvNet", "edges")}


def export(estimator, path):
    to_onnx(estimator, path, input_dtype="uint8")
    return path.read_bytes()


@pytest.mark.parametrize("name", ["MLP", "ConvNet", "edges"])
def test_one_fitted_estimator_is_exported(name, fitted, exported, together, tmp_path):
    together.wait()
    assert export(fitted[name], tmp_path / "model.onnx") == exported[name]


def test_different_work_goes_on_at_once(
    fitted, alone, exported, folder, together, tmp_path, thread_index
):
    together.wait()
    if thread_index == 0:
        assert outputs(clone(ESTIMATORS["ConvNet"]).fit(X, Y)) == alone["ConvNet"]
    elif thread_index == 1:
        assert export(fitted["MLP"], tmp_path / "model.onnx") == exported["MLP"]
    elif thread_index == 2:
        assert len(load_image_folder(folder, on_error="warn").images) == 20
    else:
        assert outputs(fitted["MLP"]) == alone["MLP"]
