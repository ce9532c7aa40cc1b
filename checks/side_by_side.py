"""Two estimators side by side, and what holds of them after each call.

Both are told the same. What must change nothing happens to one of them only: a pickle
in between, a copy, a refused call. Then both must be the same, bit by bit.
"""

import copy
import pickle
from contextlib import contextmanager
from unittest import mock

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "oldest pickle": lambda model: pickle.loads(pickle.dumps(model, protocol=2)),
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
}


def of_machine(name):
    """Return a strategy that draws from an attribute of the machine that runs."""
    return st.runner().flatmap(
        lambda machine: st.sampled_from(list(getattr(machine, name)))
    )


def plain(value):
    """Return nested values with bytes in place of arrays, tensors and modules."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, nn.Module):
        return type(value).__name__, value.training, plain(value.state_dict())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return type(value).__name__, [plain(item) for item in value]
    return type(value).__name__, repr(value)


def state_of(model):
    """Return all attributes of an estimator as plain values."""
    return plain(vars(model))


def assert_same(found, expected):
    """Fail with the attributes in which two states differ."""
    differing = {
        name: (found.get(name), expected.get(name))
        for name in sorted(found.keys() | expected.keys())
        if found.get(name) != expected.get(name)
    }
    assert not differing


def fitted_of(model):
    """Return the attributes of a fit, as plain values."""
    return plain({name: it for name, it in vars(model).items() if name.endswith("_")})


def error_of(call, model):
    """Call a function on an estimator; return the error that it raises, or None."""
    try:
        call(model)
    except (Exception, KeyboardInterrupt) as error:
        return error
    return None


@contextmanager
def fault_at(place, call, error):
    """Let a function raise an error at a certain call, before or after its work.

    Parameters
    ----------
    place : tuple of (object, str, bool)
        Where the function is, its name, and whether it does its work before it raises.
    call : int
        Calls are counted from 1.
    error : BaseException
        What is raised.
    """
    owner, name, after = place
    function, n_calls = getattr(owner, name), 0

    def counted(*args, **kwargs):
        nonlocal n_calls
        n_calls += 1
        if n_calls != call:
            return function(*args, **kwargs)
        if after:
            function(*args, **kwargs)
        raise error

    with mock.patch.object(owner, name, counted):
        yield


class SideBySide(RuleBasedStateMachine):
    """The rules for every estimator.

    A subclass has the methods ``new``, which returns an estimator, and ``predictions``,
    which returns what one makes of a few rows, as plain values.

    Attributes
    ----------
    choices : dict
        Values that parameters are set to.
    of_prediction : tuple of str
        Parameters that change predictions without another fit.
    refusals : list of callable
        Each takes an estimator and a machine, and raises.
    """

    choices: dict = {}
    of_prediction: tuple = ()
    refusals: list = []

    @initialize(data=st.data())
    def begin(self, data):
        values = {
            name: st.sampled_from(self.choices[name])
            for name in self.choices
            if "__" not in name
        }
        params = data.draw(st.fixed_dictionaries({}, optional=values), "parameters")
        self.plain = self.new().set_params(**params)
        self.other = clone(self.plain)
        self.expected = None  # predictions of the last fit
        self.left = None  # what the last copy was made of, and its fitted attributes

    def on_both(self, call):
        """Call a function on both estimators; return the error that both raise."""
        errors = [error_of(call, model) for model in (self.plain, self.other)]
        assert repr(errors[0]) == repr(errors[1])
        return errors[0]

    # What both are told

    @rule(data=st.data(), name=of_machine("choices"))
    def set_params(self, data, name):
        value = data.draw(st.sampled_from(self.choices[name]), name)
        fitted = fitted_of(self.plain)
        error = self.on_both(
            lambda model: model.set_params(**{name: clone(value, safe=False)})
        )
        if error is not None:  # there is nothing that could have this parameter
            assert "__" in name, error
        assert_same(fitted_of(self.plain), fitted)
        if name in self.of_prediction and fitted:
            self.expected = self.predictions(self.plain)

    # What happens to one of them, and changes nothing

    @rule(name=st.sampled_from(sorted(COPIES)))
    def copy(self, name):
        self.left = self.other, fitted_of(self.other)
        self.other = COPIES[name](self.other)

    @rule(refused=of_machine("refusals"))
    def refuse(self, refused):
        before = state_of(self.other)
        error = error_of(lambda model: refused(model, self), self.other)
        assert isinstance(error, ValueError | TypeError | AttributeError), error
        assert_same(state_of(self.other), before)

    @rule()
    def clone(self):
        found = clone(self.other)
        assert vars(found).keys() == found.get_params(deep=False).keys()
        assert plain(found.get_params()) == plain(self.other.get_params())
        assert isinstance(error_of(self.predictions, found), NotFittedError)

    @rule()
    def look(self):
        before = state_of(self.other)
        repr(self.other)
        self.other._repr_html_()
        self.other.get_params()
        self.other.__sklearn_tags__()
        assert_same(state_of(self.other), before)

    # What holds after each call

    @invariant()
    def both_are_the_same(self):
        assert_same(state_of(self.other), state_of(self.plain))

    @invariant()
    def what_was_copied_stays_as_it_was(self):
        if self.left is not None:
            model, fitted = self.left
            assert_same(fitted_of(model), fitted)

    @invariant()
    def predictions_are_those_of_the_last_fit(self):
        for model in (self.plain, self.other):
            if self.expected is None:
                assert not fitted_of(model)
                assert isinstance(error_of(self.predictions, model), NotFittedError)
            else:
                assert self.predictions(model) == self.expected
