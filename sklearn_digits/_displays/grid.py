"""Images side by side in one Axes."""

from math import ceil, sqrt

import numpy as np
from sklearn.utils import check_array

from sklearn_digits._images import flatten_images, resolve_image_shape


def as_images(X, image_shape):
    """Return `X` as an array of shape (n, height, width, n_channels)."""
    X, seen_shape = flatten_images(X)
    X = check_array(X, input_name="X")
    return X.reshape(-1, *resolve_image_shape(X.shape[1], image_shape, seen_shape))


def _color_scale(images):
    """Return `images` as matplotlib takes them, and the range of the grey ones.

    One scale for all, so that a faint image looks faint beside the others.
    """
    low, high = (images.min(), images.max()) if images.size else (0, 1)
    if images.shape[3] == 1:
        return images[..., 0], {"vmin": low, "vmax": high}
    if images.dtype != np.uint8 and (low < 0 or high > 1):
        images = (images - float(low)) / (float(high) - float(low) or 1.0)
    return images, {}


def draw_grid(ax, images, captions, n_columns, cmap, im_kw, text_kw):
    """Draw images row by row into one Axes, each with its caption above.

    Returns the Axes, new if `ax` is None, and the lists of what it now holds.
    """
    import matplotlib.pyplot as plt

    height, width = images.shape[1:3]
    n_rows = max(1, round(sqrt(len(images) / 2)))  # about twice as wide as high
    n_columns = n_columns or max(1, ceil(len(images) / n_rows))
    n_rows = max(1, ceil(len(images) / n_columns))
    lines = [text.split("\n") for text in captions]
    n_lines = max(map(len, lines), default=0)
    n_letters = max((len(line) for text in lines for line in text), default=1)
    gap, line = 0.16 * max(height, width), 0.2 * max(height, width)
    cell_width, cell_height = width + gap, height + gap + n_lines * line
    grid_width, grid_height = n_columns * cell_width - gap, n_rows * cell_height
    if ax is None:
        inch = 0.85 / max(height, width)
        size = (max(grid_width * inch, 3), grid_height * inch + 0.3)
        ax = plt.figure(figsize=size, layout="constrained").add_subplot()
    else:
        box = ax.get_window_extent()
        inch = min(box.width / grid_width, box.height / grid_height) / ax.figure.dpi
    # Captions fit their cells: a letter takes about 0.65 of the font size.
    room = min(0.85 * line, cell_width / (0.65 * max(n_letters, 1)))
    fontsize = min(10, 72 * inch * room)
    text_kw = {"ha": "center", "va": "bottom", "fontsize": fontsize, **(text_kw or {})}
    images, scale = _color_scale(images)
    im_kw = {"cmap": cmap, "interpolation": "nearest", **scale, **(im_kw or {})}
    images_, text_ = [], []
    for i, image in enumerate(images):
        left, bottom = i % n_columns * cell_width, (i // n_columns + 1) * cell_height
        extent = (left, left + width, bottom, bottom - height)
        images_.append(ax.imshow(image, extent=extent, **im_kw))
        if captions:
            x, y = left + width / 2, bottom - height - gap / 3
            text_.append(ax.text(x, y, captions[i], **text_kw))
    ax.set(xlim=(0, grid_width), ylim=(grid_height, 0), aspect="equal")
    ax.set_axis_off()
    return ax, images_, text_
