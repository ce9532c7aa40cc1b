"""AutoSettings: what "auto" means, decided from the training images.

How many epochs, which solver, which random changes, how much label smoothing and mixup.
"""

from math import ceil
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from sklearn_digits._classifiers.torch_classifier import TorchClassifier
from sklearn_digits._images.augmentation import RandomAffine
from sklearn_digits._images.linear_probe import sample_size, shrink
from sklearn_digits._images.random_augmentation import RandomAugmentation
from sklearn_digits._images.standardize import Standardize
from sklearn_digits._images.survey import Survey, survey
from sklearn_digits._training.cost import estimate_bytes, estimate_seconds
from sklearn_digits._training.prediction import evaluate
from sklearn_digits._training.rows import take_rows
from sklearn_digits._training.runtime import threads_for
from sklearn_digits._warnings import warn_user

# "auto" numbers of epochs give a fit about this many steps, and at least so many
# epochs, fewer of many images: the first numbers for clear labels, the second for
# unclear ones.
AUTO_STEPS, FEWEST_EPOCHS, FEWEST_OF_MANY, MOST_EPOCHS = (300, 800), 16, (7, 15), 300
MANY_IMAGES = 10_000
# Labels are clear where a linear model explains this share of their variance. Clear
# labels are smoothed by so much; others less, and their images are mixed instead, up to
# a half of them, where a fit sees each more often than the first number of epochs.
CLEAR, MOST_SMOOTHING, MOST_MIXUP = 0.6, 0.05, 0.5
MIXUP_EPOCHS = 15, 30
# Images of a clearness below the first number, in fits of fewer epochs than the second,
# are shifted and flipped only: they are seen too seldom to be learned in every guise.
# Photographs are, digits of which 30 % have wrong labels are not: 0.35 and more.
UNCLEAR, MANY_EPOCHS = 0.25, 30
# Clear classes are confused where the linear model avoids few errors: not at all from
# the second share up, wholly from the first share down. How much that counts grows with
# the clearness, and with the number of images, between the numbers here.
CONFUSED, CLEAR_ENOUGH, TELLING = (0.82, 0.88), (0.5, 1), (200, 500)
# Labels of wholly confused classes are this much less sure. In short fits, the light of
# their images does not vary.
DOUBT_OF_CONFUSED = 0.7
# Images with a side below this are not augmented: a shift would lose what they show.
SMALLEST_AUGMENTED_SIDE = 5
# Images with a side below this have few pixels: light and noise vary less.
SMALL_SIDE = 16
# Images with sides from this on: Muon trains the kernels, and the first convolution of
# a ConvNet halves the image.
LARGE_SIDE = 20
# Fits that cost more than this raise a warning before their first step.
MOST_SECONDS, MOST_BYTES = 3600, 2e9
# A fit of few steps must come this far from always answering the most frequent class
# (0) to reading all images right (1). It is judged on about so many training images.
LEARNED, N_JUDGED = 0.8, 256


class AutoSettings(TorchClassifier):
    """A classifier of images that decides the parameters that are "auto".

    Subclasses have the parameters `solver`, `max_iter`, `augmentation`,
    `label_smoothing` and `mixup`.
    """

    def _learn_input(self, rows, seen_shape):
        super()._learn_input(rows, seen_shape)
        self._survey: dict[str, Any] | None = None

    def _n_epochs(self, rows, batch_size):
        if self.max_iter == "auto":
            return self._auto_epochs(rows, batch_size)
        return self.max_iter

    def _auto_epochs(self, rows, batch_size):
        """Return the epochs that "auto" stands for."""
        doubt = (1 - self._clearness(rows)) ** 2
        n_steps = np.interp(doubt, (0, 1), AUTO_STEPS)
        fewest = FEWEST_EPOCHS
        if len(rows) >= MANY_IMAGES:
            doubt = max(doubt, self._confusion(rows))
            fewest = round(np.interp(doubt, (0, 1), FEWEST_OF_MANY))
        n_epochs = ceil(n_steps / ceil(len(rows) / batch_size))
        return min(max(fewest, n_epochs), MOST_EPOCHS)

    def _decide_solver(self):
        """Return the name of the optimizer."""
        if self.solver != "auto":
            return self.solver
        return "muon" if min(self.image_shape_[:2]) >= LARGE_SIDE else "adamw"

    def _decide_augmentation(self, rows, n_epochs):
        """Return what changes images at random, flips and turns decided, or None."""
        augmentation = self.augmentation
        if augmentation == "auto":
            augmentation = self._auto_augmentation(rows, n_epochs)
        if isinstance(augmentation, RandomAffine):
            augmentation.check()
            undecided = augmentation.undecided()
            kept = self._surveyed(rows).symmetries if undecided else {}
            # A copy: parameters of the original may be set after the fit.
            augmentation = augmentation.decided(kept)
        return augmentation

    def _auto_augmentation(self, rows, n_epochs):
        """Return the changes that "auto" stands for."""
        if self._tiny:
            return None
        if n_epochs < MANY_EPOCHS and self._clearness(rows) < UNCLEAR:
            return RandomAffine(rotation=0, scale=0, shear=0, shift=0.08)
        if n_epochs < FEWEST_EPOCHS and self._confusion(rows) > 0.5:
            return RandomAffine()
        if min(self.image_shape_[:2]) < SMALL_SIDE:
            return RandomAugmentation(contrast=0.3, brightness=0.4, noise=0.4)
        return RandomAugmentation()

    def _decide_label_smoothing(self, rows):
        if self.label_smoothing != "auto":
            return self.label_smoothing
        return MOST_SMOOTHING * self._sureness(rows)

    def _decide_mixup(self, rows, n_epochs):
        if self.mixup != "auto":
            return self.mixup
        if self._tiny:
            return 0.0
        repeated = _ramp(n_epochs, MIXUP_EPOCHS)
        return MOST_MIXUP * repeated * (1 - self._sureness(rows))

    def _sureness(self, rows):
        """Return how far labels may be trusted, from 0 to 1."""
        return self._clearness(rows) - DOUBT_OF_CONFUSED * self._confusion(rows)

    def _confusion(self, rows):
        """Return how far clear classes are taken for each other, from 0 to 1.

        Garments are, digits are not. Of unclear ones it cannot be told: a linear model
        errs because labels are wrong, or images are hard.
        """
        if self._tiny:
            return 0.0
        found = self._surveyed(rows)
        told = _ramp(found.n_images, TELLING)
        clear = _ramp(self._clearness(rows), CLEAR_ENOUGH)
        return told * clear * (1 - _ramp(found.avoided, CONFUSED))

    def _clearness(self, rows):
        """Return how well a linear model learns the classes, from 0 to 1."""
        if self._tiny:
            return 1.0
        return min(1.0, self._surveyed(rows).explained / CLEAR)

    @property
    def _tiny(self):
        return min(self.image_shape_[:2]) < SMALLEST_AUGMENTED_SIDE

    def _surveyed(self, rows):
        """Return the survey of the rows of the first fit."""
        if self._survey is None:
            sample, images = self._sample(rows, sample_size(len(self.classes_)), shrink)
            with threads_for(0):
                found = survey(images, rows.target[sample.index])
            self._survey = vars(found)  # a stored estimator holds plain values
        return Survey(**self._survey)

    def _sample(self, rows, n_images, change):
        """Return at most `n_images` rows, and their images as `change` leaves them.

        The images are standardized before they are rounded to float32. They do not
        depend on the generator of the fit, whose numbers stay as they are.
        """
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
        sample = rows.subset(rows.index[order[:n_images]])
        standardize = Standardize(self.pixel_mean_, self.pixel_std_)
        changed = []
        with threads_for(0):
            for X, _ in sample.batches(self._chunk_size, torch.device("cpu")):
                images = X if X.is_floating_point() else X.float()
                changed.append(change(self._images(standardize(images)).float()))
        return sample, torch.cat(changed)

    def _warn_of_cost(self, settings, rows):
        """Warn if a fit of "auto" length takes more than an hour, or much memory."""
        if self.max_iter != "auto":
            return
        example = settings.prepare(torch.from_numpy(take_rows(rows.X, slice(1))))
        seconds = estimate_seconds(settings, len(rows))
        n_bytes = estimate_bytes(settings, example)
        costs = []
        if seconds > MOST_SECONDS:
            costs.append(f"{seconds / 3600:.1f} hours on this processor")
        if n_bytes > MOST_BYTES:
            costs.append(f"{n_bytes / 1e9:.1f} GB of memory")
        if costs:
            warn_user(
                f"This fit of {settings.n_epochs} epochs over {len(rows):,} images of "
                f"shape {self.image_shape_} will take about {' and '.join(costs)}. "
                "Set max_iter for fewer epochs, batch_size for fewer images in memory, "
                "or resize the images. If X holds rows, check image_shape."
            )

    def _check_convergence(self, settings, rows, record):
        super()._check_convergence(settings, rows, record)
        if self.max_iter == "auto" or self._multilabel or record.stopped:
            return
        n_epochs = self._auto_epochs(rows, settings.batch_size)
        if record.t >= n_epochs / 2 * len(rows):  # earlier fits count, too
            return
        sample = rows.subset(rows.index[:: ceil(len(rows) / N_JUDGED)])
        forward = (settings.prepare, settings.chunk_size, settings.device)
        accuracy, _ = evaluate(record.module, settings.criterion, sample, *forward)
        guess = rows.target[rows.index].bincount().max().item() / len(rows)
        if accuracy >= guess + LEARNED * (1 - guess):
            return
        n_batches = ceil(len(rows) / settings.batch_size)
        warn_user(
            f"The fit ended after {record.n_iter * n_batches} steps with an accuracy "
            f"of {accuracy:.2f} on its training images. max_iter={self.max_iter} "
            f'is few epochs: "auto" would be {n_epochs}, which are '
            f"{n_epochs * n_batches} steps.",
            ConvergenceWarning,
        )


def _ramp(value, ends):
    """Return how far a value has come between two ends, from 0 to 1."""
    return float(np.interp(value, ends, (0, 1)))
