"""Rows of a data set, dense or sparse, cut into batches. Only a batch is copied."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.sparse import csr_array, csr_matrix, issparse

VANISHING_WEIGHT = 2.0**-100  # beside the heaviest row: float32 ends at 2**-149


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
    """Selected rows of a data set, none of them copied.

    Attributes
    ----------
    X : ndarray or CSR array of shape (n, n_features)
        May be read-only, and larger than memory.
    target : torch.Tensor of shape (n,) or (n, n_labels)
    weight : torch.Tensor of shape (n,) or None
        None if every row weighs the same.
    index : torch.Tensor of shape (n_rows,), dtype int64
        Positions of the selected rows in `X`.
    weight_exponent : int
        ``weight * 2.0**weight_exponent`` are the weights that the user passed.
    """

    X: np.ndarray | csr_array | csr_matrix
    target: torch.Tensor
    weight: torch.Tensor | None
    index: torch.Tensor
    weight_exponent: int = 0

    @classmethod
    def weighted(cls, X, target, weight, exponent=0):
        """Return the rows of `X` whose weight is not zero, nor vanishes.

        A batch that holds only vanishing weights would divide by their sum, which
        float32 rounds to zero.

        Parameters
        ----------
        X : ndarray or CSR array of shape (n, n_features)
        target : torch.Tensor of shape (n,) or (n, n_labels)
        weight : ndarray of shape (n,) or None
            The largest lies between 1 and 2, unless all are zero.
        exponent : int, default=0

        Raises
        ------
        ValueError
            If all weights are zero.
        """
        if weight is None:
            return cls(X, target, None, torch.arange(X.shape[0]))
        index = torch.from_numpy(np.flatnonzero(weight >= VANISHING_WEIGHT))
        if not len(index):
            raise ValueError(
                "All sample weights are zero; expected at least one positive weight."
            )
        return cls(X, target, torch.tensor(weight), index, exponent)

    def __len__(self):
        return len(self.index)

    def subset(self, index):
        """Return other rows of the same data set."""
        return replace(self, index=torch.as_tensor(index))

    def total_weight(self):
        """Return the sum of the weights: each row weighs 1 where there are none."""
        if self.weight is None:
            return float(len(self))
        return self.weight[self.index].sum().item()

    def with_weight_dtype(self, dtype):
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
