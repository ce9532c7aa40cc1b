"""Warnings that name the line of the user's code, from any depth of the library."""

import contextlib
import functools
import os
import sys
import warnings

import joblib
import sklearn
import skorch
import torch

# Beginnings of the files whose frames are not the user's.
_LIBRARIES = (
    *(
        os.path.join(os.path.dirname(file), "")
        for file in (
            __file__,
            joblib.__file__,
            sklearn.__file__,
            skorch.__file__,
            torch.__file__,
        )
    ),
    contextlib.__file__,
    functools.__file__,
)


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line that belongs to no library.

    A pipeline or a search puts a varying number of scikit-learn's frames between the
    user's line and ours, so that no fixed ``stacklevel`` finds it. In a thread that a
    library started, the warning names the thread's outermost line. From Python 3.12
    on, ``warnings.warn`` does the same with ``skip_file_prefixes``.

    Parameters
    ----------
    message : str
        The text of the warning.
    category : type of Warning, default=UserWarning
        The class of the warning.
    """
    frame, stacklevel = sys._getframe(1), 2
    while frame.f_back and frame.f_code.co_filename.startswith(_LIBRARIES):
        frame, stacklevel = frame.f_back, stacklevel + 1
    warnings.warn(message, category, stacklevel=stacklevel)
