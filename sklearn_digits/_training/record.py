"""FitRecord: all that training writes about a fit."""

from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

# The fields that become attributes of an estimator, with an underscore behind.
CURVES = (
    "n_iter",
    "t",
    "loss",
    "loss_curve",
    "best_loss",
    "validation_scores",
    "validation_loss_curve",
    "best_validation_score",
)


@dataclass
class FitRecord:
    """What a fit has done so far.

    Attributes
    ----------
    n_iter : int
        Epochs, or iterations, of this fit.
    t : int
        Rows seen in training, with repetition, over all fits that it continues.
    loss : float
        Mean loss of the last epoch.
    loss_curve : list of float
        Mean loss of each epoch.
    best_loss : float or None
        The lowest loss; None with early stopping.
    validation_scores : list of float or None
        Accuracy on the validation rows after each epoch; None without such rows.
    validation_loss_curve : list of float or None
        Loss on the validation rows after each epoch; None without such rows.
    best_validation_score : float or None
        The highest score; None without validation rows.
    epochs_without_improvement : int
        Epochs since loss or score last improved: what patience counts.
    best_weights : dict or None
        State of the module that scored best; None without early stopping.
    stopped : bool
        Whether training had a reason to stop before its last epoch.
    message : str
        Why training stopped, or lowered the learning rate, after the last epoch.
    module : torch.nn.Module or None
        The module that predicts, in evaluation mode; None before training ends.
    state : dict or None
        What training can go on from; None before training ends.
    history : skorch.history.History or None
        What skorch's callbacks recorded; None without such callbacks.
    """

    n_iter: int = 0
    t: int = 0
    loss: float = inf
    loss_curve: list[float] = field(default_factory=list)
    best_loss: float | None = inf
    validation_scores: Any = None
    validation_loss_curve: Any = None
    best_validation_score: Any = None
    epochs_without_improvement: int = 0
    best_weights: dict | None = None
    stopped: bool = False
    message: str = ""
    module: Any = None
    state: dict | None = None
    history: list | None = None

    @classmethod
    def started(cls, early_stopping, validated, past=None):
        """Return the record of a fit that begins.

        Parameters
        ----------
        early_stopping : bool
            Whether scores, and not losses, decide when to stop.
        validated : bool
            Whether there are validation rows.
        past : FitRecord or None, default=None
            The record of the fit that this one continues. Curves go on, but for those
            that the past fit did not have.
        """
        record = cls()
        if past is not None:
            record.t = past.t
            record.loss_curve = list(past.loss_curve)
            record.epochs_without_improvement = past.epochs_without_improvement
        if early_stopping:
            record.best_loss = None
        elif past is not None and past.best_loss is not None:
            record.best_loss = past.best_loss
        if validated:
            goes_on = past is not None and past.validation_scores is not None
            record.validation_scores = list(past.validation_scores) if goes_on else []
            record.validation_loss_curve = (
                list(past.validation_loss_curve) if goes_on else []
            )
            record.best_validation_score = (
                past.best_validation_score if goes_on else -inf
            )
        return record

    @classmethod
    def from_attributes(cls, attributes):
        """Return the record that `attributes` of a fitted estimator tell of.

        Attributes that are missing or None, as after another solver, have the values
        of a fit that has not begun.
        """
        found = {
            name: attributes[f"{name}_"]
            for name in CURVES
            if attributes.get(f"{name}_") is not None
        }
        waited = attributes.get("_no_improvement_count") or 0
        return cls(**{"best_loss": None, **found}, epochs_without_improvement=waited)

    def attributes(self):
        """Return the attributes of an estimator that tell of this record."""
        return {
            **{f"{name}_": getattr(self, name) for name in CURVES},
            "_no_improvement_count": self.epochs_without_improvement,
        }

    def add_epoch(self, loss, n_rows, tol=0.0):
        """Record an epoch over `n_rows` rows; tell whether its loss improved by `tol`.

        With early stopping, no loss is an improvement.
        """
        self.n_iter += 1
        self.t += n_rows
        self.loss = loss
        self.loss_curve.append(loss)
        self.message = ""
        if self.best_loss is None:
            return False
        improved = loss <= self.best_loss - tol
        self.best_loss = min(self.best_loss, loss)
        return improved

    def add_score(self, score, loss, tol):
        """Record score and loss of validation rows; tell whether the score improved."""
        self.validation_scores.append(score)
        self.validation_loss_curve.append(loss)
        improved = score >= self.best_validation_score + tol
        self.best_validation_score = max(self.best_validation_score, score)
        return improved

    def stored(self):
        """Return the fields that a checkpoint keeps, as a dict."""
        left_out = ("module", "state", "history")
        names = [each.name for each in fields(self) if each.name not in left_out]
        return {name: getattr(self, name) for name in names}
