"""Images side by side in one Axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from sklearn.utils import check_scalar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

# What displays are given, by names that need no matplotlib to be installed.
Keywords: TypeAlias = dict[str, Any]
AxesOrNone: TypeAlias = "Axes | None"
Cmap: TypeAlias = "str | Colormap"
Size: TypeAlias = tuple[float, float]  # width, height

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
            "pip install matplotlib."
        ) from error


def color_scale(images: np.ndarray) -> tuple[np.ndarray, Keywords]:
    """Return `images` as matplotlib takes them, and the range of the gray ones.

    One scale for all, so that a faint image looks faint beside the others.
    """
    low, high = (images.min(), images.max()) if images.size else (0, 1)
    if images.shape[3] == 1:
        return images[..., 0], {"vmin": low, "vmax": high}
    if images.dtype != np.uint8 and (low < 0 or high > 1):
        images = (images - float(low)) / (float(high) - float(low) or 1.0)
    return images, {}


def signed_scale(values: np.ndarray) -> Keywords:
    """Return the range of colors in the middle of which 0 lies."""
    largest = float(np.abs(values).max(initial=0)) or 1.0
    return {"vmin": -largest, "vmax": largest}


class SizedDisplay:
    """A display that makes a figure for what it draws, unless it is given Axes."""

    def _open_axes(
        self, ax: AxesOrNone, size: Size, inch: float, margins: Size
    ) -> float:
        """Set `ax_` and `figure_`, and return the inches that a unit of `ax_` takes.

        Parameters
        ----------
        ax : matplotlib Axes or None
            None makes a figure of a fitting size.
        size : tuple of 2 float
            ``(width, height)`` of what is to be drawn, in units of the Axes.
        inch : float
            The inches that a unit takes in a new figure.
        margins : tuple of 2 float
            ``(width, height)`` of what a new figure has around it, in inches.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        width, height = size
        if ax is None:
            figsize = (max(width * inch + margins[0], 3), height * inch + margins[1])
            ax = plt.figure(figsize=figsize, layout="constrained").add_subplot()
        else:
            box = ax.get_window_extent()
            inch = min(box.width / width, box.height / height) / ax.figure.dpi
        self.ax_, self.figure_ = ax, ax.figure
        return inch


def _grid_shape(n_tiles: int, n_columns: int | None) -> tuple[int, int]:
    """Return rows and columns; None makes the grid about twice as wide as high."""
    if n_columns is None:
        n_rows = max(1, round(sqrt(n_tiles / 2)))
        n_columns = max(1, ceil(n_tiles / n_rows))
    check_scalar(n_columns, "n_columns", Integral, min_val=1)
    return max(1, ceil(n_tiles / n_columns)), n_columns


class GridDisplay(SizedDisplay):
    """A display that draws images row by row into one Axes, captions above them."""

    def _draw(
        self,
        ax: AxesOrNone,
        tiles: Sequence[tuple[np.ndarray, Keywords]],
        captions: Sequence[Any] | np.ndarray | None,
        n_columns: int | None,
        text_kw: Keywords | None,
        margins: Size = (0, 0.3),
    ) -> Self:
        """Draw images, and keep what was drawn as attributes.

        Parameters
        ----------
        ax : matplotlib Axes or None
            None makes a figure of a fitting size.
        tiles : list of tuple
            Each image, as an array, and the keywords of its ``imshow``. The first
            image has the sides of a cell, in units of the Axes.
        captions : sequence or None
            At least one for each image, or none.
        n_columns : int or None
            None makes the grid about twice as wide as high.
        text_kw : dict or None
            Keywords of the captions.
        margins : tuple of 2 float, default=(0, 0.3)
            ``(width, height)`` of what a new figure has around the grid, in inches.
        """
        n_rows, n_columns = _grid_shape(len(tiles), n_columns)
        captions = [] if captions is None else [*map(str, captions[: len(tiles)])]
        height, width = tiles[0][0].shape[:2] if tiles else (1, 1)
        side = max(height, width)
        n_lines = max((1 + text.count("\n") for text in captions), default=0)
        n_letters = max(map(len, "\n".join(captions).split("\n")))
        gap, line = 0.16 * side, 0.2 * side
        cell_width, cell_height = width + gap, height + gap + n_lines * line
        size = (n_columns * cell_width - gap, n_rows * cell_height)
        caption_width = LETTER_WIDTH * n_letters  # of the font size
        inch = max(CELL_INCHES / side, caption_width * SMALLEST_FONT / 72 / cell_width)
        inch = self._open_axes(ax, size, inch, margins)
        # Captions fit their cells.
        room = min(line / LINE_HEIGHT, cell_width / max(caption_width, LETTER_WIDTH))
        fontsize = min(LARGEST_FONT, 72 * inch * room)
        font = {"ha": "center", "va": "bottom", "fontsize": fontsize, **(text_kw or {})}
        self.images_, self.text_ = [], []
        for i, (image, im_kw) in enumerate(tiles):
            row, column = divmod(i, n_columns)
            left, bottom = column * cell_width, (row + 1) * cell_height
            extent = (left, left + width, bottom, bottom - height)
            im_kw = {"interpolation": "nearest", "extent": extent, **im_kw}
            self.images_.append(self.ax_.imshow(image, **im_kw))
            if captions:
                x, y = left + width / 2, bottom - height - gap / 3
                self.text_.append(self.ax_.text(x, y, captions[i], **font))
        self.ax_.set(xlim=(0, size[0]), ylim=(size[1], 0), aspect="equal")
        self.ax_.set_axis_off()
        return self
