"""A classifier as JSON and NumPy arrays: files that hold data only and run no code.

They hold the same attributes as a pickle. Arrays go to ``NAME.npz``, everything else to
``NAME.json``, beside a description for the reader. Kernels are stored as float16, which
halves the file; biases and statistics keep their precision.
"""

import json
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_digits._images.random_augmentation import RandomAugmentation

# JSON knows lists only.
TUPLES = ("image_shape_", "channels_")
WEIGHTS = "_weights"


def write_plain(classifier: Any, path: Path, card: dict) -> None:
    """Write a fitted classifier to ``path.json`` and ``path.npz``.

    Parameters
    ----------
    classifier : TorchClassifier
        Its parameters are plain values; its augmentation may be a RandomAugmentation.
    path : Path
        Of the files, without their suffix.
    card : dict
        A description of the classifier, as JSON holds it.
    """
    state = classifier.__getstate__()
    weights = {
        f"{WEIGHTS}.{name}": array.astype(np.float16) if array.ndim > 1 else array
        for name, array in state.pop(WEIGHTS).items()
    }
    arrays = {key: value for key, value in state.items() if is_array(value)}
    plain = {key: value for key, value in state.items() if not is_array(value)}
    np.savez_compressed(path.with_suffix(".npz"), **weights, **arrays)
    text = json.dumps({**card, "state": plain}, indent=1, default=_as_json)
    path.with_suffix(".json").write_text(text + "\n", "utf-8")


def read_plain(kind: type, folder: Traversable, name: str) -> Any:
    """Return the classifier that :func:`write_plain` wrote.

    Parameters
    ----------
    kind : type
        Class of the classifier.
    folder : Traversable
        Folder of the files.
    name : str
        Name of the files, without their suffix.

    Returns
    -------
    classifier : object of class `kind`
    """
    text = folder.joinpath(f"{name}.json").read_text("utf-8")
    state = json.loads(text, object_hook=_from_json)["state"]
    state.update({key: tuple(state[key]) for key in TUPLES if key in state})
    state[WEIGHTS] = {}
    with (
        folder.joinpath(f"{name}.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        for key, array in arrays.items():
            group, _, weight = key.partition(".")
            if group == WEIGHTS:
                state[WEIGHTS][weight] = array.astype(np.float32)
            else:
                state[key] = array
    classifier: Any = object.__new__(kind)
    classifier.__setstate__(state)
    return classifier


def is_array(value: object) -> bool:
    """Tell whether `value` is stored as an array."""
    return isinstance(value, np.ndarray)


def _as_json(value: Any) -> dict | int | float:
    """Return what stands in JSON for a value that JSON does not know."""
    if isinstance(value, RandomAugmentation):
        return {RandomAugmentation.__name__: value.get_params()}
    return value.item()


def _from_json(value: dict) -> Any:
    """Undo :func:`_as_json` for a RandomAugmentation."""
    if set(value) == {RandomAugmentation.__name__}:
        return RandomAugmentation(**value[RandomAugmentation.__name__])
    return value
