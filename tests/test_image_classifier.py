import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from sklearn_digits import ConvNetClassifier, ImageClassifier
from sklearn_digits._images.views import smallest_shifts

QUICK = {"channels": (4, 8), "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    digits = load_digits()
    return digits.images[:400], digits.target[:400]


@pytest.fixture(scope="module")
def fitted(digits):
    return ConvNetClassifier(**{**QUICK, "max_iter": 25}).fit(*digits)


def test_a_network_of_ones_own_needs_only_a_module(digits):
    class OneLayer(ImageClassifier):
        def build_module(self, n_features, n_classes):
            height, width, n_channels = self.image_shape_
            return nn.Sequential(
                nn.Conv2d(n_channels, 12, 3),
                nn.ReLU(),
                nn.Flatten(),
                nn.Linear(12 * (height - 2) * (width - 2), n_classes),
            )

    model = OneLayer(max_iter=8, random_state=0).fit(*digits)
    assert model.score(*digits) > 0.9
    again = OneLayer(max_iter=8, random_state=0).fit(*digits)
    assert np.array_equal(
        model.predict_proba(digits[0]), again.predict_proba(digits[0])
    )
    with pytest.raises(AttributeError, match=r"Sequential.*no method embed\(images\)"):
        model.embed(digits[0])


@pytest.mark.parametrize("n_views", [2, 5, 9, 14])
def test_views_are_shifted_images(n_views, digits, fitted):
    images = np.random.default_rng(0).permutation(digits[0])[:20]
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4)), mode="edge")
    shifted = [
        padded[:, 4 - down :][:, :8, 4 - right :][..., :8]
        for down, right in smallest_shifts(n_views)
    ]
    expected = np.mean([fitted.predict_proba(view) for view in shifted], axis=0)
    fitted.set_params(n_views=n_views)
    try:
        found = fitted.predict_proba(images)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert np.array_equal(fitted.predict(images), found.argmax(axis=1))
        best = fitted.decision_function(images).argmax(axis=1)
        assert np.array_equal(best, found.argmax(axis=1))
    finally:
        fitted.set_params(n_views=1)
    assert not np.allclose(fitted.predict_proba(images), expected, atol=1e-6)


def test_views_are_no_part_of_training(digits, fitted):
    images, y = digits
    model = ConvNetClassifier(**{**QUICK, "max_iter": 25}, n_views=5).fit(images, y)
    assert model.loss_curve_ == fitted.loss_curve_
    plain = model.set_params(n_views=1).predict_proba(images)
    assert np.array_equal(plain, fitted.predict_proba(images))


def test_images_too_small_to_shift_are_seen_once():
    rng = np.random.default_rng(0)
    X, y = rng.random((30, 4, 20)), np.arange(30) % 2
    model = ConvNetClassifier(**QUICK).fit(X, y)
    plain = model.predict_proba(X)
    assert np.array_equal(model.set_params(n_views=9).predict_proba(X), plain)


def test_no_views_at_all_are_refused(digits):
    with pytest.raises(ValueError, match="n_views"):
        ConvNetClassifier(**QUICK, n_views=0).fit(*digits)


def test_an_embedding_is_what_the_head_sees(digits, fitted):
    images, _ = digits
    embedding = fitted.embed(images)
    assert embedding.shape == (400, 16)
    assert embedding.dtype == np.float32
    head = fitted.module_[1].head
    logits = embedding @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    np.testing.assert_allclose(logits, fitted.decision_function(images), atol=1e-4)
    assert np.array_equal(fitted.embed(images.reshape(400, -1)), embedding)


def test_neighbours_in_an_embedding_are_of_one_class(digits, fitted):
    images, y = digits
    neighbours = KNeighborsClassifier().fit(fitted.embed(images[:300]), y[:300])
    assert neighbours.score(fitted.embed(images[300:]), y[300:]) > 0.8


def test_embedding_checks_its_input(digits, fitted):
    with pytest.raises(ValueError, match="64 features"):
        fitted.embed(np.zeros((3, 63)))
    with pytest.raises(ValueError, match="not fitted"):
        ConvNetClassifier().embed(digits[0])


@pytest.mark.parametrize("solver", ["adamw", "sgd"])
def test_weights_decay_only_if_they_are_told_to(solver, digits):
    class Idle(ImageClassifier):
        """A network whose loss does not depend on its first layer."""

        def build_module(self, n_features, n_classes):
            first, second = nn.Linear(n_features, 5), nn.Linear(5, n_classes)
            nn.init.zeros_(second.weight).requires_grad_(False)
            return nn.Sequential(nn.Flatten(), first, second)

    def first_weights(**params):
        model = Idle(solver=solver, ema_decay=None, random_state=0, **params)
        return model.fit(*digits).module_[1][1].weight

    start = first_weights(weight_decay=0.0, max_iter=1)
    assert torch.equal(first_weights(weight_decay=0.0, max_iter=3), start)
    ratio = first_weights(weight_decay=0.1, max_iter=3) / start
    assert (ratio < 0.9999).all()
    torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio))
