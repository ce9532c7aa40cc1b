"""FitSettings: all that training needs to know about a fit, except its rows."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import torch

from sklearn_digits._training.loss import LogLoss
from sklearn_digits._training.schedule import Constant


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """The settings of one fit.

    Attributes
    ----------
    module : torch.nn.Module
        Built, on its device, in the dtype of its weights. Training changes it.
    prepare : callable
        Makes a batch of rows, as a tensor of any dtype, the input of the module.
    criterion : LogLoss
        Takes logits, target and weight.
    optimizer : callable or None
        Takes groups of parameters and the learning rate, returns the optimizer. None
        where the loss over all rows is minimized, without steps.
    schedule : Constant or None
        The learning rate over the fit; None for a solver without steps.
    n_epochs : int
        Epochs, or iterations, at most.
    batch_size : int
        Rows of a step.
    shuffle : bool
        Whether the rows of each epoch come in random order.
    generator : torch.Generator
        Draws the order of the rows, augmentation and dropout.
    device : torch.device
        Device that the module is on.
    compute_dtype : {"float32", "bfloat16", "float64"}
        Precision of the matrix products.
    row_flops : float
        Floating-point operations of a forward pass of one row.
    n_classes : int
        Columns of the logits.
    chunk_size : int
        Rows that pass through the module at once without a step.
    tol : float
        Smallest improvement of loss or score that counts.
    n_iter_no_change : float
        Epochs without improvement after which training stops.
    early_stopping : bool
        Whether the score of the validation rows decides when to stop, and which
        weights are kept.
    augment : callable or None
        Takes a prepared batch and a generator, returns the batch changed at random.
    mixup : float
        Share of the rows of a batch that are blended with others.
    backward : callable or None
        Hand-written backward pass: takes a prepared batch, target, weight and the
        factor of the L2 penalty, leaves the gradients in ``grad``, returns loss and
        logits. None means autograd.
    alpha : float
        L2 penalty on weights, ``alpha / 2 * ||W||² / sum(sample weights)`` a batch.
    weight_decay : float
        Decay of weights by the optimizer, biases and norms excepted.
    ema_decay : float or None
        Decay of the averaged weights a step; None averages nothing.
    skorch_callbacks : list or None
        Callbacks of skorch; None trains without skorch's own loop.
    """

    module: torch.nn.Module
    prepare: Callable
    criterion: LogLoss
    optimizer: Callable | None
    schedule: Constant | None
    n_epochs: int
    batch_size: int
    shuffle: bool
    generator: torch.Generator
    device: torch.device
    compute_dtype: str
    row_flops: float
    n_classes: int
    chunk_size: int
    tol: float
    n_iter_no_change: float
    early_stopping: bool
    augment: Callable | None = None
    mixup: float = 0.0
    backward: Callable | None = None
    alpha: float = 0.0
    weight_decay: float = 0.0
    ema_decay: float | None = None
    skorch_callbacks: list | None = None

    def step_flops(self):
        """Return the floating-point operations of a step, forward and backward."""
        return 3 * self.row_flops * self.batch_size

    def check_finite(self, loss, epoch):
        """Raise ValueError if the loss of an epoch is not finite."""
        if not isfinite(loss):
            raise self.not_finite(f"the loss is {loss}", epoch)

    def not_finite(self, what, epoch):
        """Return the error of training that computed something that is not finite."""
        cause = "The input data may contain large values and need to be preprocessed"
        if self.schedule is not None:
            rate = self.schedule.learning_rate
            cause += f", or learning_rate_init={rate} is too large"
        return ValueError(
            f"Solver produced non-finite parameter weights: {what} in epoch {epoch}. "
            f"{cause}."
        )
