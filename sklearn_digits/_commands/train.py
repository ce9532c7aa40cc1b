"""``sklearn-digits train``: a classifier of the pictures in a folder."""

import sys
import warnings
from argparse import Namespace
from contextlib import redirect_stdout
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any

from sklearn_digits._commands.model_file import (
    check_writable,
    model_path,
    save_model,
)
from sklearn_digits._commands.values import image_size, positive_integer, seed, share

# Of resized images: MNIST's size, and that of CIFAR's photographs.
GRAY_SIZE, COLOR_SIZE = (28, 28), (32, 32)


def add_parser(commands: Any) -> None:
    """Add the command to those that the parser knows."""
    parser = commands.add_parser(
        "train",
        help="train a classifier on a folder of pictures",
        description="Train a convolutional network on PNG and JPEG files in FOLDER, "
        "which has one subfolder for each class: FOLDER/CLASS/NAME.png. A part of the "
        "files is held out: the network does not learn from them, and the report says "
        "how many of them it reads right.",
    )
    parser.add_argument(
        "folder", metavar="FOLDER", type=Path, help="folder with a subfolder a class"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="MODEL",
        type=model_path,
        required=True,
        help="file to write the model to. A name that ends in .skops gives a file that "
        "is safe to load; .joblib, .pkl and .pickle give a pickle",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace MODEL if it exists"
    )
    _add_picture_options(parser.add_argument_group("pictures"))
    _add_training_options(parser.add_argument_group("training"))
    parser.set_defaults(run=run)


def _add_picture_options(group: Any) -> None:
    group.add_argument(
        "--size",
        metavar="HxW",
        type=image_size,
        help="height and width to which pictures are resized, for example 28x28. "
        "Without it, pictures of one size stay as they are, and others become 28x28 "
        "pixels, or 32x32 with --color",
    )
    group.add_argument(
        "--color", action="store_true", help="keep the colors; else pictures turn gray"
    )
    group.add_argument(
        "--pad",
        action="store_true",
        help="keep the ratio of the sides when resizing, and fill up what is missing "
        "with the color of the border; else pictures are stretched",
    )


def _add_training_options(group: Any) -> None:
    group.add_argument(
        "--epochs",
        metavar="N",
        type=positive_integer,
        help="how often training goes through the pictures (default: decided from "
        "the pictures)",
    )
    group.add_argument(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="seed of the random numbers (default: %(default)s). The same seed holds "
        "out the same files",
    )
    group.add_argument(
        "--test-size",
        metavar="SHARE",
        type=share,
        default=0.2,
        help="share of the files that is held out (default: %(default)s). 0 holds "
        "out none, and the report is empty",
    )


def run(options: Namespace) -> int:
    """Train a model, write it, and report what it reads right."""
    check_writable(options.output, options.force)
    from sklearn_digits._classifiers.convnet import ConvNetClassifier
    from sklearn_digits._commands.report import describe_mistakes, describe_skipped

    pictures = _load_pictures(options)
    learned, held_out = _split(pictures.labels, options)
    model = ConvNetClassifier(
        max_iter=options.epochs or "auto", random_state=options.seed
    )
    _fit(model, pictures.images[learned], pictures.labels[learned])
    if options.pad:  # so that new images are made as these were
        model.pad_to_aspect_ratio_ = True
    save_model(model, options.output)
    print(f"{options.output} holds the model, which learned {len(learned)} pictures.")
    if len(held_out):
        print(describe_mistakes(model, pictures, held_out))
    if pictures.skipped:
        print(describe_skipped(pictures.skipped))
    return 0


def _load_pictures(options: Namespace) -> Any:
    """Return the pictures in the folder, as :func:`load_image_folder` does."""
    from sklearn_digits.datasets._image_folder import image_sizes, load_image_folder

    size = options.size
    if size is None and len(image_sizes(options.folder)) > 1:
        size = COLOR_SIZE if options.color else GRAY_SIZE
        print(
            f"The pictures have different sizes. All become {size[0]}x{size[1]} "
            "pixels; --size HxW chooses another size.",
            file=sys.stderr,
        )
    with warnings.catch_warnings(action="ignore"):  # the report names what is skipped
        return load_image_folder(
            options.folder,
            image_shape=size,
            as_gray=not options.color,
            pad_to_aspect_ratio=options.pad,
            verbose=_has_rich(),
        )


def _split(labels: Any, options: Namespace) -> tuple[Any, Any]:
    """Return the positions of the pictures to learn from, and of those held out."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    positions = np.arange(len(labels))
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise ValueError(
            f"{options.folder} has usable pictures of the class {str(classes[0])!r} "
            "only; expected two classes or more."
        )
    if options.test_size == 0:
        return positions, positions[:0]
    if counts.min() < 2:
        raise ValueError(
            f"The class {str(classes[counts.argmin()])!r} has one usable picture; "
            "expected two or more of each class, one to learn from and one to hold "
            "out. --test-size 0 holds out none."
        )
    n_held_out = ceil(options.test_size * len(labels))
    if not len(classes) <= n_held_out <= len(labels) - len(classes):
        raise ValueError(
            f"--test-size {options.test_size} of {len(labels)} pictures holds out "
            f"{n_held_out}; expected one or more of each of the {len(classes)} classes "
            "to hold out, and one or more to learn from."
        )
    return train_test_split(
        positions, test_size=n_held_out, stratify=labels, random_state=options.seed
    )


def _fit(model: Any, X: Any, y: Any) -> None:
    """Train a model and show its progress, which is not part of the output."""
    with redirect_stdout(sys.stderr):
        if _has_rich():
            from sklearn.callback import ProgressBar

            model.set_callbacks(ProgressBar()).fit(X, y).set_callbacks()
        else:
            model.set_params(verbose=True).fit(X, y).set_params(verbose=False)


def _has_rich() -> bool:
    """Tell whether progress can be shown by bars."""
    return find_spec("rich") is not None
