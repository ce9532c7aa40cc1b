"""Learning rates over the steps of a fit, as plain functions of its progress."""

from math import cos, pi

ONE_CYCLE_WARMUP = 0.25


def _anneal(start, end, share):
    return end + (start - end) * (1 + cos(pi * share)) / 2


def one_cycle(progress):
    """Return the learning rate's factor and the momentum of the one-cycle policy.

    Parameters
    ----------
    progress : float
        Share of the steps taken, in [0, 1].

    Returns
    -------
    factor : float
        1/25 at the start, 1 after a quarter of the steps, 1e-5 at the end, along
        half cosine waves.
    momentum : float
        From 0.95 down to 0.85 and back, against the learning rate.

    References
    ----------
    .. [1] Smith, Topin (2019). Super-convergence: very fast training of neural
       networks using large learning rates.
    """
    if progress < ONE_CYCLE_WARMUP:
        share = progress / ONE_CYCLE_WARMUP
        return _anneal(1 / 25, 1.0, share), _anneal(0.95, 0.85, share)
    share = (progress - ONE_CYCLE_WARMUP) / (1 - ONE_CYCLE_WARMUP)
    return _anneal(1.0, 1e-5, share), _anneal(0.85, 0.95, share)


def cosine(progress):
    """Return the learning rate's factor: half a cosine wave from 1 to 0, and None.

    References
    ----------
    .. [1] Loshchilov, Hutter (2017). SGDR: stochastic gradient descent with warm
       restarts. ICLR.
    """
    return _anneal(1.0, 0.0, progress), None


# Those that run to an end known beforehand; the others go on while the loss falls.
CLOSED_SCHEDULES = {"onecycle": one_cycle, "cosine": cosine}
