"""What happens between epochs: curves, patience, messages, callbacks, best weights."""

import copy
from math import inf, isfinite

import numpy as np
import torch

from sklearn_digits._persistence.checkpoint import Checkpoint
from sklearn_digits._persistence.fingerprint import fingerprint
from sklearn_digits._training.rows import forward_in_chunks
from sklearn_digits._training.schedule import CLOSED_SCHEDULES

SMALLEST_LEARNING_RATE = 1e-6
CHECKED_ROWS = 32  # that must come out finite at the end of a fit

# What a fit that goes on needs of the estimator's attributes, besides its weights.
CURVES = (
    "t_",
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "validation_loss_curve_",
    "best_validation_score_",
    "_no_improvement_count",
)


class FitMonitor:
    """Follows one fit of an estimator and keeps its curves.

    Parameters
    ----------
    estimator : TorchClassifier
        Its parameters are read, its curves (``loss_curve_`` and the like) written.
    n_epochs : int
        How many epochs the fit may take.
    n_rows : int
        Rows of an epoch.
    validation : Rows or None
        Rows to score after each epoch; they decide when to stop, and which weights
        are kept, if the estimator's `early_stopping` says so.
    X, y : array-like
        What scikit-learn's callbacks are shown.
    """

    def __init__(self, estimator, n_epochs, n_rows, validation, X, y):
        self.estimator = estimator
        self.n_epochs = n_epochs
        self.validation = validation
        self.early_stopping = estimator.early_stopping and validation is not None
        self.n_rows = n_rows
        self.epochs_done = 0
        self.stopped = False
        self.best_weights = None
        if self.early_stopping and estimator.validation_scores_:
            self.best_weights = copy.deepcopy(estimator.module_.state_dict())
        self._shown = {"X": X, "y": y}
        self._context = self._epoch_context = None
        callbacks = getattr(estimator, "_skl_callbacks", [])
        self._checkpoints = [each for each in callbacks if isinstance(each, Checkpoint)]
        if callbacks:
            self._context = estimator._init_callback_context(max_subtasks=n_epochs)
            self._context.call_on_fit_task_begin(estimator=estimator, **self._shown)

    @property
    def finished(self):
        """Whether the fit has done its epochs, or had reason to stop before."""
        return self.stopped or self.epochs_done >= self.n_epochs

    def begin_training(self, net, rows):
        """Let `net` and curves go on from where a checkpoint of this fit ended."""
        if self._context is None or not self._checkpoints:
            return
        start = self._state(net)
        self._name = fingerprint(self.estimator, rows, self.validation, start)
        for checkpoint in self._checkpoints:
            state = checkpoint.load(self._name)
            if state is not None:
                self._load_state(net, state)
        for _ in range(self.epochs_done):  # so that the others have their numbers
            self._context.subcontext(task_name="epoch")

    def begin_epoch(self):
        """Tell scikit-learn's callbacks that an epoch begins."""
        if self._context is not None:
            self._epoch_context = self._context.subcontext(task_name="epoch")
            self._epoch_context.call_on_fit_task_begin(
                estimator=self.estimator, **self._shown
            )

    def end_epoch(self, net):
        """Record the epoch that `net` has finished.

        Raises
        ------
        ValueError
            If the loss is not finite.
        """
        self._record_loss(net.history[-1, "train_loss"])
        scored_better = self.validation is not None and self._validate(net)
        improved = scored_better if self.early_stopping else self._loss_improved()
        # Scores hardly rise while the learning rate still does.
        patient = improved or net.warming_up
        count = 0 if patient else self.estimator._no_improvement_count + 1
        self.estimator._no_improvement_count = count
        self.epochs_done += 1
        if net.schedule == "invscaling":
            rate = self.estimator.learning_rate_init
            net.set_learning_rate(
                rate / (self.estimator.t_ + 1) ** self.estimator.power_t
            )
        self.stopped = self._out_of_patience(net) or net.stop_requested_
        self._end_task(net.evaluated_module)
        for checkpoint in self._checkpoints:
            if self.finished or self.epochs_done % checkpoint.every == 0:
                checkpoint.save(self._name, self._state(net))

    def end_iteration(self, loss, module):
        """Record an iteration of a solver that has its own way to stop.

        Returns
        -------
        stop : bool
            Whether a callback asks for it.
        """
        self.begin_epoch()
        self._record_loss(loss)
        self._loss_improved()
        self.epochs_done += 1
        return self._end_task(module)

    def _end_task(self, module):
        if self._epoch_context is not None:
            stop = self._epoch_context.call_on_fit_task_end(
                estimator=self.estimator,
                reconstruction_attributes=lambda: snapshot(module),
                **self._shown,
            )
            self.stopped = self.stopped or stop
        return self.stopped

    def check_result(self, module, rows):
        """Raise if `module` does not give finite logits for a few of the rows.

        The losses are from before each step: a last step too long shows only here.
        """
        logits = forward_in_chunks(
            module,
            rows.X,
            self.estimator._prepare,
            CHECKED_ROWS,
            torch.device(self.estimator.device_),
            rows.index[:CHECKED_ROWS].numpy(),
        )
        weights = module.state_dict().values()
        if not all(weight.isfinite().all() for weight in weights):
            raise self._not_finite("not all weights are finite", self.epochs_done)
        if not np.isfinite(logits).all():
            raise self._not_finite("not all logits are finite", self.epochs_done)

    def restore_best(self, net):
        """Give the evaluated module of `net` the weights that scored best."""
        if self.best_weights is not None:
            net.evaluated_module.load_state_dict(self.best_weights)

    def close(self, module):
        """Tell scikit-learn's callbacks that the fit has ended, with `module`."""
        if self._context is not None:
            self._context.call_on_fit_task_end(
                estimator=self.estimator,
                reconstruction_attributes=lambda: snapshot(module),
                **self._shown,
            )

    def _state(self, net):
        """Return what this fit goes on from between two epochs."""
        return {
            "net": net.training_state(),
            "curves": {name: getattr(self.estimator, name) for name in CURVES},
            "best_weights": self.best_weights,
            "epochs_done": self.epochs_done,
            "stopped": self.stopped,
        }

    def _load_state(self, net, state):
        """Undo :meth:`_state`, for an equal fit that has only begun."""
        estimator = self.estimator
        net.load_training_state(state["net"])
        vars(estimator).update(state["curves"])
        self.best_weights = state["best_weights"]
        self.epochs_done, self.stopped = state["epochs_done"], state["stopped"]
        estimator.n_iter_, estimator.loss_ = self.epochs_done, estimator.loss_curve_[-1]
        if estimator.verbose:
            print(f"Going on from the checkpoint of iteration {self.epochs_done}.")

    def _record_loss(self, loss):
        estimator = self.estimator
        if not isfinite(loss):
            raise self._not_finite(f"the loss is {loss}", self.epochs_done + 1)
        estimator.loss_ = loss
        estimator.loss_curve_.append(loss)
        estimator.n_iter_ = self.epochs_done + 1
        estimator.t_ += self.n_rows
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")

    def _not_finite(self, what, epoch):
        cause = "The input data may contain large values and need to be preprocessed"
        if self.estimator.solver != "lbfgs":
            rate = self.estimator.learning_rate_init
            cause += f", or learning_rate_init={rate} is too large"
        return ValueError(
            f"Solver produced non-finite parameter weights: {what} in epoch {epoch}. "
            f"{cause}."
        )

    def _loss_improved(self):
        estimator = self.estimator
        improved = estimator.loss_ <= estimator.best_loss_ - estimator.tol
        estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
        return improved

    def _validate(self, net):
        """Score the validation rows; tell whether they score better than before.

        With early stopping, the weights that scored best are kept.
        """
        estimator = self.estimator
        score, loss = self._evaluate(net)
        estimator.validation_scores_.append(score)
        estimator.validation_loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Validation score: {score:.6f}")
        best = estimator.best_validation_score_
        if score > best:
            estimator.best_validation_score_ = score
        if score > best and self.early_stopping:
            self.best_weights = copy.deepcopy(net.evaluated_module.state_dict())
        return score >= best + estimator.tol

    def _evaluate(self, net):
        """Return accuracy and loss on the validation rows, weighted."""
        rows = self.validation
        logits = torch.from_numpy(
            forward_in_chunks(
                net.evaluated_module.eval(),
                rows.X,
                net.prepare,
                self.estimator._chunk_size,
                torch.device(net.device),
                rows.index.numpy(),
            )
        )
        target = rows.target[rows.index]
        if target.ndim == 2:
            hits = ((logits > 0) == (target > 0)).all(dim=1)
        else:
            hits = logits.argmax(dim=1) == target
        weight = None if rows.weight is None else rows.weight[rows.index]
        loss = net.criterion_.eval()(logits, target, weight).item()
        if weight is None:
            return hits.double().mean().item(), loss
        return (torch.dot(hits.to(weight.dtype), weight) / weight.sum()).item(), loss

    def _out_of_patience(self, net):
        """Tell whether to stop; under "adaptive", first lower the learning rate.

        A closed schedule without early stopping runs to its end: its loss may well rise
        before the learning rate comes down.
        """
        estimator = self.estimator
        if not self.early_stopping and net.schedule in CLOSED_SCHEDULES:
            return False
        if estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        what = "Validation score" if self.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs."
        )
        rate = net.optimizer_.param_groups[0]["lr"]
        if net.schedule == "adaptive" and rate > SMALLEST_LEARNING_RATE:
            net.set_learning_rate(rate / 5)
            estimator._no_improvement_count = 0
            if estimator.verbose:
                print(f"{message} Setting learning rate to {rate / 5:f}")
            return False
        if estimator.verbose:
            print(f"{message} Stopping.")
        return True


def snapshot(module):
    """Return the attributes that make a copy of the estimator ready to predict."""
    return {"module_": copy.deepcopy(module).eval()}


def start_curves(estimator, resume, validated):
    """Give `estimator` the empty curves that a :class:`FitMonitor` goes on with.

    Parameters
    ----------
    estimator : TorchClassifier
    resume : bool
        Whether the fit goes on with another: only curves are new then that the other
        did not have, without early stopping or without validation.
    validated : bool
        Whether there are rows to score after each epoch.
    """
    early = estimator.early_stopping and validated
    if not resume:
        estimator.t_ = 0
        estimator.loss_curve_ = []
        estimator._no_improvement_count = 0
    if not resume or early != (estimator.best_loss_ is None):
        estimator.best_loss_ = None if early else inf
    if not resume or validated != (estimator.validation_scores_ is not None):
        estimator.validation_scores_ = [] if validated else None
        estimator.validation_loss_curve_ = [] if validated else None
        estimator.best_validation_score_ = -inf if validated else None
