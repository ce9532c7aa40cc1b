"""Rows of a data set, dense and sparse, and what the classifiers make of sparse X."""

import warnings

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_digits
from torch import nn

from sklearn_digits import ConvNetClassifier, MLPClassifier
from sklearn_digits._training import rows as rows_module
from sklearn_digits._training.prediction import forward_in_chunks
from sklearn_digits._training.rows import Rows, take_rows

CONTAINERS = [sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix]


def rows_of(n, weight=None):
    X = np.arange(2 * n, dtype=np.uint8).reshape(n, 2)
    return Rows(X, torch.arange(n), weight, torch.arange(n))


def test_every_row_comes_once_an_epoch_with_its_target():
    rows = rows_of(23)
    generator = torch.Generator().manual_seed(0)
    batches = list(rows.batches(5, "cpu", generator))
    assert [len(X) for X, _ in batches] == [5, 5, 5, 5, 3]
    X, target = (
        torch.cat(part)
        for part in zip(*((X, target) for X, (target, _, _) in batches), strict=True)
    )
    assert sorted(target.tolist()) == list(range(23))
    assert target.tolist() != list(range(23))
    assert np.array_equal(X.numpy(), rows.X[target.numpy()])
    assert X.dtype == torch.uint8


def test_rows_keep_their_order_without_a_generator():
    targets = [target for _, (target, _, _) in rows_of(7).batches(3, "cpu")]
    assert torch.cat(targets).tolist() == list(range(7))


def test_other_rows_of_a_data_set_share_its_memory():
    rows = rows_of(9, torch.linspace(1, 2, 9))
    part = rows.subset(np.array([4, 2]))
    ((X, (target, weight, total)),) = part.batches(10, "cpu")
    assert part.X is rows.X
    assert target.tolist() == [4, 2]
    assert total == pytest.approx(weight.sum().item())
    assert np.array_equal(X.numpy(), rows.X[[4, 2]])


def test_chunks_of_any_size_give_the_same_output():
    module, X = nn.Linear(2, 3).double(), np.random.default_rng(0).random((11, 2))
    whole = module(torch.from_numpy(X)).detach().numpy()
    for size in (1, 4, 11, 50):
        output = forward_in_chunks(
            module, X, lambda chunk: chunk, size, torch.device("cpu")
        )
        np.testing.assert_allclose(output, whole, rtol=1e-12)


@pytest.mark.parametrize("rows", [slice(2, 5), slice(7, 20), np.array([3, 0, 3])])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_sparse_rows_are_the_dense_ones(rows, dtype):
    X = np.eye(9, 4, dtype=dtype)
    for container in (np.asarray, sparse.csr_array, sparse.csr_matrix):
        taken = take_rows(container(X), rows)
        assert np.array_equal(taken, X[rows])
        assert taken.dtype == dtype
        assert not np.shares_memory(taken, X)


def test_rows_of_no_weight_are_left_out_and_all_of_them_is_an_error():
    X, target = np.eye(4), torch.arange(4)
    rows = Rows.weighted(X, target, np.array([1.0, 0, 0, 2]))
    assert rows.index.tolist() == [0, 3]
    assert len(Rows.weighted(X, target, None)) == 4
    with pytest.raises(ValueError, match="All sample weights are zero"):
        Rows.weighted(X, target, np.zeros(4))


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    "params",
    [
        {"early_stopping": True},
        {"solver": "sgd", "batch_size": 50, "shuffle": False},
    ],
)
def test_sparse_and_dense_input_give_the_same_classifier(container, params):
    X, y = load_digits(return_X_y=True)
    X, y = X[:300], y[:300]
    dense, other = (
        MLPClassifier(max_iter=3, random_state=0, **params) for _ in range(2)
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Stochastic Optimizer")
        dense.fit(X, y)
        other.fit(container(X), y)
    for one, two in zip(dense.coefs_, other.coefs_, strict=True):
        assert np.array_equal(one, two)
    assert dense.loss_curve_ == other.loss_curve_
    assert np.array_equal(dense.predict_proba(X), other.predict_proba(container(X)))
    other.set_params(early_stopping=False).partial_fit(container(X), y)


def test_sparse_input_is_never_dense_as_a_whole(monkeypatch):
    largest = 0

    def watched(X, rows):
        nonlocal largest
        taken = take_rows(X, rows)
        largest = max(largest, len(taken))
        return taken

    monkeypatch.setattr(rows_module, "take_rows", watched)
    X = sparse.csr_array(np.random.default_rng(0).random((5000, 20)) < 0.1, dtype=float)
    y = np.arange(5000) % 3
    model = MLPClassifier((4,), max_iter=3, tol=1, n_iter_no_change=1)
    model.set_params(early_stopping=True, validation_fraction=0.5).fit(X, y)
    model.predict(X)
    assert 0 < largest <= model._chunk_size


def test_images_may_not_be_sparse():
    X, y = load_digits(return_X_y=True)
    with pytest.raises(TypeError, match="dense data is required"):
        ConvNetClassifier().fit(sparse.csr_array(X), y)
    model = ConvNetClassifier(channels=(2,), max_iter=1).fit(X, y)
    with pytest.raises(TypeError, match="dense data is required"):
        model.predict(sparse.csr_array(X))
