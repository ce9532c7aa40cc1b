"""The loss of a classifier: the negative log-likelihood, with smoothed labels."""

import torch
from torch.nn import functional

# Smoothed labels make a network too modest. Training on logits divided by one plus this
# times the smoothing leaves the logits themselves that much sharper: on held-out folds
# of the 8x8 digits, log-loss and calibration error are then those without smoothing.
SHARPENING = 15


class LogLoss(torch.nn.Module):
    """Weighted mean of the negative log-likelihood, ``sum(w * l) / sum(w)``.

    Parameters
    ----------
    multilabel : bool
        Whether each column of the logits is a yes-no question of its own (their
        losses add up) or a class among exclusive ones.
    label_smoothing : float
        Share of the target that is spread evenly over exclusive classes while the
        module trains [1]_; the logits are sharpened to make up for it.
    class_weight : ndarray of shape (n_classes,) or None
        Weights of exclusive classes, all positive. While the module trains, its
        probabilities divided by the weights are to fit the labels [2]_. With all rows
        weighted instead, a network learns a few rows of a rare class by heart.

    References
    ----------
    .. [1] Szegedy, Vanhoucke, Ioffe, Shlens, Wojna (2016). Rethinking the Inception
       architecture for computer vision. CVPR.
    .. [2] Menon, Jayasumana, Rawat, Jain, Veit, Kumar (2021). Long-tail learning via
       logit adjustment. ICLR.
    """

    def __init__(self, multilabel=False, label_smoothing=0.0, class_weight=None):
        super().__init__()
        offset = None
        if class_weight is not None:
            offset = -torch.from_numpy(class_weight).log()
        self.register_buffer("offset", offset, persistent=False)
        self.multilabel = multilabel
        self.label_smoothing = label_smoothing

    def forward(self, logits, target, weight=None):
        """Return the loss of `logits` (n, n_classes), a tensor of no dimension."""
        smoothing = self.label_smoothing if self.training else 0.0
        logits = logits / (1 + SHARPENING * smoothing)
        if self.training and self.offset is not None:
            logits = logits + self.offset.to(logits.dtype)
        if self.multilabel:
            loss = functional.binary_cross_entropy_with_logits(
                logits, target.to(logits.dtype), reduction="none"
            ).sum(dim=1)
        elif weight is None:
            return functional.cross_entropy(logits, target, label_smoothing=smoothing)
        else:
            loss = functional.cross_entropy(
                logits, target, reduction="none", label_smoothing=smoothing
            )
        if weight is None:
            return loss.mean()
        return torch.dot(loss, weight) / weight.sum()
