"""PixelGridDisplay: an image as the numbers that it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from sklearn_digits._displays.grid import (
    AxesOrNone,
    Cmap,
    Keywords,
    SizedDisplay,
    check_matplotlib,
)
from sklearn_digits._transformer.kernels import Kernels, kernel_bank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle
    from matplotlib.typing import ColorType

LARGEST_SIDE = 64  # pixels; more numbers than that nobody reads
CELL_INCHES = 0.42


def _check_image(image: ArrayLike) -> np.ndarray:
    """Return one gray image as an array of shape (height, width)."""
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.ndim != 2 or not image.size or max(image.shape) > LARGEST_SIDE:
        raise ValueError(
            f"image has shape {image.shape}; expected one gray image, (height, width), "
            f"of 1 to {LARGEST_SIDE} pixels a side."
        )
    return check_array(image, dtype="numeric", input_name="image")


def _check_kernel(kernel: Kernels) -> np.ndarray:
    """Return one kernel, given by name or as an array."""
    bank = kernel_bank(kernel)
    if len(bank) != 1:
        raise ValueError(
            f"kernel={kernel!r} means {len(bank)} kernels: {', '.join(bank)}; expected "
            "one."
        )
    [array] = bank.values()
    return array


def _check_position(
    position: tuple[int, int], kernel: np.ndarray, image: np.ndarray
) -> tuple[int, int]:
    """Return the upper left pixel of a window that lies inside the image."""
    corner, last = np.asarray(position), np.subtract(image.shape, kernel.shape)
    if corner.shape != (2,) or corner.dtype.kind not in "iu":
        raise ValueError(
            f"position={position!r}; expected (row, column), two integers."
        )
    if (corner < 0).any() or (corner > last).any():
        raise ValueError(
            f"position={tuple(position)} lays a kernel of {kernel.shape[0]}x"
            f"{kernel.shape[1]} over the border of an image of {image.shape[0]}x"
            f"{image.shape[1]} pixels; expected 0 <= row <= {last[0]} and 0 <= column "
            f"<= {last[1]}."
        )
    row, column = corner.tolist()
    return row, column


def _write(
    ax: Axes, values: np.ndarray, corner: tuple[float, float], **text_kw: Any
) -> np.ndarray:
    """Write each string of an array into its cell; return an array of the texts."""
    text_kw = {"ha": "center", "va": "center", **text_kw}
    texts = np.empty(values.shape, dtype=object)
    for (row, column), value in np.ndenumerate(values):
        x, y = corner[1] + column, corner[0] + row
        texts[row, column] = ax.text(x, y, value, **text_kw)
    return texts


@dataclass(eq=False, repr=False)
class PixelGridDisplay(SizedDisplay):
    """An image with its gray values written in the cells, and a kernel over it.

    The kernel is laid over a window of the image, its weights below the gray values
    that they multiply; the title says what the products sum to, which is what a
    convolution layer puts into its map at this place.

    It is recommended to use :meth:`from_image`. All parameters are stored as
    attributes.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        Gray values of any real dtype.
    kernel : ndarray of shape (kernel_height, kernel_width), default=None
        The kernel, no larger than the image.
    position : tuple of 2 int, default=(0, 0)
        Row and column of the upper left pixel under the kernel.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The Axes with image, numbers and kernel.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    image_ : matplotlib AxesImage
        The image.
    text_ : ndarray of shape (height, width) of matplotlib Text
        Its gray values.
    frame_ : matplotlib Rectangle or None
        The frame of the window under the kernel.
    kernel_text_ : ndarray of shape (kernel_height, kernel_width) of matplotlib Text \
            or None
        The weights of the kernel.
    response_ : float or None
        The sum of the products.

    See Also
    --------
    KernelDisplay : Kernels as pictures.
    FeatureMapDisplay : The responses at all places of an image.

    Notes
    -----
    Built as the displays of scikit-learn, such as
    :class:`~sklearn.metrics.ConfusionMatrixDisplay`.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn_digits import PixelGridDisplay
    >>> image = [[60, 60, 60, 0, 0, 0]] * 5
    >>> display = PixelGridDisplay.from_image(image, "vertical", position=(1, 2))
    >>> display.response_
    180.0
    >>> plt.show()
    """

    image: np.ndarray
    kernel: np.ndarray | None = None
    position: tuple[int, int] = (0, 0)

    @classmethod
    def from_image(
        cls,
        image: ArrayLike,
        kernel: str | ArrayLike | None = None,
        *,
        position: tuple[int, int] = (0, 0),
        ax: AxesOrNone = None,
        **kwargs: Any,
    ) -> Self:
        """Draw one gray image.

        Parameters
        ----------
        image : array-like of shape (height, width) or (height, width, 1)
            Gray values of any real dtype, at most 64 pixels a side.
        kernel : str or array-like of shape (kernel_height, kernel_width), default=None
            A name that :func:`kernel_bank` knows, or the weights of a kernel.
        position : tuple of 2 int, default=(0, 0)
            Row and column of the upper left pixel under the kernel.
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PixelGridDisplay
            With everything drawn.

        Raises
        ------
        ValueError
            If `image` is not a gray image of at most 64 pixels a side, if `kernel`
            is not one kernel, or if it reaches beyond the image.
        TypeError
            If `kernel` does not hold real numbers.
        """
        check_matplotlib(f"{cls.__name__}.from_image")
        image = _check_image(image)
        if kernel is not None:
            kernel = _check_kernel(kernel)
            position = _check_position(position, kernel, image)
        return cls(image, kernel, position).plot(ax, **kwargs)

    def plot(
        self,
        ax: AxesOrNone = None,
        *,
        values_format: str | None = None,
        cmap: Cmap = "gray",
        im_kw: Keywords | None = None,
        text_kw: Keywords | None = None,
        kernel_color: ColorType = "tab:red",
    ) -> Self:
        """Draw the image, its numbers, and the kernel if there is one.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The Axes to draw into. None makes a figure of a fitting size.
        values_format : str, default=None
            Format of the gray values. None means ``"d"`` for integers, else ``".2g"``.
        cmap : str or matplotlib Colormap, default="gray"
            The colors from the lowest to the highest gray value.
        im_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.imshow`.
        text_kw : dict, default=None
            Passed to :meth:`matplotlib.axes.Axes.text` for gray values and weights.
        kernel_color : color, default="tab:red"
            Color of the kernel's frame and weights.

        Returns
        -------
        display : PixelGridDisplay
            Itself.
        """
        height, width = self.image.shape
        inch = self._open_axes(ax, (width, height), CELL_INCHES, margins=(0.6, 0.8))
        from matplotlib.ticker import MaxNLocator

        ax = self.ax_
        im_kw = {"cmap": cmap, "interpolation": "nearest", **(im_kw or {})}
        self.image_ = ax.imshow(self.image, **im_kw)
        if values_format is None:
            values_format = "d" if self.image.dtype.kind in "iu" else ".2g"
        values = [format(value, values_format) for value in self.image.flat]
        # Three digits and the gap beside them take about two and a half font sizes.
        text_kw = {"fontsize": min(11, 72 * inch / 2.5), **(text_kw or {})}
        self.text_ = _write(ax, np.reshape(values, self.image.shape), (0, 0), **text_kw)
        bright = self.image_.to_rgba(self.image)[..., :3] @ (0.299, 0.587, 0.114) > 0.5
        for text, is_bright in zip(self.text_.flat, bright.flat, strict=True):
            text.set_color(text_kw.get("color", "black" if is_bright else "white"))
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False)
        self.frame_: Rectangle | None = None
        self.kernel_text_: np.ndarray | None = None
        self.response_: float | None = None
        if self.kernel is not None:
            self._lay_kernel(ax, self.kernel, text_kw, kernel_color)
        return self

    def _lay_kernel(
        self, ax: Axes, kernel: np.ndarray, text_kw: Keywords, color: ColorType
    ) -> None:
        """Frame the window, write the weights below the gray values, and the sum."""
        from matplotlib.patches import Rectangle

        (row, column), (height, width) = self.position, kernel.shape
        corner = (column - 0.5, row - 0.5)
        self.frame_ = Rectangle(corner, width, height, fill=False, ec=color, lw=2.5)
        ax.add_patch(self.frame_)
        window = (slice(row, row + height), slice(column, column + width))
        for text in self.text_[window].flat:
            text.set_y(text.get_position()[1] - 0.18)
        times = "\N{MULTIPLICATION SIGN}"
        weights = [f"{times}{weight:g}" for weight in (kernel.round(2) + 0.0).flat]
        n_letters = max(map(len, weights))
        style = {
            **text_kw,
            "color": "white",
            "fontsize": text_kw["fontsize"] * min(0.85, 3.3 / n_letters),
            "bbox": {"boxstyle": "round,pad=0.1", "fc": color, "ec": "none"},
        }
        cells = np.reshape(weights, kernel.shape)
        self.kernel_text_ = _write(ax, cells, (row + 0.26, column), **style)
        products = self.image[window].astype(np.float64) * kernel
        self.response_ = float(products.sum())
        ax.set_title(f"sum of products: {self.response_:g}", fontsize="medium")
