"""Mixup: some images of a batch, and their labels, are blended with others of it."""

import torch
from torch.nn import functional


def mix_rows(inputs, target, weight, share, n_classes, generator):
    """Blend a share of the rows of a batch with other rows of it.

    A blended row is up to one half another row. A network that is trained on blends
    memorizes wrong labels later [1]_.

    Parameters
    ----------
    inputs : torch.Tensor of shape (n, ...)
        Prepared rows.
    target : torch.Tensor of shape (n,) of int64, or (n, n_labels)
    weight : torch.Tensor of shape (n,) or None
        Sample weights: a blend counts the labels of both rows by their weights.
    share : float
        Probability that a row is blended.
    n_classes : int
        Columns of the logits.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    inputs : torch.Tensor of the same shape
    target : torch.Tensor of shape (n, n_classes), floating
        Probabilities of the labels.
    weight : torch.Tensor of shape (n,) or None

    References
    ----------
    .. [1] Zhang, Cisse, Dauphin, Lopez-Paz (2018). mixup: beyond empirical risk
       minimization. ICLR.
    """
    n = len(inputs)
    partner = torch.randperm(n, generator=generator)
    chance, part = torch.rand(2, n, generator=generator, dtype=inputs.dtype)
    part = torch.where(chance < share, part / 2, 0.0).to(inputs.device)
    partner = partner.to(inputs.device)
    inputs = torch.lerp(
        inputs, inputs[partner], part.view(-1, *[1] * (inputs.ndim - 1))
    )
    if target.ndim == 1:
        target = functional.one_hot(target, n_classes)
    target = target.to(part.dtype)
    own, other = 1 - part, part
    if weight is not None:
        own, other = own * weight, other * weight[partner]
        weight = own + other
        own, other = own / weight, other / weight
    target = own[:, None] * target + other[:, None] * target[partner]
    return inputs, target, weight
