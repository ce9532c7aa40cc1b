"""Running statistics of batch normalization that are right from the first step on.

In torch they start at mean 0 and variance 1 and move by a tenth a step. After a few
steps a network is evaluated with statistics that its layers never had.
"""

import torch


class RunningStatistics:
    """The running means and variances of a module's batch normalization.

    Layers are those of ``torch.nn`` and of this package. Layers without running
    statistics, and those with ``momentum=None`` (a cumulative average), stay as they
    are.

    Parameters
    ----------
    module : torch.nn.Module

    References
    ----------
    .. [1] Wu, Johnson (2021). Rethinking "batch" in BatchNorm. arXiv:2105.07576.
       Its section 3 compares moving averages with precise statistics.
    """

    def __init__(self, module):
        self.module = module
        self.layers = [
            (layer, layer.momentum)
            for layer in module.modules()
            if getattr(layer, "running_mean", None) is not None
            and getattr(layer, "momentum", None) is not None
        ]

    def follow(self, n_steps):
        """Weigh the next batch so that the statistics never hold their start.

        Until the momentum of a layer is reached, the statistics are the mean over all
        batches.

        Parameters
        ----------
        n_steps : int
            Training steps that the module has taken.
        """
        for layer, momentum in self.layers:
            layer.momentum = max(momentum, 1 / (n_steps + 1))

    def restore(self):
        """Give the layers their own momentum back."""
        for layer, momentum in self.layers:
            layer.momentum = momentum

    @torch.no_grad()
    def compute(self, batches):
        """Replace the statistics by those of the module's present weights.

        They are the mean over `batches`. All other layers run in evaluation mode.

        Parameters
        ----------
        batches : iterable of (torch.Tensor, torch.Tensor or None)
            Inputs of the module, and the sample weights of their rows.
        """
        self.module.eval()
        try:
            for layer, _ in self.layers:
                layer.train()
            for n_batches, (inputs, weight) in enumerate(batches):
                self.follow(n_batches)
                self._set_sample_weight(weight)
                self.module(inputs)
        finally:
            self.restore()
            self._set_sample_weight(None)
            self.module.eval()

    def _set_sample_weight(self, weight):
        for layer, _ in self.layers:
            if hasattr(layer, "sample_weight"):
                layer.sample_weight = weight
