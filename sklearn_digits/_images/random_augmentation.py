"""Random changes of training images beyond affine ones: light, noise, bends, holes."""

from numbers import Real
from typing import ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sklearn_digits._images.augmentation import RandomAffine, resample, sampling_grid


class RandomAugmentation(RandomAffine):
    """Change each image of a batch at random: its place, its light, its noise.

    Each amount is drawn for every image anew. An amount of 0 leaves a change out. Where
    a changed image reaches beyond its frame, the pixels at the border are repeated.

    Parameters
    ----------
    rotation : float, default=8.0
        Largest rotation to either side, in degrees.
    shift : float, default=0.05
        Largest shift along each axis, as a share of the image's side. Images that are
        not rotated, scaled or sheared are shifted by whole pixels, which keeps them
        sharp.
    scale : float, default=0.08
        Largest relative change of size: 0.1 draws factors from 0.9 to 1.1.
    shear : float, default=0.1
        Largest shear: the shift of a row relative to its distance from the center.
    horizontal_flip : "auto" or bool, default="auto"
        Whether to flip half of the images left to right. "auto" lets the training
        images decide; an instance that is called directly takes it for False.
    vertical_flip : "auto" or bool, default="auto"
        Whether to flip half of the images upside down. "auto" lets the training images
        decide; an instance that is called directly takes it for False.
    quarter_turns : "auto" or bool, default="auto"
        Whether to turn images by 0, 90, 180 or 270 degrees, each as likely as the
        others. Images that are not square are turned by 0 or 180 degrees. "auto" lets
        the training images decide; an instance that is called directly takes it for
        False.
    contrast : float, default=0.5
        Largest change of contrast: 0.5 multiplies the distance of pixels from the
        image's mean by factors from 1/2 to 2.
    brightness : float, default=0.8
        Largest change of brightness: what is added to all pixels of an image, or taken
        from them, as a share of the standard deviation of pixels around the means of
        their images.
    noise : float, default=0.75
        Largest standard deviation of Gaussian noise, as a share of the standard
        deviation of pixels around the means of their images. Half of the images stay
        without noise.
    elastic : float, default=0.0
        Standard deviation of a pixel's displacement along each axis by a smooth random
        field [1]_, as a share of the image's side.
    smoothness : float, default=0.15
        Standard deviation of the Gaussian that smooths the field, as a share of the
        image's side.
    erasing : float, default=0.0
        Largest side of a rectangle that is filled with the image's mean color [2]_,
        as a share of the image's side.

    References
    ----------
    .. [1] Simard, Steinkraus, Platt (2003). Best practices for convolutional neural
       networks applied to visual document analysis. ICDAR.
    .. [2] Zhong, Zheng, Kang, Li, Yang (2020). Random erasing data augmentation. AAAI.

    Examples
    --------
    >>> import torch
    >>> from sklearn_digits import RandomAugmentation
    >>> images = torch.rand(4, 1, 28, 28)
    >>> change = RandomAugmentation(elastic=0.03, erasing=0.25)
    >>> change(images, torch.Generator().manual_seed(0)).shape
    torch.Size([4, 1, 28, 28])
    """

    contrast: float = 0.5
    brightness: float = 0.8
    noise: float = 0.75
    elastic: float = 0.0
    smoothness: float = 0.15
    erasing: float = 0.0

    _parameter_constraints: ClassVar[dict] = {
        **RandomAffine._parameter_constraints,
        "contrast": [Interval(Real, 0, 1, closed="left")],
        "brightness": [Interval(Real, 0, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "elastic": [Interval(Real, 0, 1, closed="both")],
        "smoothness": [Interval(Real, 0, None, closed="neither")],
        "erasing": [Interval(Real, 0, 1, closed="both")],
    }

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return changed copies of `images`.

        Parameters
        ----------
        images : torch.Tensor of shape (n, n_channels, height, width), floating
        generator : torch.Generator
            On the CPU.

        Returns
        -------
        images : torch.Tensor of the same shape, dtype and device
        """
        # Within images: between them, light may differ more than what they show.
        middles = images.mean(dim=(1, 2, 3), keepdim=True)
        spread = (images - middles).std(correction=0)  # of a single pixel: zero
        grid = sampling_grid(self._matrices(images, generator), images)
        if self.elastic:
            field = smooth_noise(images, self.smoothness, generator)
            # Coordinates run from -1 to 1: a side is two long.
            grid = grid + 2 * self.elastic * field.permute(0, 2, 3, 1)
        images = resample(images, grid)
        if self.contrast or self.brightness:
            images = change_light(
                images, self.contrast, self.brightness * spread, generator
            )
        if self.noise:
            images = add_noise(images, self.noise * spread, generator)
        return erase(images, self.erasing, generator) if self.erasing else images


def change_light(
    images: Tensor, contrast: float, brightness: Tensor, generator: torch.Generator
) -> Tensor:
    """Change contrast and brightness of each image at random.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width)
    contrast : float
        Factors are drawn between ``1 - contrast`` and its inverse, small ones as likely
        as large ones.
    brightness : torch.Tensor of no dimension
        Largest number that is added to all pixels of an image or taken from them.
    generator : torch.Generator

    Returns
    -------
    images : torch.Tensor of the same shape
    """
    draws = torch.rand(2, len(images), 1, 1, 1, generator=generator, dtype=images.dtype)
    exponent, offset = (2 * draws - 1).to(images.device)
    factor = (1 - contrast) ** exponent
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.addcmul(mean * (1 - factor) + offset * brightness, images, factor)


def add_noise(images: Tensor, largest: Tensor, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise to half of the images.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width)
    largest : torch.Tensor of no dimension
        Largest standard deviation; each image's is drawn uniformly.
    generator : torch.Generator

    Returns
    -------
    images : torch.Tensor of the same shape
    """
    draws = torch.rand(len(images), 1, 1, 1, generator=generator, dtype=images.dtype)
    strength = (2 * draws - 1).clamp(min=0).to(images.device) * largest
    noise = torch.randn(images.shape, generator=generator, dtype=images.dtype)
    return images + strength * noise.to(images.device)


def smooth_noise(
    images: Tensor, smoothness: float, generator: torch.Generator
) -> Tensor:
    """Return Gaussian noise of variance 1, smoothed by a Gaussian: two maps an image.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width)
    smoothness : float
        Standard deviation of the Gaussian, as a share of the image's side.
    generator : torch.Generator

    Returns
    -------
    noise : torch.Tensor of shape (n, 2, height, width)
    """
    n, _, height, width = images.shape
    noise = torch.randn((n, 2, height, width), generator=generator, dtype=images.dtype)
    rows, columns = (
        _smoothing_matrix(side, smoothness, images.dtype) for side in (height, width)
    )
    return (rows @ noise @ columns.T).to(images.device)


def _smoothing_matrix(side: int, smoothness: float, dtype: torch.dtype) -> Tensor:
    """Return a matrix that smooths and leaves white noise its variance."""
    place = torch.arange(side, dtype=dtype) / side
    weights = torch.exp(-(((place - place[:, None]) / smoothness) ** 2) / 2)
    return weights / weights.norm(dim=1, keepdim=True)


def erase(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Fill a random rectangle of each image with the image's mean color.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width)
    share : float
        Largest side of the rectangle, as a share of the image's side.
    generator : torch.Generator

    Returns
    -------
    images : torch.Tensor of the same shape
    """
    n = len(images)
    draws = torch.rand(2, 2, n, 1, generator=generator, dtype=images.dtype)
    inside = []
    for side, (size, start) in zip(images.shape[2:], draws, strict=True):
        size = size * share
        start = start * (1 - size)
        place = (torch.arange(side, dtype=images.dtype) + 0.5) / side
        inside.append((place >= start) & (place < start + size))
    rectangle = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    mean = images.mean(dim=(2, 3), keepdim=True)
    return torch.where(rectangle.to(images.device), mean, images)
