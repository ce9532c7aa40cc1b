"""Checkpoint: a callback that keeps on disk where a fit goes on after a crash.

A checkpoint belongs to one fit: the file is named by a hash of everything that decides
the fit's result, so that no other fit ever starts from it.
"""

import hashlib
import io
import os
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, validate_params

from sklearn_digits._persistence.atomic_file import written_atomically
from sklearn_digits._warnings import warn_user

# The first bytes of a file. The number is the format's.
HEADER = b"sklearn_digits checkpoint 1\n"


class Checkpoint:
    """Callback that writes a fit's state to disk, from which the same fit goes on.

    Give it to a classifier of this package by ``set_callbacks``. A fit looks in the
    folder for a checkpoint of its own: there is one if the same fit was begun before,
    and its process killed or interrupted. It then goes on after the last epoch that
    was written, and its result is that of an uninterrupted fit, bit for bit, if both
    had the same number of threads.

    The same fit means: a classifier of the same class with the same parameters, the
    same data, weights and validation set (their content is hashed), the same initial
    weights and random numbers. Clones may share a checkpoint, in threads and in
    processes: the candidates of a grid search never meet in one file, and a search
    begun anew passes over what it had done. Functions and classes among the
    parameters count by their name: use another folder when you change their code.

    Parameters
    ----------
    folder : str or path-like
        Where the files lie, one a fit; made if it is not there. A fit that has ended
        keeps its file, and the same fit takes its result from there. Delete the folder
        when it is done with. Names that end in ``.tmp`` are left by processes that
        died while they wrote; nothing reads them.
    every : int, default=1
        Epochs between two checkpoints. The last epoch of a fit is always written.

    Raises
    ------
    TypeError, ValueError
        In ``fit``, if the estimator is none of this package's classifiers, or its fit
        cannot go on from a file: ``random_state=None`` is a new fit each time,
        ``solver="lbfgs"`` has no epochs, ``skorch_callbacks`` keep what they like.

    Warns
    -----
    UserWarning
        If a file is damaged. The fit then starts at its beginning.

    Notes
    -----
    A file holds the weights, averaged weights and best weights, the state of the
    optimizer and of the random generators, the learning rate, the curves and what
    patience is left. It is written under another name, synchronized with the disk
    and renamed: at no time is there half a file under its name. It is read without
    running code from it.

    ``partial_fit`` is a fit of one epoch to a checkpoint, with a file for each call;
    over a long stream, pickle the estimator now and then instead. Augmentations that
    keep a state between batches are not followed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_digits import Checkpoint, MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> with TemporaryDirectory() as folder:
    ...     clf = MLPClassifier(tol=0.1, random_state=0)
    ...     clf = clf.set_callbacks(Checkpoint(folder, every=5)).fit(X, y)
    """

    @validate_params(
        {
            "folder": [str, os.PathLike],
            "every": [Interval(Integral, 1, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(self, folder, *, every=1):
        self.folder = Path(folder).absolute()  # workers may run in another directory
        self.every = every

    def __repr__(self):
        return f"Checkpoint({str(self.folder)!r}, every={self.every})"

    # scikit-learn's protocol. All else is between epochs, where a fit asks for a state
    # and offers one: no hook of the protocol can hand over either.

    def setup(self, estimator, context):
        """Check that the fit which begins is one that can go on from a file.

        Parameters
        ----------
        estimator : estimator
            What is being fitted.
        context : sklearn.callback.CallbackContext
            Where in the fit this is.
        """
        name = type(estimator).__name__
        if not hasattr(estimator, "build_module"):
            raise TypeError(
                f"Checkpoint knows the fits of sklearn_digits' classifiers, not of "
                f"{name}. Expected it to be set on the classifier itself."
            )
        if estimator.random_state is None:
            raise ValueError(
                f"Checkpoint needs {name}(random_state=...): with None each fit is "
                "another one, that no later fit could go on with. Expected an integer "
                "or a RandomState."
            )
        if estimator.skorch_callbacks is not None:
            raise ValueError(
                "Checkpoint cannot keep what skorch_callbacks remember; expected None."
            )

    def teardown(self, estimator, context):
        """Do nothing: files outlive their fits.

        Parameters
        ----------
        estimator : estimator
            What is being fitted.
        context : sklearn.callback.CallbackContext
            Where in the fit this is.
        """

    def on_fit_task_begin(self, estimator, context):
        """Do nothing; see :meth:`load`.

        Parameters
        ----------
        estimator : estimator
            What is being fitted.
        context : sklearn.callback.CallbackContext
            Where in the fit this is.
        """

    def on_fit_task_end(self, estimator, context):
        """Do nothing; see :meth:`save`.

        Parameters
        ----------
        estimator : estimator
            What is being fitted.
        context : sklearn.callback.CallbackContext
            Where in the fit this is.
        """

    # What a fit asks for

    def load(self, fit):
        """Return the state that was saved last for a fit.

        Parameters
        ----------
        fit : str
            Its fingerprint, which names the file.

        Returns
        -------
        state : dict or None
            None if no usable state is found.
        """
        path = self._path(fit)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        payload = content[len(HEADER) + hashlib.sha256().digest_size :]
        if not content.startswith(HEADER + hashlib.sha256(payload).digest()):
            warn_user(
                f"The checkpoint {path} is damaged; the fit starts at its beginning."
            )
            return None
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        return state["state"] if state["fit"] == fit else None

    def save(self, fit, state):
        """Write a state from which a fit can go on.

        Parameters
        ----------
        fit : str
            Its fingerprint, which names the file.
        state : dict
            Of tensors, numbers, strings, and containers of them.
        """
        payload = io.BytesIO()
        torch.save({"fit": fit, "state": as_plain(state)}, payload)
        digest = hashlib.sha256(payload.getbuffer()).digest()
        self.folder.mkdir(parents=True, exist_ok=True)
        with written_atomically(self._path(fit)) as file:
            file.writelines([HEADER, digest, payload.getbuffer()])

    def _path(self, fit):
        return self.folder / f"{fit}.checkpoint"


def as_plain(value):
    """Copy nested containers, with Python's numbers in place of NumPy's."""
    if isinstance(value, dict):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(as_plain(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value
