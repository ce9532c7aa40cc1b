"""What all stored estimators share: a number that says how their state is to be read.

Pickle, joblib, ``copy`` and skops ask an estimator for its state and hand it back,
perhaps years later and to another version of this package.
"""

from inspect import signature

from sklearn.base import BaseEstimator

# Grows when a state means something else than before. What is below it stays readable:
# 0 has no number, and may hold skorch's History.
STATE_FORMAT = 1


class StorableEstimator(BaseEstimator):
    """An estimator whose stored state later versions of this package can read.

    A state holds the number of its format. Parameters that did not exist when it was
    written get their defaults; a default under which the estimator would predict
    something else wants a case in the subclass's ``__setstate__``.

    skops needs to trust names of this package only, once the callbacks are cleared:
    scikit-learn's by ``set_callbacks()``, skorch's by
    ``set_params(skorch_callbacks=None)``.
    """

    def __getstate__(self):
        return {**super().__getstate__(), "_state_format": STATE_FORMAT}

    def __setstate__(self, state):
        state = dict(state)
        state_format = state.pop("_state_format", 0)
        if state_format > STATE_FORMAT:
            raise ValueError(
                f"This {type(self).__name__} was stored by a newer sklearn_digits, in "
                f"format {state_format}; the installed version reads formats up to "
                f"{STATE_FORMAT}. Upgrade sklearn_digits to load it."
            )
        defaults = {
            name: parameter.default
            for name, parameter in signature(type(self)).parameters.items()
            if parameter.default is not parameter.empty
        }
        super().__setstate__({**defaults, **state})
