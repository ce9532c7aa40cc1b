"""``sklearn-digits predict``: the classes of image files, as CSV."""

import csv
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn_digits._commands.model_file import load_model, model_path


def add_parser(commands: Any) -> None:
    """Add the command to those that the parser knows."""
    parser = commands.add_parser(
        "predict",
        help="predict the classes of image files, as CSV",
        description="Print a line of CSV for each image: the file, its most probable "
        "class, and the probability of that class. Images are resized to those that "
        "the model was trained on. A file that cannot be used is named on the standard "
        "error stream, the others are predicted, and the exit code is 1.",
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        type=model_path,
        help="a model file that 'train' wrote",
    )
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="PNG or JPEG files, an image each"
    )
    parser.add_argument(
        "--probabilities",
        action="store_true",
        help="print the probability of every class too, a column each",
    )
    parser.add_argument(
        "--drawing",
        action="store_true",
        help="the files are photos or drawings of one digit on even paper: find it, "
        "and make it look as MNIST's digits do (bright on black, 20x20 of 28x28)",
    )
    parser.add_argument(
        "--trust-pickle",
        action="store_true",
        help="load MODEL if it is a pickle, which can run any code",
    )
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Print predictions; return 1 if a file could not be used."""
    model = load_model(options.model, options.trust_pickle)
    from sklearn_digits.datasets._image_file import import_pillow

    import_pillow()  # before anything is printed
    read = _drawing_reader(model) if options.drawing else _image_reader(model)
    classes = model.classes_.tolist()
    shown = classes if options.probabilities else []
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["file", "label", "probability", *(f"p_{name}" for name in shown)])
    n_failures = 0
    for file in options.files:
        try:
            image = read(file)
        except (OSError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            n_failures += 1
            continue
        [probabilities] = model.predict_proba(image).tolist()
        highest = max(probabilities)
        label = classes[probabilities.index(highest)]
        columns = [highest, *probabilities[: len(shown)]]
        table.writerow([file, label, *(f"{value:.4f}" for value in columns)])
    return int(n_failures > 0)


def _image_reader(model: Any) -> Callable[[str], Any]:
    """Return a function that reads a file as an `X` of one image for `model`."""
    from sklearn_digits.datasets._image_file import load_image

    return partial(load_image, like=model)


def _drawing_reader(model: Any) -> Callable[[str], Any]:
    """Return a function that finds the digit in a file, as an `X` for `model`."""
    from sklearn_digits._images.digit_image import to_digit_image
    from sklearn_digits.datasets._image_file import fitted_image_shape, load_image

    height, width, n_channels = fitted_image_shape(model)
    if n_channels != 1:
        raise ValueError(
            "--drawing makes gray images, but the model was trained on images of "
            f"{n_channels} channels. Leave it out."
        )

    def read(file: str) -> Any:
        [drawing] = load_image(file)
        try:
            return to_digit_image(drawing, (height, width))[None]
        except ValueError as error:
            raise ValueError(f"{file} cannot be used: {error}") from error

    return read
