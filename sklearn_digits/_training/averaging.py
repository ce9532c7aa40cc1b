"""Averaged weights: a copy of a module that follows it slowly."""

import copy
from itertools import chain

from torch.optim.swa_utils import get_ema_multi_avg_fn


class AveragedWeights:
    """A copy of a module whose weights and running statistics are averaged over time.

    The decay starts low, ``min(decay, (1 + t) / (10 + t))`` at step t, so that short
    fits forget where they started. A tensor that several layers share is averaged once.

    Parameters
    ----------
    module : torch.nn.Module
    decay : float

    References
    ----------
    .. [1] Polyak, Juditsky (1992). Acceleration of stochastic approximation by
       averaging. SIAM Journal on Control and Optimization 30.
    """

    def __init__(self, module, decay):
        self.module = copy.deepcopy(module).eval()
        self.decay = decay
        self.n_steps = 0
        copies, originals = (
            [part.detach() for part in chain(each.parameters(), each.buffers())]
            for each in (self.module, module)
        )
        pairs = list(zip(copies, originals, strict=True))
        self._floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self._averaged, self._current = zip(*self._floats, strict=True)
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    def update(self):
        """Take the current weights of the module into the average."""
        decay = min(self.decay, (1 + self.n_steps) / (10 + self.n_steps))
        get_ema_multi_avg_fn(decay)(self._averaged, self._current, self.n_steps)
        for averaged, current in self._counters:
            averaged.copy_(current)
        self.n_steps += 1
