"""What a pickle of a classifier holds: parameters and NumPy arrays.

No object of torch or skorch is in it: it loads where the device it was trained on does
not exist, and skops needs to trust names of this package only. The module is built
again from the parameters that it was built with, and then takes the stored weights. So
parameters that are set after a fit change nothing of what is loaded.
"""

import numpy as np
import torch
from skorch.history import History

from sklearn_digits._training.runtime import resolve_device, weight_dtype


def to_arrays(state):
    """Replace what torch and skorch made in `state`, the attributes of a classifier."""
    state = dict(state)
    module = state.pop("module_", None)
    if module is None:
        return state
    state["_weights"] = _as_arrays(module.state_dict())
    if "_training_state" in state:
        state["_training_state"] = _as_arrays(state["_training_state"])
    if "history_" in state:
        state["history_"] = list(state["history_"])
    return state


def from_arrays(classifier):
    """Build the module of `classifier` from the arrays that it was stored with."""
    attributes = vars(classifier)
    weights = attributes.pop("_weights", None)
    if weights is None:
        return
    try:
        device = resolve_device(classifier._built_with["device"])
    except ValueError:  # trained on a device that is not here
        device = resolve_device("auto")
    as_built = object.__new__(type(classifier))
    as_built.__dict__.update(attributes, **classifier._built_with)
    module = as_built._new_module(torch.Generator())
    module.to(device, weight_dtype(classifier.compute_dtype_))
    module.load_state_dict(_as_tensors(weights))
    classifier.device_, classifier.module_ = str(device), module.eval()
    if "_training_state" in attributes:
        classifier._training_state = _as_tensors(attributes["_training_state"])
    if "history_" in attributes:
        classifier.history_ = History(classifier.history_)


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
