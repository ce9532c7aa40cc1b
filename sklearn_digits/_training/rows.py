"""Rows of a data set, dense or sparse: cut into batches, none of them copied before."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.sparse import csr_array, csr_matrix, issparse


def take_rows(X, rows):
    """Return some rows of `X` as a new dense array.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n, n_features)
        May be read-only, and in Fortran's order; the result never is, as torch wants
        it, and as it takes to round alike.
    rows : slice or ndarray of int

    Returns
    -------
    X : ndarray of shape (n_rows, n_features)
    """
    if issparse(X):
        return X[rows].toarray()
    if isinstance(rows, slice):
        return np.array(X[rows], order="C")
    return X.take(rows, axis=0)


@dataclass
class Rows:
    """Some rows of a data set, none of them copied.

    Attributes
    ----------
    X : ndarray or CSR array of shape (n, n_features)
        May be read-only, and larger than memory.
    target : torch.Tensor of shape (n,) or (n, n_labels)
    weight : torch.Tensor of shape (n,) or None
        None if every row weighs the same.
    index : torch.Tensor of shape (n_rows,), dtype int64
        The rows that are meant.
    """

    X: np.ndarray | csr_array | csr_matrix
    target: torch.Tensor
    weight: torch.Tensor | None
    index: torch.Tensor

    @classmethod
    def weighted(cls, X, target, weight):
        """Return the rows of `X` that weigh anything.

        Parameters
        ----------
        X : ndarray or CSR array of shape (n, n_features)
        target : torch.Tensor of shape (n,) or (n, n_labels)
        weight : ndarray of shape (n,) or None

        Raises
        ------
        ValueError
            If no row does.
        """
        if weight is None:
            return cls(X, target, None, torch.arange(X.shape[0]))
        index = torch.from_numpy(np.flatnonzero(weight))
        if not len(index):
            raise ValueError("The weights of all rows are zero.")
        return cls(X, target, torch.tensor(weight), index)

    def __len__(self):
        return len(self.index)

    def at(self, index):
        """Return other rows of the same data set."""
        return replace(self, index=torch.as_tensor(index))

    def weighing_in(self, dtype):
        """Return the same rows with weights of another dtype."""
        if self.weight is None:
            return self
        return replace(self, weight=self.weight.to(dtype))

    def batches(self, batch_size, device, generator=None):
        """Yield ``(X, (target, weight, sum of weights))`` by batches.

        The rows come in random order if there is a generator to draw it.
        """
        index = self.index
        if generator is not None:
            index = index[torch.randperm(len(index), generator=generator)]
        targets = self.target[index].split(batch_size)
        for rows, target in zip(index.split(batch_size), targets, strict=True):
            X = torch.from_numpy(take_rows(self.X, rows.numpy())).to(device)
            weight, total = None, float(len(rows))
            if self.weight is not None:
                weight = self.weight[rows]
                weight, total = weight.to(device), weight.sum().item()
            yield X, (target.to(device), weight, total)


def forward_in_chunks(forward, X, prepare, chunk_size, device, index=None):
    """Return what `forward` makes of rows of `X`.

    Parameters
    ----------
    forward : callable
        A module in evaluation mode, say.
    X : ndarray or CSR array of shape (n, n_features)
    prepare : callable
        Makes a batch of rows, as a tensor, the input of `forward`.
    chunk_size : int
        Rows that are dense and pass through the module at once.
    device : torch.device
    index : ndarray of int, default=None
        The rows that are meant; None means all of them.

    Returns
    -------
    output : ndarray of shape (n_rows, n_outputs)
    """
    outputs = []
    n_rows = X.shape[0] if index is None else len(index)
    with torch.inference_mode():
        for start in range(0, n_rows, chunk_size):
            rows = slice(start, start + chunk_size)
            chunk = torch.from_numpy(
                take_rows(X, rows if index is None else index[rows])
            )
            outputs.append(forward(prepare(chunk.to(device))).cpu())
    return torch.cat(outputs).numpy()
