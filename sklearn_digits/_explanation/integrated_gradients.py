"""Integrated gradients: what each pixel adds to a logit, on the way from a blank image.

The gradients of the logit at images between a blank one and the image itself are
averaged, and multiplied by the difference of the two [1]_. The products sum to the
difference of the logits.

References
----------
.. [1] Sundararajan, Taly, Yan (2017). Axiomatic attribution for deep networks. ICML.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sklearn_digits._images.progress import show_progress
from sklearn_digits._training.runtime import default_modes


def logit_gradients(
    classifier: Any, two_classes: bool
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a function that differentiates the logits of a fitted network.

    Parameters
    ----------
    classifier : classifier
        Its `module_` takes images (n, n_channels, height, width) if it has
        `image_shape_`, else rows of pixels.
    two_classes : bool
        Whether to differentiate the logit of a class less that of the other one of two.

    Returns
    -------
    gradients : callable
        Takes images of shape (n, height, width, n_channels) and the position of a class
        for each; returns an array of the shape of the images, float64.

    Raises
    ------
    ValueError
        If `classifier` has no `module_`.
    """
    if not hasattr(classifier, "module_"):
        raise ValueError(
            "method='integrated_gradients' needs a network, an estimator with module_; "
            f"got estimator={classifier}. Pass the network itself: the best_estimator_ "
            "of a search, or the last step of a pipeline with X as the steps before it "
            "leave it. method='occlusion' works for every classifier."
        )
    module = classifier.module_.eval()
    weight = next(module.parameters())
    takes_images = hasattr(classifier, "image_shape_")

    @default_modes()
    def gradients(images: np.ndarray, columns: np.ndarray) -> np.ndarray:
        points = torch.from_numpy(images).to(weight.dtype).to(weight.device)
        points.requires_grad_()
        logits = module(
            points.permute(0, 3, 1, 2) if takes_images else points.flatten(1)
        )
        rows = torch.arange(len(logits))
        explained = logits[rows, columns]
        if two_classes:
            explained = explained - logits[rows, 1 - columns]
        [gradient] = torch.autograd.grad(explained.sum(), points)
        return gradient.double().cpu().numpy()

    return gradients


def integrate_gradients(
    images: np.ndarray,
    colors: np.ndarray,
    columns: np.ndarray,
    gradients: Callable[[np.ndarray, np.ndarray], np.ndarray],
    n_steps: int,
    batch_size: int,
    verbose: bool,
) -> np.ndarray:
    """Return what each pixel adds to a logit.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, n_channels)
    colors : ndarray of shape (n, n_channels)
        The color of the blank image in which the way to each image begins.
    columns : ndarray of shape (n,) of int
        The position of the class of each image.
    gradients : callable
        From :func:`logit_gradients`.
    n_steps : int
        Points on the way, at the middle of equal steps.
    batch_size : int
        Images that are differentiated at once.
    verbose : bool
        Whether to show a progress bar.

    Returns
    -------
    maps : ndarray of shape (n, height, width), dtype float64
        Sums over the channels.
    """
    blank = colors[:, np.newaxis, np.newaxis].astype(np.float64)
    way = images - blank
    sums = np.zeros(images.shape)
    starts = range(0, len(images) * n_steps, batch_size)
    for start in show_progress(starts, "batches of steps", verbose):
        pairs = np.arange(start, min(start + batch_size, len(images) * n_steps))
        origins, steps = np.divmod(pairs, n_steps)
        shares = ((steps + 0.5) / n_steps).reshape(-1, 1, 1, 1)
        points = blank[origins] + shares * way[origins]
        np.add.at(sums, origins, gradients(points, columns[origins]))
    return (way * sums / n_steps).sum(axis=3)
