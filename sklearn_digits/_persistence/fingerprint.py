"""What the result of a fit depends on, as one hash.

By content, not by identity: the same in another process, for a memory map and the
array that was written to it, and whatever memory objects share.
"""

import hashlib
import pickle

import joblib
import numpy as np
import torch
from scipy.sparse import issparse

from sklearn_digits._persistence import version
from sklearn_digits._training.record import CURVES

BLOCK = 1 << 22  # bytes of an array that are hashed, and in memory, at once

# Parameters that change no result, or do it by the state that a fit starts from.
WITHOUT_EFFECT = ("verbose", "random_state")
PLAIN = (bool, int, float, str, type(None))


def fingerprint(estimator, settings, rows, validation, *start):
    """Return a name that only fits with the same result share.

    Parameters
    ----------
    estimator : TorchClassifier
        Its class counts, its parameters (functions and classes among them by their
        name), and what it has learned of its input, the shape of images for example.
    settings : FitSettings
        What "auto" resolved to counts.
    rows : Rows
        Trained on.
    validation : Rows or None
    *start : dict
        What the fit starts from: curves, weights, optimizer, random generators.

    Returns
    -------
    name : str
        The class and a hash, in hexadecimal digits.

    Raises
    ------
    ValueError
        If a parameter cannot be pickled: another process would not know it again.
    """
    digest = hashlib.sha256()
    kind = type(estimator)
    plain = {k: v for k, v in vars(settings).items() if isinstance(v, PLAIN)}
    feed(digest, [version.__version__, torch.__version__])
    feed(digest, f"{kind.__module__}.{kind.__qualname__}")
    feed(digest, [learned_from_input(estimator), hashes_of_parameters(estimator)])
    feed(digest, [plain, repr(settings.schedule), *start])
    for part in (rows, validation):
        if part is not None:
            feed(digest, [part.index, part.target, part.weight])
    feed(digest, rows.X)
    if validation is not None and validation.X is not rows.X:
        feed(digest, validation.X)
    return f"{kind.__name__}-{digest.hexdigest()[:40]}"


def learned_from_input(estimator):
    """Return the fitted attributes that are numbers, strings, tuples and arrays.

    Curves of a former fit, and the names of columns, change no result.
    """
    left_out = {f"{name}_" for name in CURVES} | {"feature_names_in_"}
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and name not in left_out
        if isinstance(value, (*PLAIN, tuple, np.ndarray))
    }


def hashes_of_parameters(estimator):
    """Return a hash of each parameter of `estimator` that its result depends on."""
    hashes = {}
    for name, value in sorted(estimator.get_params(deep=False).items()):
        if name in WITHOUT_EFFECT:
            continue
        try:
            pickle.dumps(value)  # joblib would take any lambda of a script for another
            hashes[name] = joblib.hash(value)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(
                f"{name}={value!r} cannot be pickled, so that a checkpoint could not "
                f"tell it from another: {error}. Expected a function or an instance of "
                "a class that is defined at the top of a module."
            ) from error
    return hashes


def feed(digest, value):
    """Update `digest` with nested containers of arrays, tensors, numbers and strings.

    What differs in type, dtype, shape or order is fed as different bytes.
    """
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if issparse(value):
        value = [value.shape, value.indptr, value.indices, value.data]
    if isinstance(value, np.ndarray):
        digest.update(f"array {value.dtype.str} {value.shape};".encode())
        rows = np.atleast_1d(value)
        n_rows = max(1, BLOCK // max(1, rows[:1].nbytes))
        for start in range(0, len(rows), n_rows):
            digest.update(rows[start : start + n_rows].tobytes())
    elif isinstance(value, dict):
        feed(digest, list(value.items()))
    elif isinstance(value, (list, tuple)):
        digest.update(f"{len(value)} items;".encode())
        for item in value:
            feed(digest, item)
    else:
        text = f"{type(value).__name__} {value!r}"
        digest.update(f"{len(text)} {text};".encode())
