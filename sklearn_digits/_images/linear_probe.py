"""A linear model of edges and colors that learns from images in tenths of a second."""

import torch
from torch import Tensor
from torch.nn import functional

# Images are averaged down to at most this side, and described by a grid of edges and a
# coarser one of colors.
SIDE, EDGE_GRID, COLOR_GRID = 16, 6, 4
N_FOLDS, RIDGE = 3, 0.1
# Features whose spread is a smaller share of their size than this are constant.
ROUNDING = 1e-5
# Images that suffice: this many, or this many of each class, the larger.
N_IMAGES, N_IMAGES_OF_A_CLASS, MOST_IMAGES = 1000, 10, 3000


def sample_size(n_classes: int) -> int:
    """Return how many images suffice for `n_classes` classes."""
    return min(max(N_IMAGES, N_IMAGES_OF_A_CLASS * n_classes), MOST_IMAGES)


def shrink(images: Tensor) -> Tensor:
    """Return images averaged down to 16 pixels a side at most.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width), floating
    """
    height, width = images.shape[2:]
    return functional.adaptive_avg_pool2d(images, (min(height, SIDE), min(width, SIDE)))


def describe(images: Tensor) -> Tensor:
    """Return features of images: edges in eight directions, and colors, on grids.

    Parameters
    ----------
    images : torch.Tensor of shape (n, n_channels, height, width), floating

    Returns
    -------
    features : torch.Tensor of shape (n, n_features)
    """
    gray = images.mean(dim=1, keepdim=True)
    padded = functional.pad(gray, (1, 1, 1, 1), mode="replicate")
    across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    slopes = torch.cat([across, down, across + down, across - down], dim=1)
    edges = torch.cat([slopes.clamp(min=0), (-slopes).clamp(min=0)], dim=1)
    height, width = images.shape[2:]
    grids = [
        functional.adaptive_avg_pool2d(maps, (min(side, height), min(side, width)))
        for maps, side in ((edges, EDGE_GRID), (images, COLOR_GRID))
    ]
    return torch.cat([grids[0].sqrt().flatten(1), grids[1].flatten(1)], dim=1)


def held_out_scores(variants: list[Tensor], labels: Tensor) -> list[Tensor]:
    """Return scores of the labels, by ridge regression on the other images.

    Parameters
    ----------
    variants : list of torch.Tensor of shape (n, n_channels, height, width)
        The images, and other versions of them that are scored by the same model.
    labels : torch.Tensor of shape (n, n_labels), floating
        An indicator matrix.

    Returns
    -------
    scores : list of torch.Tensor of shape (n, n_labels)
        Of each variant: predictions of the labels, less their means.
    """
    features = _on_one_scale([describe(images) for images in variants])
    fold = torch.arange(len(labels)) % N_FOLDS
    scores = [torch.zeros_like(labels) for _ in variants]
    for k in range(N_FOLDS):
        left_out, mean = fold == k, features[0][fold != k].mean(dim=0)
        y = labels[~left_out] - labels[~left_out].mean(dim=0)
        weights = _ridge(features[0][~left_out] - mean, y)
        for found, each in zip(scores, features, strict=True):
            found[left_out] = (each[left_out] - mean) @ weights
    return scores


def _on_one_scale(features: list[Tensor]) -> list[Tensor]:
    """Divide features by their standard deviation in the first variant.

    Those whose spread is only rounding are left out, such as white margins.
    """
    spread = features[0].std(dim=0)
    varied = spread > ROUNDING * features[0].abs().amax(dim=0)
    return [each[:, varied] / spread[varied] for each in features]


def _ridge(X: Tensor, y: Tensor) -> Tensor:
    """Return the weights of ridge regression, without intercept."""
    gram = X.T @ X
    penalty = RIDGE * gram.diagonal().mean() + torch.finfo(X.dtype).eps
    gram.diagonal().add_(penalty)
    return torch.linalg.solve(gram, X.T @ y)


def explained_share(scores: Tensor, labels: Tensor) -> float:
    """Return the share of the labels' variance that scores explain, R², 0 at least."""
    centered = labels - labels.mean(dim=0)
    left = (centered - scores).square().sum() / centered.square().sum()
    return max(0.0, 1 - float(left))


def avoided_errors(scores: Tensor, labels: Tensor) -> float:
    """Return the share of the errors of a constant answer that scores avoid.

    The answer is the most frequent class, or for each label what most images have.
    1 stands for a model without errors; 0 for one with as many as that answer, or more.
    """
    share = labels.mean(dim=0)
    found = scores + share
    if bool((labels.sum(dim=1) == 1).all()):
        wrong = labels.argmax(dim=1) != found.argmax(dim=1)
        errors, constant = float(wrong.float().mean()), 1 - float(share.max())
    else:
        errors = float(((found > 0.5) != (labels > 0.5)).float().mean())
        constant = float(torch.minimum(share, 1 - share).mean())
    return max(0.0, 1 - errors / constant)
