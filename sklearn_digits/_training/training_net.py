"""The training loop: batches, steps, schedules and averaged weights, on skorch.

skorch provides the wiring of module, criterion and optimizer, the history and its
callbacks. Its stock epoch costs one Python call a row and several a batch; ours
slices whole arrays and reads the loss from the device once an epoch.
"""

import sys
import warnings
from contextlib import nullcontext

import torch
from skorch import NeuralNet

from sklearn_digits._training.averaging import AveragedWeights
from sklearn_digits._training.random_numbers import draw_seed
from sklearn_digits._training.running_statistics import RunningStatistics
from sklearn_digits._training.runtime import matrix_precision, weight_dtype
from sklearn_digits._training.schedule import CLOSED_SCHEDULES, ONE_CYCLE_WARMUP

# After this many steps the averaged running statistics fit the averaged weights. Until
# then they are computed, from this many rows. The first call takes fewer as well.
FEW_STEPS, STATISTICS_ROWS = 50, (64, 256)


class TrainingNet(NeuralNet):
    """A lean skorch net: trains a built module on :class:`Rows`.

    Parameters
    ----------
    module : torch.nn.Module
        Built, on its device, in the dtype of its weights.
    criterion : torch.nn.Module
        Takes logits, target and weight.
    prepare : callable
        Makes a batch of rows, as a tensor, the input of the module.
    distort : callable or None
        Takes a prepared batch and a generator, returns the batch changed at random.
    differentiate : callable or None
        Takes a prepared batch, target, weight and the L2 penalty, leaves the gradients
        in ``grad`` and returns loss and logits. None lets autograd do it.
    generator : torch.Generator
        Drives the order of the rows and, through the module's layers that have an
        attribute ``generator``, dropout.
    compute_dtype : {"float32", "bfloat16", "float64"}
        Precision of the matrix products.
    batch_size : int
    shuffle : bool
    lr : float
        Learning rate; the highest one under a schedule.
    schedule : str
        One of ``CLOSED_SCHEDULES``, run over the steps of a fit, or any other name,
        under which the learning rate stays as it is within an epoch.
    alpha : float
        L2 penalty on weights, ``alpha / 2 * ||W||² / sum(sample weights)`` a batch.
    weight_decay : float
        Decoupled weight decay on weights.
    ema_decay : float or None
        Decay of the averaged weights a step.
    **kwargs
        skorch's: `optimizer`, `optimizer__...`, `device`, `callbacks`.
    """

    def __init__(
        self,
        module,
        *,
        prepare,
        distort,
        differentiate,
        generator,
        compute_dtype,
        shuffle,
        schedule,
        alpha,
        weight_decay,
        ema_decay,
        **kwargs,
    ):
        self.prepare = prepare
        self.distort = distort
        self.differentiate = differentiate
        self.generator = generator
        self.compute_dtype = compute_dtype
        self.shuffle = shuffle
        self.schedule = schedule
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.ema_decay = ema_decay
        super().__init__(module, train_split=None, verbose=0, **kwargs)

    def initialize(self):
        """Build the optimizer, the averaged weights and the layers' generator."""
        super().initialize()
        self.average_ = None
        if self.ema_decay is not None:
            self.average_ = AveragedWeights(self.module_, self.ema_decay)
        self.n_steps_ = 0  # of the module's training, in all calls of partial_fit
        self.statistics_ = self.evaluated_statistics_ = RunningStatistics(self.module_)
        if self.average_ is not None:
            self.evaluated_statistics_ = RunningStatistics(self.average_.module)
        layers = list(self.module_.modules())
        self.random_layers_ = [part for part in layers if hasattr(part, "generator")]
        self.weighted_layers_ = [
            part for part in layers if hasattr(part, "sample_weight")
        ]
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Build the optimizer: penalties act on weights, not on biases and norms."""
        kwargs = self.get_params_for("optimizer")
        kwargs.setdefault("lr", self.lr)
        parameters = list(self.module_.parameters())
        self.penalised_ = [weight for weight in parameters if weight.ndim > 1]
        free = [bias for bias in parameters if bias.ndim <= 1]
        groups: list[dict] = [{"params": self.penalised_ + free}]
        if self.weight_decay:
            groups = [
                {"params": self.penalised_, "weight_decay": self.weight_decay},
                {"params": free, "weight_decay": 0.0},
            ]
        # torch's own optimizers load its compiler at the first use, which adds filters.
        first = "torch._dynamo" not in sys.modules
        with warnings.catch_warnings() if first else nullcontext():
            self.optimizer_ = self.optimizer(groups, **kwargs)
        return self

    @property
    def evaluated_module(self):
        """The module whose weights count: the averaged one where there is one."""
        return self.module_ if self.average_ is None else self.average_.module

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train on the rows `X`; see :meth:`fit_loop` for `fit_params`.

        Unlike skorch's, it lets a ``KeyboardInterrupt`` through.
        """
        self.stop_requested_ = False  # by a callback
        self.notify("on_train_begin", X=X, y=y)
        generator = self.generator
        if torch.device(self.device).type != "cpu" and self.random_layers_:
            generator = torch.Generator(self.device)
            generator.manual_seed(draw_seed(self.generator))
        try:
            for layer in self.random_layers_:
                layer.generator = generator
            self.fit_loop(X, y, **fit_params)
        finally:
            self.statistics_.restore()
            for layer in self.random_layers_:
                layer.generator = None
            for layer in self.weighted_layers_:
                layer.sample_weight = None
        self.notify("on_train_end", X=X, y=y)
        return self

    def fit_loop(self, X, y=None, epochs=None, *, monitor, **fit_params):
        """Run `epochs` epochs over the rows `X`, fewer if `monitor` says so."""
        self.steps_taken_ = 0
        self.total_steps_ = epochs * -(-len(X) // self.batch_size)
        monitor.begin_training(self, X)
        while not monitor.finished:
            monitor.begin_epoch()
            datasets = {"dataset_train": X, "dataset_valid": monitor.validation}
            self.notify("on_epoch_begin", **datasets)
            self.run_epoch(X, monitor.validation)
            self.notify("on_epoch_end", **datasets)
            monitor.end_epoch(self)
        return self

    def training_state(self):
        """Return what training goes on from between two epochs.

        Returns
        -------
        state : dict
            Of tensors, which later steps change, numbers, and containers of them.
        """
        average = self.average_
        return {
            "module": self.module_.state_dict(),
            "average": None if average is None else average.module.state_dict(),
            "n_averaged": 0 if average is None else average.n_steps,
            "optimizer": self.optimizer_.state_dict(),
            "generators": [each.get_state() for each in self._generators()],
            "steps_taken": self.steps_taken_,
            "n_steps": self.n_steps_,
        }

    def load_training_state(self, state):
        """Go on from a state that :meth:`training_state` of an equal net returned."""
        self.module_.load_state_dict(state["module"])
        self.optimizer_.load_state_dict(state["optimizer"])
        if self.average_ is not None:
            self.average_.module.load_state_dict(state["average"])
            self.average_.n_steps = state["n_averaged"]
        generators = zip(self._generators(), state["generators"], strict=True)
        for generator, generator_state in generators:
            generator.set_state(generator_state)
        self.steps_taken_ = state["steps_taken"]
        self.n_steps_ = state["n_steps"]

    def _generators(self):
        """Return the fit's generator, and that of layers on another device."""
        others = [layer.generator for layer in self.random_layers_[:1]]
        return [self.generator, *(g for g in others if g is not self.generator)]

    def run_epoch(self, train, validation):
        """Take one step a batch of the rows `train`; read the loss once, at the end."""
        self._set_training(True)
        generator = self.generator if self.shuffle else None
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for batch in train.batches(self.batch_size, self.device, generator):
            total += self.train_step(batch)["loss"] * len(batch[0])
        self.compute_statistics(train)
        self.history.record("train_loss", total.item() / len(train))

    def compute_statistics(self, train):
        """Fit the running statistics to the evaluated weights, while steps are few.

        A call of ``partial_fit`` after the first needs enough rows for that.
        """
        if not self.evaluated_statistics_.layers:
            return
        fewest, most = STATISTICS_ROWS
        few_rows = len(train) < fewest and self.n_steps_ > self.steps_taken_
        if self.n_steps_ > FEW_STEPS or few_rows:
            return
        n_batches = min(
            -(-most // self.batch_size),
            max(1, len(train) // self.batch_size),  # full ones
        )
        # In an order of its own: the fit's random numbers stay as they are.
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
        rows = train.at(train.index[order[: n_batches * self.batch_size]])
        self.evaluated_statistics_.compute(
            (self.prepare(X), weight)
            for X, (_, weight, _) in rows.batches(self.batch_size, self.device)
        )

    def train_step(self, batch, **fit_params):
        """Update the weights with one batch of :meth:`Rows.batches`."""
        step = self.train_step_single(batch)
        self.update_weights()
        return step

    def train_step_single(self, batch, **fit_params):
        """Compute loss and gradient of one batch of :meth:`Rows.batches`."""
        X, (target, weight, weight_sum) = batch
        self.statistics_.follow(self.n_steps_)
        for layer in self.weighted_layers_:
            layer.sample_weight = weight
        inputs = self.prepare(X)
        if self.distort is not None:
            inputs = self.distort(inputs, self.generator)
        if self.differentiate is not None:
            alpha = self.alpha / weight_sum
            loss, logits = self.differentiate(inputs, target, weight, alpha)
            return {"loss": loss, "y_pred": logits}
        self.optimizer_.zero_grad()
        with matrix_precision(self.compute_dtype, X.device):
            logits = self.module_(inputs)
        loss = self.criterion_(
            logits.to(weight_dtype(self.compute_dtype)), target, weight
        )
        loss.backward()
        loss = loss.detach()
        if self.alpha:
            loss = loss + self._penalise(self.alpha / weight_sum)
        return {"loss": loss, "y_pred": logits}

    def update_weights(self):
        """Take a step against the gradient."""
        self._follow_schedule()
        self.optimizer_.step()
        if self.average_ is not None:
            self.average_.update()
        self.steps_taken_ += 1
        self.n_steps_ += 1

    def _penalise(self, alpha):
        """Add the L2 penalty's gradient to ``grad``; return its loss."""
        moving = [weight for weight in self.penalised_ if weight.grad is not None]
        gradients = [weight.grad for weight in moving]
        torch._foreach_add_(gradients, [w.detach() for w in moving], alpha=alpha)
        flat = [weight.detach().flatten() for weight in self.penalised_]
        return sum(torch.dot(row, row) for row in flat) * (alpha / 2)

    @property
    def warming_up(self):
        """Whether the learning rate is on its way up the one cycle of the fit."""
        share = self.steps_taken_ / self.total_steps_
        return self.schedule == "onecycle" and share < ONE_CYCLE_WARMUP

    def set_learning_rate(self, learning_rate):
        """Go on with another learning rate."""
        for group in self.optimizer_.param_groups:
            group["lr"] = learning_rate

    def _follow_schedule(self):
        """Set learning rate and momentum of a closed schedule for this step."""
        if self.schedule not in CLOSED_SCHEDULES:
            return
        progress = self.steps_taken_ / max(1, self.total_steps_ - 1)
        factor, momentum = CLOSED_SCHEDULES[self.schedule](progress)
        for group in self.optimizer_.param_groups:
            group["lr"] = self.lr * factor
            if momentum is not None and "betas" in group:
                group["betas"] = (momentum, group["betas"][1])
            elif momentum is not None and group.get("momentum"):
                group["momentum"] = momentum
