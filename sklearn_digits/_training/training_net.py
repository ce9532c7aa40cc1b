"""TrainingNet: one epoch, one step, on whole arrays, as a skorch net.

skorch wires module, criterion and optimizer, keeps the history and knows the
callbacks. Its own epoch makes a Python call for each row and several for each batch;
this one slices whole arrays, and reads the loss from the device once an epoch.
"""

from contextlib import contextmanager

import torch
from skorch import NeuralNet

from sklearn_digits._training.averaging import AveragedWeights
from sklearn_digits._training.mixup import mix_rows
from sklearn_digits._training.penalty import add_l2_penalty, penalized_weights
from sklearn_digits._training.random_numbers import draw_seed
from sklearn_digits._training.running_statistics import RunningStatistics
from sklearn_digits._training.runtime import matrix_precision, weight_dtype

# After this many steps the averaged running statistics of batch normalization fit the
# averaged weights. Until then they are computed, from at most this many rows. A later
# call of ``partial_fit`` needs at least as many as the smaller number.
FEW_STEPS, STATISTICS_ROWS = 50, (64, 256)


class TrainingNet(NeuralNet):
    """A lean skorch net: trains a built module on :class:`Rows`.

    Parameters
    ----------
    settings : FitSettings
    callbacks : list or "disable", default="disable"
        Callbacks of skorch.
    """

    def __init__(self, settings, callbacks="disable"):
        self.settings = settings
        super().__init__(
            settings.module,
            criterion=settings.criterion,
            lr=settings.schedule.learning_rate,
            batch_size=settings.batch_size,
            device=str(settings.device),
            callbacks=callbacks,
            train_split=None,
            verbose=0,
        )

    def initialize(self):
        """Build the optimizer and the averaged weights."""
        super().initialize()
        self.average_ = None
        if self.settings.ema_decay is not None:
            self.average_ = AveragedWeights(self.module_, self.settings.ema_decay)
        layers = list(self.module_.modules())
        self.random_layers_ = [part for part in layers if hasattr(part, "generator")]
        self.weighted_layers_ = [
            part for part in layers if hasattr(part, "sample_weight")
        ]
        self.statistics_ = self.evaluated_statistics_ = RunningStatistics(self.module_)
        if self.average_ is not None:
            self.evaluated_statistics_ = RunningStatistics(self.average_.module)
        self.generator_ = self.settings.generator  # of the layers
        if self.settings.device.type != "cpu" and self.random_layers_:
            self.generator_ = torch.Generator(self.settings.device)
            self.generator_.manual_seed(draw_seed(self.settings.generator))
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Build the optimizer: decay acts on weights, not on biases and norms."""
        parameters = list(self.module_.parameters())
        self.penalized_ = penalized_weights(parameters)
        groups: list[dict] = [{"params": parameters}]
        if self.settings.weight_decay:
            free = [bias for bias in parameters if bias.ndim <= 1]
            groups = [
                {"params": self.penalized_, "weight_decay": self.settings.weight_decay},
                {"params": free, "weight_decay": 0.0},
            ]
        self.optimizer_ = self.settings.optimizer(groups, lr=self.lr)
        return self

    @property
    def evaluated_module(self):
        """The module that predicts: the averaged one where there is one."""
        return self.module_ if self.average_ is None else self.average_.module

    @contextmanager
    def training(self, n_steps, steps_before=0):
        """Let the layers take part in training while the context lasts.

        Parameters
        ----------
        n_steps : int
            Steps of this fit, over which the schedule runs.
        steps_before : int, default=0
            Steps that the module has been trained for already.
        """
        self.steps_taken_, self.total_steps_ = 0, n_steps
        self.steps_before_ = steps_before
        self.stop_requested_ = False  # by a callback
        try:
            for layer in self.random_layers_:
                layer.generator = self.generator_
            yield
        finally:
            self.statistics_.restore()
            for layer in self.random_layers_:
                layer.generator = None
            for layer in self.weighted_layers_:
                layer.sample_weight = None

    def run_epoch(self, rows, validation):
        """Take one step a batch of `rows`; return the mean loss, read once at the end.

        Parameters
        ----------
        rows : Rows
        validation : Rows or None
            Not needed here; nets with callbacks show them their loss.
        """
        self._set_training(True)
        generator = self.settings.generator if self.settings.shuffle else None
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for batch in rows.batches(self.batch_size, self.device, generator):
            total += self.train_step(batch)["loss"] * len(batch[0])
        self.compute_statistics(rows)
        return total.item() / len(rows)

    def compute_statistics(self, rows):
        """Fit the running statistics to the weights that predict, while steps are few.

        The rows come in an order of their own, so that the random numbers of the fit
        stay as they are.
        """
        fewest, most = STATISTICS_ROWS
        few_rows = self.steps_before_ and len(rows) < fewest
        n_steps = self.steps_before_ + self.steps_taken_
        if not self.evaluated_statistics_.layers or few_rows or n_steps > FEW_STEPS:
            return
        full_batches = max(1, len(rows) // self.batch_size)
        n_rows = self.batch_size * min(-(-most // self.batch_size), full_batches)
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
        rows = rows.subset(rows.index[order[:n_rows]])
        self.evaluated_statistics_.compute(
            (self.settings.prepare(X), weight)
            for X, (_, weight, _) in rows.batches(self.batch_size, self.device)
        )

    def train_step(self, batch, **fit_params):
        """Update the weights with one batch of :meth:`Rows.batches`."""
        step = self.compute_gradients(batch)
        self.update_weights()
        return step

    def compute_gradients(self, batch):
        """Compute loss, logits and gradients of one batch of :meth:`Rows.batches`."""
        settings = self.settings
        X, (target, weight, weight_sum) = batch
        inputs = settings.prepare(X)
        if settings.augment is not None:
            inputs = settings.augment(inputs, settings.generator)
        if settings.mixup:
            inputs, target, weight = mix_rows(
                inputs,
                target,
                weight,
                settings.mixup,
                settings.n_classes,
                settings.generator,
            )
        for layer in self.weighted_layers_:
            layer.sample_weight = weight
        self.statistics_.follow(self.steps_before_ + self.steps_taken_)
        alpha = settings.alpha / weight_sum
        if settings.backward is not None:
            loss, logits = settings.backward(inputs, target, weight, alpha)
        else:
            self.optimizer_.zero_grad()
            with matrix_precision(settings.compute_dtype, X.device):
                logits = self.module_(inputs)
            logits = logits.to(weight_dtype(settings.compute_dtype))
            loss = self.criterion_(logits, target, weight)
            loss.backward()
            loss = loss.detach()
            if alpha:
                gradients = [each.grad for each in self.penalized_]
                weights = [each.detach() for each in self.penalized_]
                loss = loss + add_l2_penalty(weights, gradients, alpha)
        return {"loss": loss, "y_pred": logits}

    def update_weights(self):
        """Take a step against the gradient."""
        progress = self.steps_taken_ / max(1, self.total_steps_ - 1)
        rate, momentum = self.settings.schedule.at(progress)
        if rate is not None:
            self.set_learning_rate(rate, momentum)
        self.optimizer_.step()
        if self.average_ is not None:
            self.average_.update()
        self.steps_taken_ += 1

    @property
    def warming_up(self):
        """Whether the learning rate still rises."""
        return self.settings.schedule.warming_up(self.steps_taken_ / self.total_steps_)

    @property
    def learning_rate(self):
        """The learning rate of the next step."""
        return self.optimizer_.param_groups[0]["lr"]

    def set_learning_rate(self, rate, momentum=None):
        """Go on with another learning rate and, if there is any, another momentum."""
        for group in self.optimizer_.param_groups:
            group["lr"] = rate
            if momentum is not None and "betas" in group:
                group["betas"] = (momentum, group["betas"][1])
            elif momentum is not None and group.get("momentum"):
                group["momentum"] = momentum

    def state(self):
        """Return what training goes on from between two epochs.

        Returns
        -------
        state : dict
            Of tensors, which later steps change, numbers, and containers of them.
        """
        average = self.average_
        return {
            "weights": self.evaluated_module.state_dict(),
            "trained": None if average is None else self.module_.state_dict(),
            "n_averaged": 0 if average is None else average.n_steps,
            "solver": type(self.optimizer_).__name__,
            "optimizer": self.optimizer_.state_of(self.module_.parameters()),
            "learning_rate": [self.learning_rate, self.lr],
            "generators": [each.get_state() for each in self._generators()],
            "steps": [self.steps_before_, self.steps_taken_],
        }

    def load_state(self, state):
        """Go on from a state that :meth:`state` returned.

        Settings may have changed since. Another solver begins with an optimizer state
        of its own; another learning rate keeps what a schedule has made of the former.
        """
        if "weights" in state:
            self.evaluated_module.load_state_dict(state["weights"])
        if state["trained"] is not None:
            self.module_.load_state_dict(state["trained"])
            if self.average_ is not None:
                self.average_.n_steps = state["n_averaged"]
        if state["solver"] == type(self.optimizer_).__name__:
            self.optimizer_.load_state_of(self.module_.parameters(), state["optimizer"])
            rate, initial = state["learning_rate"]
            rate = rate if initial == self.lr else rate / initial * self.lr
            self.set_learning_rate(rate)
        for each, saved in zip(self._generators(), state["generators"], strict=False):
            each.set_state(saved)
        return self

    def _generators(self):
        """Return the generator of the fit, and that of layers on another device."""
        return list(
            {id(g): g for g in (self.settings.generator, self.generator_)}.values()
        )
