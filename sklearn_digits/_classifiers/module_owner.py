"""ModuleOwner: an estimator that builds, copies and stores a torch module."""

import copy
from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from sklearn_digits._estimator import Estimator
from sklearn_digits._persistence import pickling
from sklearn_digits._training.layers import warn_of_global_draws
from sklearn_digits._training.random_numbers import ReproducibleDraws
from sklearn_digits._training.rows import take_rows
from sklearn_digits._training.runtime import (
    count_flops,
    default_modes,
    resolve_compute_dtype,
    resolve_device,
    weight_dtype,
)


class ModuleOwner(Estimator, ABC):
    """An estimator whose result is a torch module, ``module_``.

    From its parameters to a module on its device, from there to a copy to train on,
    to a pickle and back. Subclasses have the parameters `batch_size`, `device`,
    `compute_dtype` and `random_state`.
    """

    # The floating-point operations of a step from which on "auto" means bfloat16.
    _bfloat16_step = 9e7

    @abstractmethod
    def build_module(self, n_features, n_classes):
        """Return a new, untrained module.

        It is called in ``fit``, with torch's default generator seeded from
        `random_state`.

        Parameters
        ----------
        n_features : int
            Features of a row.
        n_classes : int
            Columns of the logits.

        Returns
        -------
        module : torch.nn.Module
            Takes float rows of shape (n, n_features), gives logits of shape
            (n, n_classes), also for a single row.
        """

    def _complete_module(self, module):
        """Add to a newly built module what training it needs."""
        return module

    def _prepare(self, X):
        """Make a batch of rows, as a tensor of any dtype, the input of the module."""
        return X.to(weight_dtype(self.compute_dtype_))

    def _resolve_compute_dtype(self, dtype, device, step_flops):
        """Choose the precision of the matrix products for rows of `dtype`."""
        return resolve_compute_dtype(
            self.compute_dtype, device, step_flops, self._bfloat16_step
        )

    def _first_module(self, X, generator, n_rows):
        """Build the module, and choose its device and precision.

        One row goes through. It checks the shape of the logits, and counts the
        operations of a step, which decide precision and threads.
        """
        device = resolve_device(self.device)
        self._built_with = self._building_params()
        self.compute_dtype_ = "float32"  # of the one row
        module = self._new_module(generator).to(torch.float32)
        example = self._prepare(torch.from_numpy(take_rows(X, slice(1))))
        with ReproducibleDraws(generator):  # lazy layers draw their weights now
            self._row_flops, output = count_flops(module, example)
        if tuple(output.shape) != (1, len(self.classes_)):
            raise ValueError(
                f"build_module returned a module whose output has the shape "
                f"{tuple(output.shape)} for one row; expected logits of shape "
                f"{(1, len(self.classes_))}."
            )
        if self.batch_size == "auto":  # the largest: partial_fit decides as fit does
            batch_size = self._auto_batch(np.inf)
        else:
            batch_size = min(self.batch_size, n_rows)
        if self.random_state is not None:
            warn_of_global_draws(module)
        self.device_ = str(device)
        self.compute_dtype_ = self._resolve_compute_dtype(
            X.dtype, device, 3 * self._row_flops * batch_size
        )
        return module.to(device, weight_dtype(self.compute_dtype_))

    def _building_params(self):
        """Return the parameters that ``build_module`` may depend on."""
        # A class with a constructor of its own may have the attribute only.
        params = {"device": self.device, **self.get_params(deep=False)}
        # They watch a fit, and need not be stored; a subclass may do without them.
        params.pop("skorch_callbacks", None)
        return params

    def _new_module(self, generator, n_more_classes=0):
        """Build a module whose initial weights `generator` draws."""
        n_classes = len(self.classes_) + n_more_classes
        with ReproducibleDraws(generator):
            module = self.build_module(self.n_features_in_, n_classes)
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"{type(self).__name__}.build_module returned {module!r}, of type "
                f"{type(module).__name__}; expected an instance of torch.nn.Module."
            )
        return self._complete_module(module)

    def _module_for_new_classes(self, generator):
        """Return a module with a new last layer, and the trained weights of the others.

        The weights of the last layer are those whose shape the number of classes
        changes.
        """
        self._follow_device()
        module = self._new_module(generator)
        shapes, old = shapes_of(module), shapes_of(self.module_)
        wider = shapes_of(self._new_module(torch.Generator(), 1))
        kept = [name for name in shapes if shapes[name] == wider.get(name)]
        if any(shapes[name] != old.get(name) for name in kept):
            changed = {
                name: value
                for name, value in self._building_params().items()
                if not is_same(value, self._built_with[name])
            }
            raise ValueError(
                "With other classes, warm_start=True keeps all layers but the last. "
                "Parameters that were set since the last fit give these layers other "
                f"shapes: {changed}. Set them back, or set warm_start=False."
            )
        trained = self.module_.state_dict()
        module.load_state_dict({name: trained[name] for name in kept}, strict=False)
        self._built_with = self._building_params()
        return module.to(self.device_, weight_dtype(self.compute_dtype_))

    def _continued_module(self, generator):
        """Return a copy of the module to train on.

        Parameters that were set since it was built change it, dropout for example, as
        long as its weights keep their shapes. Others are those of the first fit.
        """
        self._follow_device()
        present = self._building_params()
        as_before = copy.deepcopy(self.module_).to(self.device_)
        if all(
            is_same(value, self._built_with[name]) for name, value in present.items()
        ):
            return as_before
        module = self._new_module(torch.Generator())
        module.to(self.device_, weight_dtype(self.compute_dtype_))
        if not have_same_shapes(module, as_before):
            return as_before
        self._built_with = present
        module.load_state_dict(as_before.state_dict())
        pairs = zip(module.parameters(), as_before.parameters(), strict=True)
        for parameter, trained in pairs:
            parameter.requires_grad_(trained.requires_grad)
        return module

    def _follow_device(self):
        """Choose the device anew if the parameter was set since the last fit."""
        if self.device != self._built_with["device"]:
            self.device_ = str(resolve_device(self.device))
            self._built_with = {**self._built_with, "device": self.device}

    def __sklearn_is_fitted__(self):
        return hasattr(self, "module_")

    def __getstate__(self):
        return pickling.to_arrays(super().__getstate__())

    @default_modes()
    def __setstate__(self, state):
        super().__setstate__(state)
        pickling.from_arrays(self)


def is_same(value, other):
    """Tell whether two values of a parameter are the same, as far as ``==`` knows."""
    if value is other:
        return True
    equal = type(value) is type(other) and value == other
    return isinstance(equal, bool) and equal


def have_same_shapes(module, other):
    """Tell whether two modules have weights and buffers of the same shapes."""
    return shapes_of(module) == shapes_of(other)


def shapes_of(module):
    """Return the shapes of weights and buffers by name, None for lazy ones."""
    return {
        name: None if is_lazy(tensor) else tensor.shape
        for name, tensor in module.state_dict().items()
    }
