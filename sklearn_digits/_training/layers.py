"""Layers that take part in a fit's contract: one generator, and sample weights.

A training net looks for these attributes in every submodule, so that a module of
one's own may have such layers too: ``generator`` is set to the fit's generator
while it runs, ``sample_weight`` to the weights of the batch's rows, or None.
"""

import torch
from torch import nn
from torch.nn import functional


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own.

    ``torch.nn.Dropout`` knows only torch's global generator, which a fit must not
    touch: its results would depend on whatever else runs in the process.

    Parameters
    ----------
    p : float, default=0.5
        Share of the values set to zero in training mode, in [0, 1); the others are
        divided by ``1 - p`` [1]_.

    Attributes
    ----------
    generator : torch.Generator or None
        What the mask is drawn from, on the device of the input. A classifier of this
        package sets it for the duration of its fit.

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
            raise ValueError(f"p={p!r} is no share to drop; expected 0 <= p < 1.")
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
            The values that are left, divided by ``1 - p``, among zeros. In
            evaluation mode, the same tensor.
        """
        if not self.training or self.p == 0:
            return x
        keep = 1 - self.p
        mask = torch.empty_like(x).bernoulli_(keep, generator=self.generator)
        return x * mask.div_(keep)

    def extra_repr(self):
        """Return what stands between the parentheses of the layer's repr.

        Returns
        -------
        text : str
            The share of the values that is dropped, as ``p=0.5``.
        """
        return f"p={self.p}"


class BatchNorm2d(nn.Module):
    """Batch normalisation whose means and variances count sample weights.

    A row of weight 2 counts as two rows, so that weighting and repeating rows are
    the same. A channel with a single value in the batch (one image of one pixel) has
    no variance: it is normalised with the running statistics.

    Parameters
    ----------
    n_channels : int
        Of the images that come.
    momentum : float, default=0.1
        Weight of the batch in the running statistics.
    eps : float, default=1e-5
        Added to the variance.

    Attributes
    ----------
    sample_weight : torch.Tensor of shape (n,) or None
        Weights of the rows of the next batch. A classifier of this package sets it for
        the duration of its fit.

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
        """Normalise images.

        Parameters
        ----------
        x : torch.Tensor of shape (n, n_channels, height, width)
            Images, or maps of them.

        Returns
        -------
        y : torch.Tensor of the same shape
            In training, of mean 0 and variance 1 before `weight` and `bias`.
        """
        learn = self.training and x.shape[0] * x.shape[2] * x.shape[3] > 1
        if learn and self.sample_weight is not None:
            return self._weighted(x, self.sample_weight)
        return functional.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            learn,
            self.momentum,
            self.eps,
        )

    def _weighted(self, x, weight):
        n_values = weight.sum() * (x.shape[2] * x.shape[3])
        share = (weight / n_values).to(x.dtype).view(-1, 1, 1, 1)
        mean = (x * share).sum(dim=(0, 2, 3), keepdim=True)
        var = ((x - mean).square() * share).sum(dim=(0, 2, 3), keepdim=True)
        with torch.no_grad():
            # Unbiased, as torch's, unless the weights are too small to be counts.
            factor = torch.where(n_values > 2, n_values / (n_values - 1), 1.0)
            unbiased = var.flatten() * factor
            self.running_mean.lerp_(mean.flatten().to(self.bias.dtype), self.momentum)
            self.running_var.lerp_(unbiased.to(self.bias.dtype), self.momentum)
        scale = self.weight.view(1, -1, 1, 1) * torch.rsqrt(var + self.eps)
        return (x - mean) * scale + self.bias.view(1, -1, 1, 1)
