"""Observer: who training tells of its epochs."""

from collections.abc import Callable
from typing import Protocol

from torch import nn

from sklearn_digits._training.record import FitRecord


class Observer(Protocol):
    """Follows a fit: training calls these methods, and knows nothing else of it."""

    def training_begins(
        self, record: FitRecord, state: Callable[[], dict] | None
    ) -> dict | None:
        """Take note that training begins.

        Parameters
        ----------
        record : FitRecord
            Which the observer may bring up to the epoch that `state` belongs to.
        state : callable or None
            Returns what training can go on from between two epochs; None where a
            solver cannot go on from such a state.

        Returns
        -------
        state : dict or None
            A former result of `state` to go on from, or None to begin.
        """

    def epoch_begins(self) -> None:
        """Take note that an epoch begins."""

    def epoch_ends(self, record: FitRecord, module: nn.Module) -> bool:
        """Take note that an epoch has ended.

        Parameters
        ----------
        record : FitRecord
            With the epoch in it.
        module : torch.nn.Module
            The module that would predict if training ended here.

        Returns
        -------
        stop : bool
            Whether to end training here.
        """

    def training_ends(self, module: nn.Module) -> None:
        """Take note that training has ended, with the module that predicts."""
