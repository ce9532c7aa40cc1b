"""Features that a module has learned: what it makes of images before it decides."""

import copy

import torch
from torch import nn


def feature_function(module):
    """Return what makes features of the input of `module`.

    Parameters
    ----------
    module : torch.nn.Module
        Its method ``features`` takes the input of the module, and returns a tensor of
        shape (n, ...), which is flattened. Without it, features are the input of the
        linear layer that is called last.

    Returns
    -------
    features : callable
        Takes the input of `module`, returns a tensor of shape (n, n_features_out).

    Raises
    ------
    AttributeError
        If there is neither a method nor a linear layer.
    """
    if callable(getattr(module, "features", None)):
        return lambda x: module.features(x).flatten(1)
    module = copy.deepcopy(module)  # other threads may use the module meanwhile
    inputs: list[torch.Tensor] = []

    def note(layer, arguments):
        inputs[:] = arguments

    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise AttributeError(
            f"{type(module).__name__}, the module that build_module returned, has no "
            "linear layer whose input could serve as features. Write a method "
            "features(images) that returns them, of shape (n, n_features_out)."
        )
    for layer in layers:
        layer.register_forward_pre_hook(note)

    def features(x):
        module(x)
        return inputs.pop().flatten(1)

    return features
