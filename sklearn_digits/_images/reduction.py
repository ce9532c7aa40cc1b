"""Large images, averaged down before anything costly happens to them."""

from math import ceil, sqrt

from torch import Tensor
from torch.nn import functional


def reduce_images(images: Tensor, largest_side: int | None) -> Tensor:
    """Return images averaged over squares of pixels, as few as needed.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width), floating
    largest_side : int or None
        The images have at most as many pixels as a square of this side. None leaves
        them as they are.

    Returns
    -------
    images : torch.Tensor of shape (n, n_channels, new_height, new_width)
        `images` themselves, if they are small enough.
    """
    if largest_side is None:
        return images
    height, width = images.shape[2:]
    factor = ceil(sqrt(height * width) / largest_side)
    if factor == 1:
        return images
    window = (min(factor, height), min(factor, width))
    reduced = functional.avg_pool2d(images, window, ceil_mode=True)
    return reduce_images(reduced, largest_side)  # lines of pixels need it again
