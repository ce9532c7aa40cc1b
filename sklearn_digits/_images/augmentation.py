"""Random distortions of training images, one batch of tensors at a time."""

from collections.abc import Callable
from numbers import Real
from typing import ClassVar, TypeAlias

import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional

from sklearn_digits._estimator import Estimator

Augmentation: TypeAlias = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


class RandomAffine(Estimator):
    """Rotate, shift, scale and shear each image of a batch at random.

    Each amount is drawn uniformly, for every image anew. Where a distorted image
    reaches beyond its frame, the pixels at the border are repeated: white paper
    stays white. There is no flip, since a flipped 3 is no 3.

    Parameters
    ----------
    rotation : float, default=8.0
        Largest rotation to either side, in degrees.
    shift : float, default=0.05
        Largest shift along each axis, as a share of the image's side.
    scale : float, default=0.08
        Largest relative change of size: 0.1 draws factors from 0.9 to 1.1.
    shear : float, default=0.1
        Largest shear: the shift of a row relative to its distance from the centre.

    Examples
    --------
    >>> import torch
    >>> from sklearn_digits import RandomAffine
    >>> images = torch.rand(4, 1, 8, 8)
    >>> distort = RandomAffine(rotation=15)
    >>> distort(images, torch.Generator().manual_seed(0)).shape
    torch.Size([4, 1, 8, 8])
    >>> still = RandomAffine(rotation=0, shift=0, scale=0, shear=0)
    >>> torch.allclose(still(images, torch.Generator()), images, atol=1e-5)
    True
    """

    rotation: float = 8.0
    shift: float = 0.05
    scale: float = 0.08
    shear: float = 0.1

    _parameter_constraints: ClassVar[dict] = {
        "rotation": [Interval(Real, 0, 180, closed="both")],
        "shift": [Interval(Real, 0, 1, closed="both")],
        "scale": [Interval(Real, 0, 1, closed="left")],
        "shear": [Interval(Real, 0, None, closed="left")],
    }

    def check(self) -> None:
        """Raise ``InvalidParameterError`` (a ValueError) if a parameter is invalid."""
        self._validate_params()

    def __call__(
        self, images: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return distorted copies of `images`.

        Parameters
        ----------
        images : torch.Tensor of shape (n, n_channels, height, width), floating
        generator : torch.Generator
            On the CPU.

        Returns
        -------
        images : torch.Tensor of the same shape, dtype and device
        """
        grid = sampling_grid(self._matrices(images, generator), images)
        return resample(images, grid)

    def _matrices(
        self, images: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Draw an affine map from output to input coordinates for each image."""
        n, _, height, width = images.shape
        draws = torch.rand(5, n, generator=generator, dtype=images.dtype) * 2 - 1
        angle = draws[0] * (self.rotation * torch.pi / 180)
        size = 1 / (1 + draws[1] * self.scale)
        slant = draws[2] * self.shear
        cos, sin = angle.cos() * size, angle.sin() * size
        # Coordinates run from -1 to 1 on both axes: what is not square turns as if
        # it were, once its sides are taken into the off-diagonal terms.
        ratio = height / width
        shift = draws[3:] * (2 * self.shift)
        theta = torch.stack(
            [
                torch.stack([cos, (cos * slant - sin) * ratio, shift[0]]),
                torch.stack([sin / ratio, cos + sin * slant, shift[1]]),
            ]
        )
        return theta.to(images.device)


class RandomDistortion(RandomAffine):
    """Distort each image of a batch at random: affine, elastic, and partly erased.

    Each amount is drawn for every image anew. Beyond its frame, the pixels at the
    border of an image are repeated.

    Parameters
    ----------
    rotation : float, default=8.0
        Largest rotation to either side, in degrees.
    shift : float, default=0.05
        Largest shift along each axis, as a share of the image's side.
    scale : float, default=0.08
        Largest relative change of size: 0.1 draws factors from 0.9 to 1.1.
    shear : float, default=0.1
        Largest shear: the shift of a row relative to its distance from the centre.
    elastic : float, default=0.02
        Standard deviation of a pixel's displacement along each axis by a smooth random
        field [1]_, as a share of the image's side; 0 is none.
    smoothness : float, default=0.15
        Standard deviation of the Gaussian that smooths the field, as a share of the
        image's side.
    erasing : float, default=0.0
        Largest side of a rectangle that is filled with the image's mean colour [2]_,
        as a share of the image's side; 0 erases nothing.

    References
    ----------
    .. [1] Simard, Steinkraus, Platt (2003). Best practices for convolutional neural
       networks applied to visual document analysis. ICDAR.
    .. [2] Zhong, Zheng, Kang, Li, Yang (2020). Random erasing data augmentation. AAAI.

    Examples
    --------
    >>> import torch
    >>> from sklearn_digits import RandomDistortion
    >>> images = torch.rand(4, 1, 28, 28)
    >>> distort = RandomDistortion(elastic=0.03, erasing=0.25)
    >>> distort(images, torch.Generator().manual_seed(0)).shape
    torch.Size([4, 1, 28, 28])
    """

    elastic: float = 0.02
    smoothness: float = 0.15
    erasing: float = 0.0

    _parameter_constraints: ClassVar[dict] = {
        **RandomAffine._parameter_constraints,
        "elastic": [Interval(Real, 0, 1, closed="both")],
        "smoothness": [Interval(Real, 0, None, closed="neither")],
        "erasing": [Interval(Real, 0, 1, closed="both")],
    }

    def __call__(
        self, images: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return distorted copies of `images`; see :class:`RandomAffine`.

        Parameters
        ----------
        images : torch.Tensor of shape (n, n_channels, height, width), floating
        generator : torch.Generator
            On the CPU.

        Returns
        -------
        images : torch.Tensor of the same shape, dtype and device
        """
        grid = sampling_grid(self._matrices(images, generator), images)
        if self.elastic:
            field = smooth_noise(images, self.smoothness, generator)
            # Coordinates run from -1 to 1: a side is two long.
            grid = grid + 2 * self.elastic * field.permute(0, 2, 3, 1)
        images = resample(images, grid)
        return erase(images, self.erasing, generator) if self.erasing else images


def smooth_noise(
    images: torch.Tensor, smoothness: float, generator: torch.Generator
) -> torch.Tensor:
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


def _smoothing_matrix(side: int, smoothness: float, dtype: torch.dtype) -> torch.Tensor:
    """Return a matrix that smooths and leaves white noise its variance."""
    place = torch.arange(side, dtype=dtype) / side
    weights = torch.exp(-(((place - place[:, None]) / smoothness) ** 2) / 2)
    return weights / weights.norm(dim=1, keepdim=True)


def erase(
    images: torch.Tensor, share: float, generator: torch.Generator
) -> torch.Tensor:
    """Fill a random rectangle of each image with the image's mean colour.

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


def resample(images: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Return `images` read at the coordinates `grid`, border pixels repeated."""
    return functional.grid_sample(
        images, grid, padding_mode="border", align_corners=False
    )


def sampling_grid(matrices: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Return where each output pixel is sampled from, in coordinates from -1 to 1.

    The same as ``torch.nn.functional.affine_grid`` without aligned corners, in one
    matrix product for the whole batch: many times faster on a CPU.

    Parameters
    ----------
    matrices : torch.Tensor of shape (2, 3, n)
        Affine maps from output to input coordinates.
    images : torch.Tensor of shape (n, n_channels, height, width)

    Returns
    -------
    grid : torch.Tensor of shape (n, height, width, 2)
        In memory all x of an image, then all its y, as sampling reads them fastest.
    """
    height, width = images.shape[2:]
    x, y = (
        (2 * torch.arange(side).to(images) + 1) / side - 1 for side in (width, height)
    )
    output = torch.stack(
        [x.repeat(height), y.repeat_interleave(width), x.new_ones(height * width)]
    )
    grid = matrices.permute(2, 0, 1).reshape(-1, 3) @ output
    return grid.view(-1, 2, height, width).permute(0, 2, 3, 1)


def augment(
    augmentation: Augmentation, images: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Apply `augmentation` and check what it made of the batch's shape."""
    augmented = augmentation(images, generator)
    if not isinstance(augmented, torch.Tensor) or augmented.shape != images.shape:
        raise ValueError(
            f"augmentation={augmentation!r} must return a tensor of the shape it was "
            f"given, {tuple(images.shape)}; it returned "
            f"{getattr(augmented, 'shape', type(augmented).__name__)}."
        )
    return augmented.to(images.dtype)
