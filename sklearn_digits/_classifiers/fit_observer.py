"""FitObserver: what a classifier does between the epochs of its fit."""

import copy
from typing import Any

from sklearn_digits._persistence.checkpoint import Checkpoint
from sklearn_digits._persistence.fingerprint import fingerprint
from sklearn_digits._training.record import FitRecord


class FitObserver:
    """Tell scikit-learn's callbacks of a fit, print its progress, keep checkpoints.

    Parameters
    ----------
    estimator : TorchClassifier
        The one that callbacks are set on, and are shown.
    draft : TorchClassifier
        The copy of `estimator` that is being fitted.
    settings : FitSettings
    rows : Rows
        Trained on.
    validation : Rows or None
    y : array-like
        The targets that callbacks are shown.
    """

    def __init__(self, estimator, draft, settings, rows, validation, y):
        self.estimator = estimator
        self.draft = draft
        self.settings = settings
        self.rows, self.validation = rows, validation
        self.record = FitRecord()
        self._shown = {"estimator": estimator, "X": rows.X, "y": y}
        callbacks = getattr(estimator, "_skl_callbacks", [])
        self._checkpoints = [each for each in callbacks if isinstance(each, Checkpoint)]
        self._context: Any = None
        self._epoch_context: Any = None
        if callbacks:
            self._context = estimator._init_callback_context(
                max_subtasks=settings.n_epochs
            )
            self._context.call_on_fit_task_begin(**self._shown)

    def training_begins(self, record, state):
        """Return the state of the last checkpoint of this fit, where there is one."""
        self.record, self._state = record, state
        if not self._checkpoints:
            return None
        if state is None:
            raise ValueError(
                "Checkpoint follows epochs, which solver="
                f"{self.estimator.solver!r} does not have; expected another solver."
            )
        parts = (self.settings, self.rows, self.validation, record.stored(), state())
        self._name = fingerprint(self.draft, *parts)
        saved = [each.load(self._name) for each in self._checkpoints]
        found = next((each for each in reversed(saved) if each is not None), None)
        if found is None:
            return None
        vars(record).update(found["record"])
        for _ in range(record.n_iter):  # so that callbacks count epochs as before
            self._context.subcontext(task_name="epoch")
        self._print(f"Going on from the checkpoint of iteration {record.n_iter}.")
        return found["state"]

    def epoch_begins(self):
        """Tell scikit-learn's callbacks."""
        if self._context is not None:
            self._epoch_context = self._context.subcontext(task_name="epoch")
            self._epoch_context.call_on_fit_task_begin(**self._shown)

    def epoch_ends(self, record, module):
        """Print losses and scores, tell the callbacks, and save checkpoints."""
        self._print(f"Iteration {record.n_iter}, loss = {record.loss:.8f}")
        if record.validation_scores:
            self._print(f"Validation score: {record.validation_scores[-1]:.6f}")
        if record.message:
            self._print(record.message)
        stop = False
        if self._context is not None:
            stop = self._tell_end(self._epoch_context, module)
        for checkpoint in self._checkpoints:
            last = stop or record.stopped or record.n_iter >= self.settings.n_epochs
            if last or record.n_iter % checkpoint.every == 0:
                kept = {**record.stored(), "stopped": stop or record.stopped}
                checkpoint.save(self._name, {"record": kept, "state": self._state()})
        return stop

    def training_ends(self, module):
        """Tell scikit-learn's callbacks."""
        if self._context is not None:
            self._tell_end(self._context, module)

    def _tell_end(self, context, module):
        def reconstruction_attributes():
            fitted = {
                name: value
                for name, value in vars(self.draft).items()
                if "callback" not in name
            }
            module_ = copy.deepcopy(module).eval()
            return {**fitted, **self.record.attributes(), "module_": module_}

        return context.call_on_fit_task_end(
            reconstruction_attributes=reconstruction_attributes, **self._shown
        )

    def _print(self, text):
        if self.estimator.verbose:
            print(text)
