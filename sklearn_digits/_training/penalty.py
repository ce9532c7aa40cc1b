"""The L2 penalty on weights, ``alpha / 2 * ||W||² / sum(sample weights)``."""


def penalized_weights(parameters):
    """Return the weights among `parameters`: biases and norms have one dimension."""
    return [weight for weight in parameters if weight.ndim > 1]


def add_l2_penalty(weights, gradients, alpha):
    """Add the gradient of the penalty to `gradients`, and return the penalty.

    Parameters
    ----------
    weights, gradients : list of ndarray or list of torch.Tensor
        Without autograd. A gradient of None, that of a frozen weight, stays None.
    alpha : float
        The penalty is ``alpha / 2`` times the sum of the squared weights.

    Returns
    -------
    penalty : float or torch.Tensor of shape ()
    """
    penalty = 0.0
    for weight, gradient in zip(weights, gradients, strict=True):
        if gradient is not None:
            gradient += alpha * weight
        flat = weight.ravel()
        penalty += alpha / 2 * (flat @ flat)
    return penalty
