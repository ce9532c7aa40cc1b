"""Learning rate schedules: the rate at each step, after an epoch, after a plateau.

A schedule is one class here and one line in `SCHEDULES`. The training loop asks it
and knows none by name.
"""

from dataclasses import dataclass
from math import cos, pi
from typing import ClassVar

ONE_CYCLE_WARMUP = 0.25
SMALLEST_LEARNING_RATE = 1e-6


@dataclass(frozen=True)
class Constant:
    """The same learning rate at all steps; also the base of the other schedules.

    Parameters
    ----------
    learning_rate : float
        Learning rate at the start; the highest one of a fixed-length schedule.
    """

    learning_rate: float

    # Whether the schedule runs over a number of steps that is known beforehand. The
    # others go on while the loss falls.
    fixed_length: ClassVar[bool] = False

    def at(self, progress):
        """Return learning rate and momentum of a step; None leaves them as they are.

        Parameters
        ----------
        progress : float
            Share of the steps taken, in [0, 1].
        """
        return None, None

    def warming_up(self, progress):
        """Tell whether the learning rate still rises."""
        return False

    def after_epoch(self, rate, n_rows_seen):
        """Return the learning rate of the next epoch."""
        return rate

    def after_plateau(self, rate):
        """Return a lower learning rate to go on with, or None to stop."""
        return None

    def without_end(self):
        """Return the schedule for training of no fixed length."""
        return Constant(self.learning_rate) if self.fixed_length else self


@dataclass(frozen=True)
class InverseScaling(Constant):
    """Divide the learning rate by a power of the number of rows seen.

    Parameters
    ----------
    learning_rate : float
    power_t : float
        The exponent.
    """

    power_t: float = 0.5

    def after_epoch(self, rate, n_rows_seen):
        """Return the learning rate of the next epoch."""
        return self.learning_rate / (n_rows_seen + 1) ** self.power_t


class Adaptive(Constant):
    """Divide the learning rate by 5 on each plateau."""

    def after_plateau(self, rate):
        """Return a lower learning rate to go on with, or None to stop."""
        return rate / 5 if rate > SMALLEST_LEARNING_RATE else None


class OneCycle(Constant):
    """The one-cycle policy [1]_: up for a quarter of the steps, then down.

    The learning rate runs along half cosine waves from 1/25 of its highest value to
    1, and down to 1e-5 of it. Momentum runs against it, from 0.95 to 0.85 and back.

    References
    ----------
    .. [1] Smith, Topin (2019). Super-convergence: very fast training of neural
       networks using large learning rates.
    """

    fixed_length = True

    def at(self, progress):
        """Return learning rate and momentum of a step."""
        if progress < ONE_CYCLE_WARMUP:
            share = progress / ONE_CYCLE_WARMUP
            factor, momentum = _anneal(1 / 25, 1.0, share), _anneal(0.95, 0.85, share)
        else:
            share = (progress - ONE_CYCLE_WARMUP) / (1 - ONE_CYCLE_WARMUP)
            factor, momentum = _anneal(1.0, 1e-5, share), _anneal(0.85, 0.95, share)
        return self.learning_rate * factor, momentum

    def warming_up(self, progress):
        """Tell whether the learning rate still rises."""
        return progress < ONE_CYCLE_WARMUP


class Cosine(Constant):
    """Half a cosine wave from the learning rate down to 0 [1]_.

    References
    ----------
    .. [1] Loshchilov, Hutter (2017). SGDR: stochastic gradient descent with warm
       restarts. ICLR.
    """

    fixed_length = True

    def at(self, progress):
        """Return learning rate and momentum of a step."""
        return self.learning_rate * _anneal(1.0, 0.0, progress), None


def _anneal(start, end, share):
    return end + (start - end) * (1 + cos(pi * share)) / 2


SCHEDULES = {
    "constant": Constant,
    "adaptive": Adaptive,
    "onecycle": OneCycle,
    "cosine": Cosine,
    "invscaling": InverseScaling,
}
