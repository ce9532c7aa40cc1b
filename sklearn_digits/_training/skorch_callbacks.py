"""CallbackNet: a training net that tells skorch's callbacks of every batch."""

import copy
import dis
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.base import ClassifierMixin, clone
from skorch.dataset import Dataset
from skorch.utils import TeeGenerator
from torch.utils.data import Subset

from sklearn_digits._training.prediction import forward_in_chunks
from sklearn_digits._training.rows import Rows
from sklearn_digits._training.runtime import weight_dtype
from sklearn_digits._training.targets import decode_targets, probabilities
from sklearn_digits._training.training_net import TrainingNet


class CallbackNet(ClassifierMixin, TrainingNet):
    """A :class:`TrainingNet` whose epochs are skorch's own, with all its events.

    Slower than the lean loop: each loss leaves the device, each batch gets a row in
    the history. Callbacks see batches of (X, target), datasets of skorch's, and targets
    that are positions in the classifier's ``classes_``. From the end of an epoch on,
    they find in ``module_`` the weights that predict, averaged ones where there are.

    Parameters
    ----------
    settings : FitSettings
        Its ``skorch_callbacks``, or tuples ``(name, callback)``, are cloned and never
        used themselves.
    """

    def __init__(self, settings):
        callbacks = [clone_callback(each) for each in settings.skorch_callbacks]
        super().__init__(settings, callbacks)

    def initialize_optimizer(self, triggered_directly=None):
        """Build the optimizer, with the initial rates that schedulers go on from."""
        super().initialize_optimizer(triggered_directly)
        for group in self.optimizer_.param_groups:
            group["initial_lr"] = self.lr
        return self

    @property
    def classes_(self):
        """Positions of the classes, for scorers."""
        return np.arange(self.settings.n_classes)

    def notify(self, method_name, **event):
        """Tell the callbacks of an event.

        A callback that raises ``KeyboardInterrupt`` asks to stop, in skorch's way;
        Ctrl-C, which may come while one runs, goes through.
        """
        event = _as_skorchs(event)
        getattr(self, method_name)(self, **event)
        with self._evaluated_weights(method_name in ("on_epoch_end", "on_train_end")):
            for _, callback in self.callbacks_:
                try:
                    getattr(callback, method_name)(self, **event)
                except KeyboardInterrupt as error:
                    if not is_raised_by_a_statement(error):
                        raise
                    self.stop_requested_ = True

    @contextmanager
    def _evaluated_weights(self, wanted):
        """Let callbacks save, score and load the weights that predict."""
        trained = self.module_
        if wanted:
            self.__dict__["module_"] = self.evaluated_module
        try:
            yield
        finally:
            self.__dict__["module_"] = trained

    def run_epoch(self, rows, validation):
        """Run skorch's epoch over both sets of rows; return the mean training loss."""
        generator = self.settings.generator if self.settings.shuffle else None
        batches = self._batches_of(rows, generator)
        self.run_single_epoch(batches, True, "train", self.train_step)
        self.compute_statistics(rows)
        if validation is not None:
            batches = self._batches_of(validation, None)
            self.run_single_epoch(batches, False, "valid", self.validation_step)
        steps = [step for step in self.history[-1]["batches"] if "train_loss" in step]
        losses = [step["train_loss"] for step in steps]
        sizes = [step["train_batch_size"] for step in steps]
        return float(np.average(losses, weights=sizes))

    def _batches_of(self, rows, generator):
        """Yield the batches of `rows` until a callback asks to stop."""
        for batch in rows.batches(self.batch_size, self.device, generator):
            yield batch
            if self.stop_requested_:
                return

    def train_step(self, batch, **fit_params):
        """Update the weights with one batch of :meth:`Rows.batches`."""
        self._set_training(True)
        step = self.compute_gradients(batch)
        self.notify(
            "on_grad_computed",
            named_parameters=TeeGenerator(self.get_all_learnable_params()),
            batch=batch,
            training=True,
        )
        self.update_weights()
        logits = step["y_pred"].detach().to(weight_dtype(self.settings.compute_dtype))
        return {**step, "y_pred": logits}

    def validation_step(self, batch, **fit_params):
        """Compute logits and loss of one batch of :meth:`Rows.batches`."""
        self._set_training(False)
        X, (target, weight, _) = batch
        with torch.no_grad():
            logits = self.evaluated_module(self.settings.prepare(X))
            loss = self.criterion_(logits, target, weight)
        return {"loss": loss, "y_pred": logits}

    def forward_iter(self, X, training=False, device="cpu"):
        """Yield the logits of `X`, an array or the dataset of an event."""
        index = None
        if isinstance(X, Subset):
            X, index = X.dataset.X, X.indices  # type: ignore[attr-defined]
        logits = forward_in_chunks(
            self.evaluated_module.eval(),
            X.cpu().numpy() if isinstance(X, torch.Tensor) else X,
            self.settings.prepare,
            self.batch_size,
            torch.device(self.device),
            index,
        )
        yield torch.from_numpy(logits).to(device)

    def predict_proba(self, X):
        """Return the probability of each class."""
        return probabilities(self.forward(X).numpy(), self.criterion_.multilabel)

    def predict(self, X):
        """Return the position of the most probable class, or an indicator matrix."""
        logits = self.forward(X).numpy()
        return decode_targets(logits, self.classes_, self.criterion_.multilabel)


def _as_skorchs(event):
    """Return the arguments of an event as skorch's callbacks know them."""
    event = dict(event)
    if isinstance(event.get("X"), Rows):
        event["X"], event["y"] = event["X"].X, event["X"].target
    if "batch" in event:
        X, (target, _, _) = event["batch"]
        event["batch"] = (X, target)
    for name in ("dataset_train", "dataset_valid"):
        if event.get(name) is not None:
            rows = event[name]
            event[name] = Subset(Dataset(rows.X, rows.target), rows.index.numpy())
    return event


def clone_callback(callback):
    """Return a callback like the one given, which stays as it is.

    Parameters
    ----------
    callback : skorch.callbacks.Callback, class of one, or tuple (name, callback)
    """
    if isinstance(callback, tuple):
        name, callback = callback
        return name, clone_callback(callback)
    try:
        return clone(callback)
    except (TypeError, RuntimeError):  # no get_params, or an __init__ that does more
        return copy.deepcopy(callback)


def is_raised_by_a_statement(error):
    """Tell whether Python code raised `error`, and not the signal of Ctrl-C.

    The signal raises between any two instructions, a ``raise`` statement at its own.
    """
    frames = error.__traceback__
    while frames.tb_next is not None:
        frames = frames.tb_next
    instruction = frames.tb_frame.f_code.co_code[frames.tb_lasti]
    return dis.opname[instruction] == "RAISE_VARARGS"
