"""What an estimator keeps: on an error its former self, in a pickle NumPy arrays.

A pickle holds parameters and arrays, no object of torch or skorch: it loads where the
device it was trained on does not exist, and skops stores it under names of this package
alone. The module is built anew from the parameters that it was built with, and then
takes the stored weights.
"""

import copy
from contextlib import contextmanager

import numpy as np
import torch
from skorch.history import History

from sklearn_digits._classifiers.assembly import new_net
from sklearn_digits._training.random_numbers import ReproducibleDraws
from sklearn_digits._training.runtime import resolve_device, weight_dtype


@contextmanager
def kept_on_error(estimator, resume):
    """Give `estimator` its former attributes back if the fit inside fails.

    An interrupted fit that has finished an epoch (``n_iter_`` says so) is kept.

    Parameters
    ----------
    estimator : TorchClassifier
    resume : bool
        Whether the fit goes on with the weights that are there.
    """
    before = vars(estimator).copy()
    lengths = [(x, len(x)) for x in before.values() if isinstance(x, list)]
    tensors = estimator.module_.state_dict().values() if resume else ()
    weights = [tensor.clone() for tensor in tensors]
    try:
        estimator.n_iter_ = 0
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and vars(estimator).get("n_iter_"):
            raise
        for name in [name for name in vars(estimator) if name not in before]:
            if "callback" not in name:  # scikit-learn's, still to be torn down
                delattr(estimator, name)
        vars(estimator).update(before)
        for curve, length in lengths:
            del curve[length:]
        for tensor, weight in zip(tensors, weights, strict=True):
            tensor.copy_(weight)
        if resume:  # the optimizer has seen what failed
            estimator.__dict__.pop("_net", None)
        raise


def to_arrays(state, estimator):
    """Replace what torch and skorch made in `state`, an estimator's attributes."""
    state = dict(state)
    if "history_" in state:
        state["history_"] = list(state["history_"])
    if state.pop("module_", None) is not None:
        state["_weights"] = _as_arrays(estimator.module_.state_dict())
        # Callbacks watch a fit; no module is built with them.
        state["_built_with"] = {
            name: value
            for name, value in estimator._built_with.items()
            if name != "skorch_callbacks"
        }
    net = state.pop("_net", None)
    if net is not None:
        state["_training"] = {
            "weights": _as_arrays(net.module_.state_dict()),
            "optimizer": _as_arrays(net.optimizer_.state_dict()),
            "generator": net.generator.get_state().numpy(),
            "n_averaged": 0 if net.average_ is None else net.average_.n_steps,
            "n_steps": net.n_steps_,
        }
    return state


def from_arrays(estimator):
    """Build the module of `estimator` from the arrays it was stored with."""
    if hasattr(estimator, "history_"):
        estimator.history_ = History(estimator.history_)
    weights = estimator.__dict__.pop("_weights", None)
    training = estimator.__dict__.pop("_training", None)
    if weights is None:
        return
    try:
        device = resolve_device(estimator.device)
    except ValueError:  # trained on a device that is not here
        device = resolve_device("auto")
    estimator.device_ = str(device)
    shell = object.__new__(type(estimator))
    shell.__dict__.update(vars(estimator), **estimator._built_with)
    n_features, n_classes = estimator.n_features_in_, len(estimator.classes_)
    with ReproducibleDraws(torch.Generator()):
        module = shell.build_module(n_features, n_classes)
    module = shell._complete_module(module)
    module.to(device, weight_dtype(estimator.compute_dtype_))
    module.load_state_dict(_as_tensors(weights))
    estimator.module_ = module.eval()
    if training is not None:
        _resume_training(estimator, training)


def _resume_training(estimator, training):
    averaged = estimator.module_
    generator = torch.Generator()
    generator.set_state(torch.from_numpy(training["generator"].copy()))
    estimator.module_ = copy.deepcopy(averaged)
    estimator.module_.load_state_dict(_as_tensors(training["weights"]))
    net = new_net(estimator, generator, incremental=True)
    net.optimizer_.load_state_dict(_as_tensors(training["optimizer"]))
    for parameter, moments in net.optimizer_.state.items():
        for name, moment in moments.items():
            # Fused optimizers want the memory format of the parameter.
            if moment.shape == parameter.shape:
                moments[name] = torch.empty_like(parameter).copy_(moment)
    net.n_steps_ = training["n_steps"]
    if net.average_ is not None:
        net.average_.module.load_state_dict(averaged.state_dict())
        net.average_.n_steps = training["n_averaged"]
    if hasattr(estimator, "history_"):
        net.history = estimator.history_
    estimator._net = net
    estimator.module_ = net.evaluated_module.eval()


def _as_arrays(value):
    """Copy nested dicts and lists with arrays in place of tensors."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy().copy()
    if isinstance(value, dict):
        return {key: _as_arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_arrays(item) for item in value]
    return value


def _as_tensors(value):
    """Undo :func:`_as_arrays`."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, dict):
        return {key: _as_tensors(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_tensors(item) for item in value]
    return value
