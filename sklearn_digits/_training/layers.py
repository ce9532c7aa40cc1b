"""Layers that use the generator and the sample weights of a fit.

Training sets these attributes on every submodule that has them, those of users' own
modules included: ``generator`` is the generator of the fit, ``sample_weight`` the
weights of the rows of the batch, or None.
"""

import torch
from torch import nn
from torch.nn import functional

from sklearn_digits._warnings import warn_user

TORCH_DROPOUTS = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)


class Dropout(nn.Module):
    """Dropout that draws from the generator of the fit.

    ``torch.nn.Dropout`` draws from torch's global generator. The result of a fit then
    depends on what else runs in the process.

    Parameters
    ----------
    p : float, default=0.5
        Share of the values that is set to zero in training mode, in [0, 1). The other
        values are divided by ``1 - p`` [1]_.

    Attributes
    ----------
    generator : torch.Generator or None
        Generator that the mask is drawn from, on the device of the input. A classifier
        of this package sets it while it fits.

    References
    ----------
    .. [1] Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014). Dropout:
       a simple way to prevent neural networks from overfitting. JMLR 15.

    Examples
    --------
    >>> import torch
    >>> from sklearn_digits import Dropout
    >>> layer = Dropout(0.5)
    >>> layer.generator = torch.Generator().manual_seed(0)
    >>> sorted(set(layer(torch.ones(100)).tolist()))
    [0.0, 2.0]
    >>> layer.eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p must be in [0, 1), got {p!r}.")
        self.p = p
        self.generator = None

    def forward(self, x):
        """Set a share `p` of the values to zero, in training mode.

        Parameters
        ----------
        x : torch.Tensor of any shape, floating
            The values.

        Returns
        -------
        x : torch.Tensor of the same shape, dtype and device
            Zeros, and the other values divided by ``1 - p``. In evaluation mode, `x`
            itself.
        """
        if not self.training or self.p == 0:
            return x
        keep = 1 - self.p
        mask = torch.empty_like(x).bernoulli_(keep, generator=self.generator)
        return x * mask.div_(keep)

    def extra_repr(self):
        """Return the text between the parentheses of the layer's repr.

        Returns
        -------
        text : str
            The share of the values that is dropped, as ``p=0.5``.
        """
        return f"p={self.p}"


class BatchNorm2d(nn.Module):
    """Batch normalization whose means and variances count sample weights.

    A row of weight 2 counts as two rows: weighting rows and repeating them give the
    same result. A channel with a single value in the batch (one image of one pixel)
    has no variance and is normalized with the running statistics. The running variance
    is the mean of the batches' variances, as training divides by them; torch's is
    larger by a factor of ``n / (n - 1)``, for n values of a channel in a batch.

    Parameters
    ----------
    n_channels : int
        Number of channels of the images.
    momentum : float, default=0.1
        Weight of the batch in the running statistics.
    eps : float, default=1e-5
        Added to the variance.

    Attributes
    ----------
    sample_weight : torch.Tensor of shape (n,) or None
        Weights of the rows of the next batch. A classifier of this package sets it
        while it fits.

    References
    ----------
    .. [1] Ioffe, Szegedy (2015). Batch normalization: accelerating deep network
       training by reducing internal covariate shift. ICML.

    Examples
    --------
    >>> import torch
    >>> from sklearn_digits import BatchNorm2d
    >>> images = torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1, 1)
    >>> layer = BatchNorm2d(1)
    >>> layer.sample_weight = torch.tensor([1.0, 1.0, 2.0])
    >>> weighted = layer(images)
    >>> repeated = BatchNorm2d(1)(images[[0, 1, 2, 2]])
    >>> torch.allclose(weighted, repeated[:3], atol=1e-6)
    True
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, n_channels, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.bias = nn.Parameter(torch.zeros(n_channels))
        self.register_buffer("running_mean", torch.zeros(n_channels))
        self.register_buffer("running_var", torch.ones(n_channels))
        self.sample_weight: torch.Tensor | None = None

    def forward(self, x):
        """Normalize images.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, height, width)
            Images or feature maps.

        Returns
        -------
        y : torch.Tensor of the same shape
            The normalized images. In training each channel has mean 0 and variance 1
            before it is multiplied by `weight` and `bias` is added.
        """
        n_values = x.shape[0] * x.shape[2] * x.shape[3]
        learn = self.training and n_values > 1
        if learn and self.sample_weight is not None:
            return self._weighted(x, self.sample_weight)
        mean = self.running_mean
        var = torch.zeros_like(self.running_var) if learn else self.running_var
        y = functional.batch_norm(
            x, mean, var, self.weight, self.bias, learn, self.momentum, self.eps
        )
        if learn:  # torch's variance is divided by the number of values less one
            self.running_var.mul_(1 - self.momentum).add_(var, alpha=1 - 1 / n_values)
        return y

    def _weighted(self, x, weight):
        n_values = weight.sum() * (x.shape[2] * x.shape[3])
        share = (weight / n_values).to(x.dtype).view(-1, 1, 1, 1)
        mean = (x * share).sum(dim=(0, 2, 3), keepdim=True)
        var = ((x - mean).square() * share).sum(dim=(0, 2, 3), keepdim=True)
        with torch.no_grad():
            batch_mean, batch_var = mean.flatten(), var.flatten()
            self.running_mean.lerp_(batch_mean.to(self.bias.dtype), self.momentum)
            self.running_var.lerp_(batch_var.to(self.bias.dtype), self.momentum)
        scale = self.weight.view(1, -1, 1, 1) * torch.rsqrt(var + self.eps)
        return (x - mean) * scale + self.bias.view(1, -1, 1, 1)


def warn_of_global_draws(module):
    """Warn if layers of `module` draw from torch's global generator as they train."""
    layers = (each for each in module.modules() if isinstance(each, TORCH_DROPOUTS))
    names = sorted({type(each).__name__ for each in layers if each.p > 0})
    if names:
        listed = " and ".join(f"torch.nn.{name}" for name in names)
        warn_user(
            f"The module has layers of {listed}, which draw from torch's global "
            "generator: fits with the same random_state differ. "
            "sklearn_digits.Dropout draws from the generator of the fit."
        )
