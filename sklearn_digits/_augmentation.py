"""Random distortions of training images, one batch of tensors at a time."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval, validate_parameter_constraints
from torch.nn import functional

from sklearn_digits._storage import StorableEstimator


class RandomAffine(StorableEstimator):
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

    _parameter_constraints: dict = {
        "rotation": [Interval(Real, 0, 180, closed="both")],
        "shift": [Interval(Real, 0, 1, closed="both")],
        "scale": [Interval(Real, 0, 1, closed="left")],
        "shear": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, *, rotation=8.0, shift=0.05, scale=0.08, shear=0.1):
        self.rotation = rotation
        self.shift = shift
        self.scale = scale
        self.shear = shear

    def check(self):
        """Raise ``InvalidParameterError`` (a ValueError) if a parameter is invalid."""
        validate_parameter_constraints(
            self._parameter_constraints, self.get_params(), type(self).__name__
        )

    def __call__(self, images, generator):
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
        return functional.grid_sample(
            images, grid, padding_mode="border", align_corners=False
        )

    def _matrices(self, images, generator):
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


def sampling_grid(matrices, images):
    """Return where each output pixel is sampled from, in coordinates from -1 to 1.

    The same as ``torch.nn.functional.affine_grid`` without aligned corners, in one
    matrix product for the whole batch: eight times faster on a CPU.

    Parameters
    ----------
    matrices : torch.Tensor of shape (2, 3, n)
        Affine maps from output to input coordinates.
    images : torch.Tensor of shape (n, n_channels, height, width)

    Returns
    -------
    grid : torch.Tensor of shape (n, height, width, 2)
    """
    height, width = images.shape[2:]
    x, y = (
        (torch.arange(side, dtype=images.dtype, device=images.device) * 2 + 1) / side
        - 1
        for side in (width, height)
    )
    output = torch.stack(
        [x.repeat(height), y.repeat_interleave(width), x.new_ones(height * width)],
        dim=1,
    )
    grid = output @ matrices.transpose(0, 1).reshape(3, -1)
    return grid.view(height, width, 2, -1).permute(3, 0, 1, 2)


def augment(augmentation, images, generator):
    """Apply `augmentation` and check what it made of the batch's shape."""
    augmented = augmentation(images, generator)
    if not isinstance(augmented, torch.Tensor) or augmented.shape != images.shape:
        raise ValueError(
            f"augmentation={augmentation!r} must return a tensor of the shape it was "
            f"given, {tuple(images.shape)}; it returned "
            f"{getattr(augmented, 'shape', type(augmented).__name__)}."
        )
    return augmented.to(images.dtype)
