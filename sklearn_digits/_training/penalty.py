"""The L2 penalty on weights, ``alpha / 2 * ||W||² / sum(sample weights)``."""

import torch


def penalized_weights(parameters):
    """Return the weights among `parameters`: biases and norms have one dimension."""
    return [weight for weight in parameters if weight.ndim > 1]


@torch.no_grad()
def add_l2_penalty(weights, alpha):
    """Add the gradient of the penalty to ``grad``, and return the penalty.

    Parameters
    ----------
    weights : list of torch.nn.Parameter
        Those without a gradient are frozen and get none.
    alpha : float
        The penalty is ``alpha / 2`` times the sum of the squared weights.

    Returns
    -------
    penalty : torch.Tensor of shape ()
    """
    trained = [weight for weight in weights if weight.grad is not None]
    gradients = [weight.grad for weight in trained]
    for gradient, weight in zip(gradients, trained, strict=True):
        gradient.add_(weight, alpha=alpha)
    flat = [weight.flatten() for weight in weights]
    return sum(torch.dot(row, row) for row in flat) * (alpha / 2)
