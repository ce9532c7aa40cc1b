"""What all estimators share: parameters as typed fields, a stored format, a page.

A parameter is one line in the body of the class, ``width: int = 8``. The constructor
is made from these fields, as for a dataclass, and only stores them.
"""

from dataclasses import dataclass, field
from inspect import get_annotations
from typing import dataclass_transform

from sklearn.base import BaseEstimator

# Public from the first release on; until then `make docs` builds the same pages.
DOCUMENTATION = "https://sklearn-digits.readthedocs.io/en/stable"

# The number of the stored format. It grows when a stored state changes its meaning;
# states of lower numbers stay readable.
STATE_FORMAT = 1


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
class Estimator(BaseEstimator):
    """An estimator whose parameters are the typed fields of its class.

    A subclass keeps the parameters that it inherits and adds its own. They are
    keyword-only, but for those that ``field(default=..., kw_only=False)`` declares. A
    class may have an ``__init__`` of its own instead.

    A stored state holds the number of its format. A parameter that did not exist when
    the state was written has its default after loading.

    skops needs to trust names of this package only, once the callbacks are cleared:
    scikit-learn's by ``set_callbacks()``, skorch's by
    ``set_params(skorch_callbacks=None)``.
    """

    # The page of an estimator, for the link in its HTML representation. scikit-learn
    # makes no link for estimators of other packages.
    _doc_link_module = "sklearn_digits"
    _doc_link_template = (
        f"{DOCUMENTATION}/api/{{estimator_module}}.{{estimator_name}}.html"
    )

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if get_annotations(cls):  # else the constructor is inherited
            dataclass(kw_only=True, eq=False, repr=False)(cls)

    def __getstate__(self):
        return {**super().__getstate__(), "_state_format": STATE_FORMAT}

    def __setstate__(self, state):
        state = dict(state)
        state_format = state.pop("_state_format", None)
        if not isinstance(state_format, int) or not 1 <= state_format <= STATE_FORMAT:
            raise ValueError(
                f"This {type(self).__name__} was stored in format {state_format}. The "
                f"installed sklearn_digits reads formats 1 to {STATE_FORMAT}. Load it "
                "with the version that stored it, or upgrade sklearn_digits."
            )
        super().__setstate__(state)


def copied(estimator, **changes):
    """Return an estimator of the same class with the same attributes, but `changes`."""
    copy = object.__new__(type(estimator))
    copy.__dict__.update(vars(estimator), **changes)
    return copy
