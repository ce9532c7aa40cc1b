"""Mistakes that once went unnoticed: each is now told at the user's line."""

import re
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    Dropout,
    ImageClassifier,
    MLPClassifier,
)
from sklearn_digits._classifiers import auto_settings
from sklearn_digits._images.channel_order import expected_roughness, roughness
from sklearn_digits._training import cost

DIGITS = load_digits()
X, Y = DIGITS.data, DIGITS.target
SHORT = ConvNetClassifier(channels=(4, 8), max_iter=1, random_state=0)
NEVER_SHORT = {"max_iter": 1, "augmentation": None, "random_state": 0}


def line_below(n_lines):
    return __file__, sys._getframe(1).f_lineno + n_lines


def photographs(n, side=12, n_channels=3, seed=0):
    """Return smooth color images whose class is the channel that is brightest."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (n, side // 4, side // 4, n_channels))
    y = np.arange(n) % n_channels
    coarse[np.arange(n), :, :, y] += 200
    ramp = np.linspace(0, 40, side)
    smooth = coarse.repeat(4, axis=1).repeat(4, axis=2) / 2
    return (smooth + ramp[:, None, None]).clip(0, 255).astype(np.uint8), y


def channel_first(images):
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


@pytest.mark.parametrize(
    ("rows", "hint"),
    [
        (np.c_[Y, X], "65 is one more than 8x8: is a label column left in?"),
        (X[:, X.std(axis=0) > 0], "Were columns left out"),
        (X.reshape(-1, 8, 8)[:, :, 1:7].reshape(-1, 48), "image_shape=(8, 6)"),
    ],
)
@pytest.mark.parametrize("estimator", [SHORT, ConvolutionFeatureTransformer()])
def test_rows_that_are_not_square_are_told(estimator, rows, hint):
    line = line_below(2)
    with pytest.warns(UserWarning, match=re.escape(hint)) as caught:
        estimator.fit(rows[:50], Y[:50])
    assert [str(one.message)[:4] for one in caught].count("Rows") == 1
    assert (caught[0].filename, caught[0].lineno) == line


def test_an_image_shape_keeps_rows_that_are_not_square_quiet():
    ConvolutionFeatureTransformer(image_shape=(8, 6)).fit(X[:50, :48])


@pytest.mark.parametrize("n_channels", [3, 4])
@pytest.mark.parametrize("n_images", [1, 5, 300])
def test_channel_first_rows_are_told_at_predict(n_channels, n_images):
    images, y = photographs(300, n_channels=n_channels)
    model = ConvNetClassifier(channels=(4,), max_iter=30, random_state=0)
    model.fit(images, y)
    model.predict(images[:n_images].reshape(n_images, -1))  # as fitted: no warning
    with pytest.warns(UserWarning, match="seem to hold channel-first images") as caught:
        model.predict(channel_first(images[:n_images]))
    advice = re.search(r"X\.reshape.*?transpose\(.*?\)", str(caught[0].message))[0]
    assert_array_equal(eval(advice, {"X": channel_first(images)}), images)


def test_channel_first_rows_are_told_at_fit():
    images, y = photographs(100)
    model = ConvNetClassifier(channels=(4,), image_shape=(12, 12, 3), **NEVER_SHORT)
    model.fit(images.reshape(100, -1), y)
    with pytest.warns(UserWarning, match="seem to hold channel-first images"):
        model.fit(channel_first(images), y)


@pytest.mark.parametrize("kind", ["noise", "gray", "flat", "stripes"])
def test_images_that_do_not_tell_the_order_of_channels_raise_no_warning(kind):
    rng = np.random.default_rng(0)
    images = {
        "noise": rng.integers(256, size=(40, 8, 8, 3)),
        "gray": X[:40].reshape(40, 8, 8, 1).repeat(3, axis=3),
        "flat": np.full((40, 8, 8, 3), 7),
        "stripes": rng.integers(256, size=(40, 8, 1, 3)).repeat(8, axis=2),
    }[kind].astype(np.uint8)
    model = ConvNetClassifier(channels=(4,), **NEVER_SHORT)
    model.fit(images, np.arange(40) % 2).predict(images.reshape(40, -1))


def test_roughness_is_the_same_read_either_way():
    images, _ = photographs(30)
    shape = images.shape[1:]
    as_is, swapped = expected_roughness(images.reshape(30, -1), shape)
    assert as_is < 1 < swapped
    assert roughness(channel_first(images), shape) == swapped


@pytest.mark.parametrize("container", [np.asarray, torch.as_tensor])
def test_the_advice_on_channel_first_images_works(container):
    images, y = photographs(20)
    first = container(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    with pytest.raises(ValueError, match="It looks channel-first") as raised:
        SHORT.fit(first, y)
    [advice] = re.findall(r"pass (X\..*\))\.", str(raised.value))
    assert_array_equal(eval(advice, {"X": first}), images)


def test_a_fit_of_a_few_steps_reads_more_than_half_of_its_images():
    model = ConvNetClassifier(max_iter=2, random_state=0).fit(X[:500], Y[:500])
    assert model.score(X[:500], Y[:500]) > 0.5


@pytest.mark.filterwarnings("always::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_that_ends_far_from_its_labels_says_how_many_steps_it_had():
    images = DIGITS.images[:300]
    auto = ConvNetClassifier(channels=(4,), random_state=0)
    n_epochs = auto.fit(images, Y[:300]).n_iter_
    line = line_below(2)
    with pytest.warns(ConvergenceWarning, match="ended after 6 steps") as caught:
        ConvNetClassifier(channels=(4,), max_iter=2).fit(images, Y[:300])
    assert f'"auto" would be {n_epochs}, which are {3 * n_epochs} steps' in str(
        caught[0].message
    )
    assert (caught[0].filename, caught[0].lineno) == line


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_fits_that_have_learned_or_had_their_time_are_quiet():
    images = DIGITS.images[:300]
    ConvNetClassifier(random_state=0, max_iter=15).fit(images, Y[:300])
    rng = np.random.default_rng(0)
    noise = rng.integers(10, size=300)  # cannot be learned
    ConvNetClassifier(channels=(4,), random_state=0).fit(images, noise)
    model = ConvNetClassifier(channels=(4,), random_state=0, max_iter=3)
    model.partial_fit(images, Y[:300], classes=range(10))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("scale", [1, 1 / 16])
@pytest.mark.parametrize("classifier", [MLPClassifier(max_iter=2), SHORT])
def test_a_validation_set_that_missed_the_scaler_is_told(classifier, scale, container):
    if container is csr_array and not isinstance(classifier, MLPClassifier):
        pytest.skip("networks of images take dense rows")
    steps = [("scale", StandardScaler(with_mean=container is np.asarray))]
    steps.append(("clf", classifier))
    train, val = container(X[:900] * scale), container(X[900:] * scale)
    line = line_below(2)
    with pytest.warns(UserWarning, match="on different scales") as caught:
        Pipeline(steps).fit(train, Y[:900], clf__X_val=val, clf__y_val=Y[900:])
    assert (caught[0].filename, caught[0].lineno) == line
    assert 'transform_input=["X_val"]' in str(caught[0].message)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_validation_set_on_the_scale_of_the_rows_is_quiet():
    MLPClassifier(max_iter=1).fit(X[:900], Y[:900], X_val=X[900:], y_val=Y[900:])
    MLPClassifier(max_iter=1).fit(X[:900], Y[:900], X_val=X[900:903], y_val=Y[900:903])


def test_a_fit_of_hours_is_told_before_its_first_step(monkeypatch):
    monkeypatch.setattr(cost, "SLOWEST", 0)
    monkeypatch.setattr(cost, "product_rate", lambda dtype: 1e2)
    seen = []

    def watch(images, generator):
        seen.append(len(caught))
        return images

    model = ConvNetClassifier(channels=(2,), augmentation=watch)
    monkeypatch.setattr(auto_settings, "AUTO_STEPS", (1, 1))
    monkeypatch.setattr(auto_settings, "FEWEST_EPOCHS", 1)
    line = line_below(2)
    with pytest.warns(UserWarning, match=r"hours on this processor\. Set") as caught:
        model.fit(X[:100], Y[:100])
    assert (caught[0].filename, caught[0].lineno) == line
    assert "image_shape" in str(caught[0].message)
    assert "resize" in str(caught[0].message)
    assert seen[0] == 1
    model.set_params(max_iter=1).fit(X[:100], Y[:100])  # was asked for: no warning


@pytest.mark.parametrize("compute_dtype", ["float32", "float64", "bfloat16"])
def test_the_rate_of_products_is_a_number_for_every_precision(compute_dtype):
    assert 0 < cost.product_rate(compute_dtype) < np.inf


def test_a_fit_that_needs_much_memory_is_told(monkeypatch):
    monkeypatch.setattr(auto_settings, "AUTO_STEPS", (1, 1))
    monkeypatch.setattr(auto_settings, "FEWEST_EPOCHS", 1)
    model = ConvNetClassifier(channels=(2,))
    model.fit(X[:64], Y[:64])
    monkeypatch.setattr(auto_settings, "MOST_BYTES", 1e4)
    with pytest.warns(UserWarning, match=r"about 0\.0 GB of memory\. Set max_iter"):
        model.fit(X[:64], Y[:64])


def test_a_default_fit_of_50000_color_images_is_not_warned_of():
    wide = {"channels": (32, 64, 128, 256), "max_iter": 1, "augmentation": None}
    images = np.zeros((4, 32, 32, 3), dtype=np.uint8)
    model = ConvNetClassifier(**wide, random_state=0).fit(images, [0, 1, 0, 1])
    n_epochs = auto_settings.FEWEST_OF_MANY[1]
    seconds = 3 * model._row_flops * 50_000 * n_epochs / (cost.EFFICIENCY * 1e11)
    assert seconds < auto_settings.MOST_SECONDS


@pytest.mark.parametrize(
    "estimator",
    [SHORT, MLPClassifier(max_iter=300, tol=1), ConvolutionFeatureTransformer()],
)
def test_a_single_image_is_told_how_to_become_one_of_many(estimator):
    estimator.fit(X[:200], Y[:200])
    use = estimator.transform if hasattr(estimator, "transform") else estimator.predict
    with pytest.raises(ValueError, match=r"for one image, pass X\[None\]"):
        use(DIGITS.images[0])


def test_a_single_color_image_is_told_how_to_become_one_of_many():
    images, y = photographs(20)
    model = ConvNetClassifier(channels=(4,), **NEVER_SHORT).fit(images, y)
    with pytest.raises(ValueError, match=r"for one image, pass X\[None\]"):
        model.predict(images[0])
    assert len(model.predict(images[0][None])) == 1


def test_one_hot_labels_are_told_what_to_use():
    one_hot = np.eye(10)[Y[:100]]
    cure = r"use y\.argmax\(axis=1\)"
    with pytest.raises(ValueError, match=cure):
        SHORT.fit(X[:100], one_hot)
    with pytest.raises(ValueError, match=cure):
        SHORT.fit(X[:100], Y[:100], X_val=X[:100], y_val=one_hot)
    with pytest.warns(UserWarning, match=cure):
        MLPClassifier(max_iter=300, tol=1).fit(X[:100], one_hot)


def test_labels_of_several_a_row_are_no_surprise():
    several = np.eye(10, dtype=int)[Y[:100]]
    several[0] = 1
    MLPClassifier(max_iter=300, tol=1).fit(X[:100], several)


def test_an_augmentation_by_name_is_told_the_class():
    with pytest.raises(ValueError, match=r"RandomAffine.* Got 'rotate' instead"):
        ConvNetClassifier(augmentation="rotate").fit(X, Y)


class OneLayer(ImageClassifier):
    layer: type = Dropout
    p: float = 0.5

    def build_module(self, n_features, n_classes):
        return nn.Sequential(
            nn.Flatten(), self.layer(self.p), nn.Linear(n_features, n_classes)
        )


@pytest.mark.parametrize("layer", [nn.Dropout, nn.AlphaDropout])
def test_layers_that_draw_from_the_global_generator_are_told(layer):
    model = OneLayer(layer=layer, **NEVER_SHORT)
    with pytest.warns(UserWarning, match=rf"torch\.nn\.{layer.__name__}, .*Dropout"):
        model.fit(X[:100], Y[:100])
    model.set_params(random_state=None).fit(X[:100], Y[:100])  # asks for no repeat
    model.set_params(random_state=0, p=0.0).fit(X[:100], Y[:100])  # draws nothing
    model.set_params(layer=Dropout, p=0.5).fit(X[:100], Y[:100])
