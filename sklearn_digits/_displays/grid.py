"""Images side by side in one Axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from sklearn.utils import check_array, check_scalar

from sklearn_digits._images.conversion import flatten_images
from sklearn_digits._images.shape import resolve_image_shape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.text import Text
    from numpy.typing import ArrayLike

Keywords: TypeAlias = dict[str, Any]

CELL_INCHES = 0.85  # of an image, in a figure of its own
SMALLEST_FONT = 7  # for which such an image is widened
LARGEST_FONT = 10
# Of the font size: the width of a letter, and the height of a line in a caption.
LETTER_WIDTH = 0.65
LINE_HEIGHT = 1 / 0.85


def check_matplotlib(caller: str) -> None:
    """Raise an ImportError that says what to install if matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller} draws with matplotlib, which is not installed: "
            "pip install sklearn-digits[plot]."
        ) from error


def as_images(X: ArrayLike, image_shape: Sequence[int] | None) -> np.ndarray:
    """Return `X` as an array of shape (n, height, width, n_channels)."""
    rows, seen_shape = flatten_images(X)
    rows = check_array(rows, input_name="X")
    shape = resolve_image_shape(rows.shape[1], image_shape, seen_shape)
    return rows.reshape(-1, *shape)


def color_scale(images: np.ndarray) -> tuple[np.ndarray, Keywords]:
    """Return `images` as matplotlib takes them, and the range of the grey ones.

    One scale for all, so that a faint image looks faint beside the others.
    """
    low, high = (images.min(), images.max()) if images.size else (0, 1)
    if images.shape[3] == 1:
        return images[..., 0], {"vmin": low, "vmax": high}
    if images.dtype != np.uint8 and (low < 0 or high > 1):
        images = (images - float(low)) / (float(high) - float(low) or 1.0)
    return images, {}


def signed_scale(values: np.ndarray) -> Keywords:
    """Return the range of colours in the middle of which 0 lies."""
    largest = float(np.abs(values).max(initial=0)) or 1.0
    return {"vmin": -largest, "vmax": largest}


def draw_grid(
    ax: Axes | None,
    cell: tuple[int, ...],
    tiles: Sequence[tuple[np.ndarray, Keywords]],
    captions: Sequence[str],
    n_columns: int | None,
    text_kw: Keywords | None,
) -> tuple[Axes, list[AxesImage], list[Text]]:
    """Draw images row by row into one Axes, each with its caption above.

    Parameters
    ----------
    ax : matplotlib Axes or None
        None makes a figure of a fitting size.
    cell : tuple of 2 int
        ``(height, width)`` that an image takes, in units of the Axes.
    tiles : list of tuple
        Each image, as an array, and the keywords of its ``imshow``.
    captions : list of str
        One for each image, or none.
    n_columns : int or None
        None makes the grid about twice as wide as high.
    text_kw : dict or None
        Keywords of the captions.

    Returns
    -------
    ax, images_, text_ : matplotlib Axes, list of AxesImage, list of Text
        The Axes and what it now holds.
    """
    if n_columns is not None:
        check_scalar(n_columns, "n_columns", Integral, min_val=1)
    height, width = cell
    side = max(height, width)
    n_rows = max(1, round(sqrt(len(tiles) / 2)))
    n_columns = n_columns or max(1, ceil(len(tiles) / n_rows))
    n_rows = max(1, ceil(len(tiles) / n_columns))
    lines = [caption.split("\n") for caption in captions]
    n_lines = max(map(len, lines), default=0)
    n_letters = max((len(line) for text in lines for line in text), default=0)
    gap, line = 0.16 * side, 0.2 * side
    cell_width, cell_height = width + gap, height + gap + n_lines * line
    size = (n_columns * cell_width - gap, n_rows * cell_height)
    ax, inch = _fit(ax, size, side, cell_width, n_letters)
    # Captions fit their cells.
    room = min(line / LINE_HEIGHT, cell_width / (LETTER_WIDTH * max(n_letters, 1)))
    fontsize = min(LARGEST_FONT, 72 * inch * room)
    text_kw = {"ha": "center", "va": "bottom", "fontsize": fontsize, **(text_kw or {})}
    images_, text_ = [], []
    for i, (image, im_kw) in enumerate(tiles):
        left, bottom = i % n_columns * cell_width, (i // n_columns + 1) * cell_height
        extent = (left, left + width, bottom, bottom - height)
        images_.append(ax.imshow(image, extent=extent, **im_kw))
        if captions:
            x, y = left + width / 2, bottom - height - gap / 3
            text_.append(ax.text(x, y, captions[i], **text_kw))
    ax.set(xlim=(0, size[0]), ylim=(size[1], 0), aspect="equal")
    ax.set_axis_off()
    return ax, images_, text_


def _fit(
    ax: Axes | None,
    size: tuple[float, float],
    side: int,
    cell_width: float,
    n_letters: int,
) -> tuple[Axes, float]:
    """Return the Axes, new if `ax` is None, and the inches that a unit of it takes."""
    import matplotlib.pyplot as plt

    width, height = size
    if ax is not None:
        box = ax.get_window_extent()
        return ax, min(box.width / width, box.height / height) / ax.figure.dpi
    caption_inches = LETTER_WIDTH * n_letters * SMALLEST_FONT / 72
    inch = max(CELL_INCHES / side, caption_inches / cell_width)
    figure = plt.figure(
        figsize=(max(width * inch, 3), height * inch + 0.3), layout="constrained"
    )
    return figure.add_subplot(), inch
