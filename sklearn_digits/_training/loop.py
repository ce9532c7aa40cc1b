"""The training loop: epochs, patience, best weights."""

import copy
from math import inf

from skorch.history import History

from sklearn_digits._training.prediction import check_finite, evaluate
from sklearn_digits._training.runtime import threads_for
from sklearn_digits._training.skorch_callbacks import CallbackNet
from sklearn_digits._training.training_net import TrainingNet


def train(settings, rows, validation, record, observer, state=None):
    """Train ``settings.module`` epoch by epoch, and write what comes of it.

    Parameters
    ----------
    settings : FitSettings
    rows : Rows
        Trained on.
    validation : Rows or None
        Scored after each epoch.
    record : FitRecord
        Is written. Whatever ends training, it holds the finished epochs.
    observer : Observer
    state : dict or None, default=None
        What a former call wrote into ``record.state``, to go on from.

    Raises
    ------
    ValueError
        If losses, weights or logits are not finite.
    """
    net_class = TrainingNet if settings.skorch_callbacks is None else CallbackNet
    net = net_class(settings).initialize()
    steps_before = inf if record.t else 0  # of a warm start: unknown, but many
    if state is not None:
        net.load_state(state)
        steps_before = sum(state["steps"])
    if settings.early_stopping and record.validation_scores:
        record.best_weights = copy.deepcopy(net.evaluated_module.state_dict())
    if record.history is not None:
        net.history = History(record.history)
    n_steps = settings.n_epochs * -(-len(rows) // settings.batch_size)
    with net.training(n_steps, steps_before), threads_for(settings.step_flops()):
        try:
            checkpoint = observer.training_begins(record, net.state)
            if checkpoint is not None:
                net.load_state(checkpoint)
                net.steps_before_, net.steps_taken_ = checkpoint["steps"]
            net.notify("on_train_begin", X=rows, y=None)
            while not record.stopped and record.n_iter < settings.n_epochs:
                observer.epoch_begins()
                datasets = {"dataset_train": rows, "dataset_valid": validation}
                net.notify("on_epoch_begin", **datasets)
                loss = net.run_epoch(rows, validation)
                net.notify("on_epoch_end", **datasets)
                _end_epoch(net, loss, rows, validation, record)
                record.stopped |= observer.epoch_ends(record, net.evaluated_module)
            net.notify("on_train_end", X=rows, y=None)
        finally:
            _keep_result(net, record)
    fault = check_finite(record.module, rows, settings.prepare, settings.device)
    if fault is not None:
        raise settings.not_finite(fault, record.n_iter)
    observer.training_ends(record.module)


def _end_epoch(net, loss, rows, validation, record):
    """Record an epoch: its loss, the score of the validation rows, patience.

    The rows are scored first: Ctrl-C meanwhile leaves the epoch out of the record.
    """
    settings = net.settings
    settings.check_finite(loss, record.n_iter + 1)
    scored = None if validation is None else _score(net, validation, record)
    improved = record.add_epoch(loss, len(rows), settings.tol)
    if scored is not None:
        scored_better = record.add_score(*scored, settings.tol)
        improved = scored_better if settings.early_stopping else improved
    # Scores hardly rise while the learning rate still does.
    patient = improved or net.warming_up
    record.epochs_without_improvement += 1
    if patient:
        record.epochs_without_improvement = 0
    rate = settings.schedule.after_epoch(net.learning_rate, record.t)
    net.set_learning_rate(rate)
    record.stopped = _out_of_patience(net, record) or net.stop_requested_


def _score(net, validation, record):
    """Return score and loss of the validation rows; keep the best weights."""
    settings = net.settings
    score, loss = evaluate(
        net.evaluated_module,
        net.criterion_,
        validation,
        settings.prepare,
        settings.chunk_size,
        settings.device,
    )
    if settings.early_stopping and score > record.best_validation_score:
        record.best_weights = copy.deepcopy(net.evaluated_module.state_dict())
    return score, loss


def _out_of_patience(net, record):
    """Tell whether to stop; a schedule may lower the learning rate instead.

    A fixed-length schedule without early stopping runs to its end: its loss may well
    rise before the learning rate comes down.
    """
    settings = net.settings
    if not settings.early_stopping and settings.schedule.fixed_length:
        return False
    if record.epochs_without_improvement <= settings.n_iter_no_change:
        return False
    what = "Validation score" if settings.early_stopping else "Training loss"
    record.message = (
        f"{what} did not improve more than tol={settings.tol:f} for "
        f"{settings.n_iter_no_change} consecutive epochs. "
    )
    rate = settings.schedule.after_plateau(net.learning_rate)
    if rate is None:
        record.message += "Stopping."
        return True
    net.set_learning_rate(rate)
    record.epochs_without_improvement = 0
    record.message += f"Setting learning rate to {rate:f}"
    return False


def _keep_result(net, record):
    """Write the module that predicts, and what training can go on from."""
    module = net.evaluated_module
    if record.best_weights is not None:
        module.load_state_dict(record.best_weights)
    record.module, record.state = module.eval(), net.state()
    if net.settings.skorch_callbacks is not None:
        record.history = net.history
