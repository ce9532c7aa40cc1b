"""From the parameters of an estimator to its module, and to a net that trains it."""

import numpy as np
import torch

from sklearn_digits._training.random_numbers import ReproducibleDraws, new_generator
from sklearn_digits._training.rows import take_rows
from sklearn_digits._training.runtime import (
    count_flops,
    resolve_device,
    weight_dtype,
)
from sklearn_digits._training.schedule import CLOSED_SCHEDULES
from sklearn_digits._training.skorch_callbacks import NotifiedNet
from sklearn_digits._training.targets import LogLoss
from sklearn_digits._training.training_net import TrainingNet


def assemble_module(estimator, X):
    """Build the module of `estimator`, and choose its device and precision.

    One row goes through: it checks the shape of the logits, and counts the operations
    of a step, by which precision and threads are chosen.

    Parameters
    ----------
    estimator : TorchClassifier
        Has learned its classes and what its rows are.
    X : ndarray or CSR array of shape (n, n_features)

    Returns
    -------
    generator : torch.Generator
        Of the estimator's `random_state`, after the initial weights.
    """
    generator = new_generator(estimator.random_state)
    device = resolve_device(estimator.device)
    with ReproducibleDraws(generator):
        module = estimator.build_module(X.shape[1], len(estimator.classes_))
    module = estimator._complete_module(module)
    estimator.compute_dtype_ = "float32"  # of the one row that goes through first
    module = module.to(torch.float32)
    example = estimator._prepare(torch.from_numpy(take_rows(X, slice(1))))
    with ReproducibleDraws(generator):  # lazy layers draw their weights now
        flops, output = count_flops(module, example)
    if tuple(output.shape) != (1, len(estimator.classes_)):
        raise ValueError(
            f"build_module returned a module whose output has the shape "
            f"{tuple(output.shape)} for one row; expected logits of shape "
            f"{(1, len(estimator.classes_))}."
        )
    # Of the largest "auto" batch, so that partial_fit chooses as fit does.
    batch_size = estimator.batch_size
    if batch_size == "auto":
        batch_size = estimator._auto_batch(np.inf)
    estimator._built_with = estimator.get_params(deep=False)
    estimator._row_flops, estimator._step_flops = flops, 3 * flops * batch_size
    estimator.device_ = str(device)
    estimator.compute_dtype_ = estimator._resolve_compute_dtype(
        X.dtype, device, estimator._step_flops
    )
    estimator.module_ = module.to(device, weight_dtype(estimator.compute_dtype_))
    return generator


def new_net(estimator, generator, incremental):
    """Return a net that trains the module of `estimator`, with a new optimizer.

    Parameters
    ----------
    estimator : TorchClassifier
        Its module is built.
    generator : torch.Generator
    incremental : bool
        Whether there is no end that a schedule could run to.

    Returns
    -------
    net : TrainingNet
    """
    optimizer, arguments = estimator._optimizer()
    options = estimator._training_options()
    if incremental and options["schedule"] in CLOSED_SCHEDULES:
        options["schedule"] = "constant"
    net_class: type[TrainingNet] = TrainingNet
    options["callbacks"] = "disable"
    if estimator.skorch_callbacks is not None:
        net_class, options["callbacks"] = NotifiedNet, estimator.skorch_callbacks
        options["n_classes"] = len(estimator.classes_)
    return net_class(
        estimator.module_,
        prepare=estimator._prepare,
        generator=generator,
        compute_dtype=estimator.compute_dtype_,
        shuffle=estimator.shuffle,
        lr=estimator.learning_rate_init,
        device=estimator.device_,
        criterion=LogLoss(estimator._multilabel, options.pop("label_smoothing")),
        optimizer=optimizer,
        **options,
        **{f"optimizer__{name}": value for name, value in arguments.items()},
    ).initialize()
