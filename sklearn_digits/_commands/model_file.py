"""Model files: which there are, how they are written, and which are loaded.

The suffix decides. A ``.skops`` file runs no code when it is loaded; the classes that
may be in it are listed here. Pickles run code, so that they are loaded only if the user
says so.
"""

import os
from argparse import ArgumentTypeError
from pathlib import Path
from types import ModuleType
from typing import Any

SKOPS = ".skops"
PICKLES = (".joblib", ".pkl", ".pickle")


def model_path(text: str) -> Path:
    """Return the path of a model file whose suffix is known."""
    path = Path(text)
    if path.suffix not in (SKOPS, *PICKLES):
        raise ArgumentTypeError(
            f"{text!r} has the suffix {path.suffix!r}; expected one of "
            f"{', '.join((SKOPS, *PICKLES))}"
        )
    return path


def check_writable(path: Path, force: bool) -> None:
    """Raise if a model cannot be written: before training, not after it.

    Parameters
    ----------
    path : Path
    force : bool
        Whether a file that exists may be replaced.

    Raises
    ------
    OSError
        If there is such a file already, or the folder cannot be written to.
    ImportError
        If skops is needed and not installed.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected the name of a file.")
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists already. Pass --force to replace it.")
    if not path.parent.is_dir():
        raise NotADirectoryError(f"{path.parent} is not a folder; make it first.")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"The folder {path.parent} cannot be written to.")
    if path.suffix == SKOPS:
        _import_skops()


def save_model(model: Any, path: Path) -> None:
    """Write a fitted estimator to a file, which appears whole or not at all."""
    import joblib

    from sklearn_digits._persistence.atomic_file import written_atomically

    with written_atomically(path) as file:
        if path.suffix == SKOPS:
            _import_skops().dump(model, file)
        else:
            joblib.dump(model, file)


def load_model(path: Path, trust_pickle: bool) -> Any:
    """Return the fitted classifier that is stored in a file.

    Parameters
    ----------
    path : Path
        As :func:`model_path` returns it.
    trust_pickle : bool
        Whether to load pickles, which run code.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is a pickle that is not trusted, is damaged, holds other classes than
        those of this package, scikit-learn and NumPy, or holds something else than a
        classifier of images.
    ImportError
        If skops is needed and not installed.
    """
    if not path.exists():
        raise FileNotFoundError(f"The model file {path} does not exist.")
    if path.suffix in PICKLES and not trust_pickle:
        raise ValueError(
            f"{path} is a pickle, which can run any code when it is loaded. Pass "
            "--trust-pickle if you know who wrote it, or train with the suffix .skops."
        )
    if path.suffix == SKOPS:
        _import_skops()
    from sklearn_digits.datasets._image_file import fitted_image_shape

    load = _load_skops if path.suffix == SKOPS else _load_pickle
    try:
        model = load(path)
    # Files of other kinds fail in many ways.
    except Exception as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from error
    try:
        fitted_image_shape(model)
        model.predict_proba  # noqa: B018
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f"{path} holds a {type(model).__name__}; expected a fitted classifier of "
            "images."
        ) from error
    return model


def _load_pickle(path: Path) -> Any:
    import joblib

    return joblib.load(path)


def _load_skops(path: Path) -> Any:
    from sklearn_digits._classifiers.convnet import ConvNetClassifier
    from sklearn_digits._classifiers.mlp import MLPClassifier
    from sklearn_digits._images.augmentation import RandomAffine
    from sklearn_digits._images.random_augmentation import RandomAugmentation
    from sklearn_digits._transformer.convolution import ConvolutionFeatureTransformer

    trusted = [
        ConvNetClassifier,
        ConvolutionFeatureTransformer,
        MLPClassifier,
        RandomAffine,
        RandomAugmentation,
    ]
    return _import_skops().load(path, trusted=trusted)


def _import_skops() -> ModuleType:
    try:
        import skops.io
    except ImportError as error:
        raise ImportError(
            "Model files with the suffix .skops need skops, which is not installed: "
            "pip install skops."
        ) from error
    return skops.io
