"""What a module makes of many rows, a chunk at a time, and how well it does."""

import numpy as np
import torch

from sklearn_digits._training.rows import take_rows


def forward_in_chunks(forward, X, prepare, chunk_size, device, index=None):
    """Return what `forward` makes of rows of `X`, in chunks.

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
        Positions of the selected rows; None selects all of them.

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


def evaluate(module, criterion, rows, prepare, chunk_size, device):
    """Return accuracy and loss of `module` on `rows`, both weighted.

    Parameters
    ----------
    module : torch.nn.Module
        Is put into evaluation mode.
    criterion : LogLoss
        Is put into evaluation mode: labels are not smoothed.
    rows : Rows
    prepare, chunk_size, device
        As in :func:`forward_in_chunks`.

    Returns
    -------
    accuracy, loss : float
    """
    output = forward_in_chunks(
        module.eval(), rows.X, prepare, chunk_size, device, rows.index.numpy()
    )
    logits, target = torch.from_numpy(output), rows.target[rows.index]
    if target.ndim == 2:
        hits = ((logits > 0) == (target > 0)).all(dim=1)
    else:
        hits = logits.argmax(dim=1) == target
    weight = None if rows.weight is None else rows.weight[rows.index]
    loss = criterion.eval()(logits, target, weight).item()
    if weight is None:
        return hits.double().mean().item(), loss
    return (torch.dot(hits.to(weight.dtype), weight) / weight.sum()).item(), loss


def check_finite(module, rows, prepare, device, n_rows=32):
    """Return what is not finite in `module` or in its logits of a few rows, or None.

    Losses are those before each step: the effect of a last step too long shows here.
    """
    if not all(weight.isfinite().all() for weight in module.state_dict().values()):
        return "not all weights are finite"
    index = rows.index[:n_rows].numpy()
    logits = forward_in_chunks(module, rows.X, prepare, n_rows, device, index)
    return None if np.isfinite(logits).all() else "not all logits are finite"
