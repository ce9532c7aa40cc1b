import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._param_validation import InvalidParameterError
from torch import nn

from sklearn_digits import (
    ConvNetClassifier,
    ImageClassifier,
    RandomAffine,
    RandomAugmentation,
)
from sklearn_digits._images.symmetry import SYMMETRIES
from sklearn_digits._images.views import smallest_shifts

QUICK = {"channels": (4, 8), "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    digits = load_digits()
    return digits.images[:400], digits.target[:400]


@pytest.fixture(scope="module")
def blobs():
    """Blobs of two widths, which flips and turns leave as they are."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    distance = np.hypot(*np.mgrid[-4.5:5, -4.5:5])
    images = np.exp(-((distance / (1.5 + 2 * y[:, None, None])) ** 2))
    return images + rng.normal(0, 0.1, images.shape), y


@pytest.fixture(scope="module")
def fitted(digits):
    return ConvNetClassifier(**{**QUICK, "channels": (8, 8), "max_iter": 25}).fit(
        *digits
    )


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


def shifted(images, down, right):
    """Return 8×8 images moved by whole pixels, those at the border repeated."""
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4)), mode="edge")
    return padded[:, 4 - down :][:, :8, 4 - right :][..., :8]


@pytest.mark.parametrize("n_views", [2, 5, 9, 14])
def test_views_are_shifted_images(n_views, digits, fitted):
    images = np.random.default_rng(0).permutation(digits[0])[:20]
    views = [shifted(images, *shift) for shift in smallest_shifts(n_views)]
    expected = np.mean([fitted.predict_proba(view) for view in views], axis=0)
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


def test_each_second_view_is_flipped_where_training_flipped(digits, fitted):
    images, y = digits
    params = {**fitted.get_params(), "augmentation": RandomAffine(horizontal_flip=True)}
    model = ConvNetClassifier(**params).set_params(max_iter=2).fit(images, y)
    model.set_params(n_views=1)
    views = [images, images[..., ::-1], shifted(images, *smallest_shifts(2)[1])]
    alone = [model.predict_proba(view) for view in views]
    for n_views, n_averaged in ((1, 1), ("auto", 2), (2, 2), (3, 3)):
        found = model.set_params(n_views=n_views).predict_proba(images)
        expected = np.mean(alone[:n_averaged], axis=0)
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_flip_that_is_set_after_the_fit_changes_no_prediction(digits):
    decided = dict.fromkeys(SYMMETRIES, False)
    model = ConvNetClassifier(**QUICK, augmentation=RandomAffine(**decided))
    expected = model.fit(*digits).predict_proba(digits[0])
    model.set_params(augmentation__horizontal_flip=True)
    assert np.array_equal(model.predict_proba(digits[0]), expected)
    assert model.augmentation_.get_params() == RandomAffine(**decided).get_params()


def test_views_are_no_part_of_training(digits, fitted):
    images, y = digits
    model = ConvNetClassifier(**fitted.get_params()).set_params(n_views=5)
    model.fit(images, y)
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


@pytest.mark.parametrize("n_views", [0, -1, 1.5, "three", None])
def test_views_that_were_set_after_the_fit_are_checked(n_views, digits, fitted):
    told = f"'n_views' parameter of ConvNetClassifier must be .*Got {n_views!r} instead"
    model = copy.deepcopy(fitted).set_params(n_views=n_views)
    for method in (model.predict, model.predict_proba, model.decision_function):
        with pytest.raises(InvalidParameterError, match=told):
            method(digits[0])


@pytest.mark.parametrize(
    ("shape", "solver"),
    [((8, 8), "adamw"), ((19, 40), "adamw"), ((20, 20), "muon"), ((28, 28, 3), "muon")],
)
def test_the_auto_solver_depends_on_the_side(shape, solver):
    X, y = np.random.default_rng(0).random((6, *shape)), np.arange(6) % 2
    model = ConvNetClassifier((2,), max_iter=1).fit(X, y)
    assert model.solver_ == solver
    assert model.set_params(solver="sgd").fit(X, y).solver_ == "sgd"


@pytest.mark.parametrize("solver", ["muon", "adamw", "sgd"])
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


# Augmentation

BRIEF = {**QUICK, "max_iter": 1}


def flips(model):
    """Return which flips and turns a fit made."""
    return {name: getattr(model.augmentation_, name) for name in SYMMETRIES}


def test_the_default_flips_no_digit(digits, fitted):
    assert isinstance(fitted.augmentation_, RandomAugmentation)
    assert flips(fitted) == dict.fromkeys(SYMMETRIES, False)
    assert fitted.augmentation == "auto"


def test_the_default_flips_and_turns_what_has_no_direction(blobs):
    model = ConvNetClassifier(**BRIEF).fit(*blobs)
    assert flips(model) == dict.fromkeys(SYMMETRIES, True)
    flat = ConvNetClassifier(**BRIEF).fit(blobs[0].reshape(300, -1), blobs[1])
    assert flips(flat) == flips(model)


def test_none_and_callables_are_kept_as_they_are(digits):
    def same(images, generator):
        return images

    for augmentation in (None, same):
        model = ConvNetClassifier(**BRIEF, augmentation=augmentation).fit(*digits)
        assert model.augmentation_ is augmentation


def test_named_flips_overrule_the_images(digits, blobs):
    often = RandomAffine(**dict.fromkeys(SYMMETRIES, True))
    never = RandomAffine(**dict.fromkeys(SYMMETRIES, False))
    for augmentation, (X, y) in ((often, digits), (never, blobs)):
        model = ConvNetClassifier(**BRIEF, augmentation=augmentation).fit(X, y)
        assert model.augmentation_.get_params() == augmentation.get_params()
    one = RandomAffine(vertical_flip=False)
    model = ConvNetClassifier(**BRIEF, augmentation=one).fit(*blobs)
    assert flips(model) == {**dict.fromkeys(SYMMETRIES, True), "vertical_flip": False}
    assert one.undecided() == ["horizontal_flip", "quarter_turns"]


def test_a_decision_takes_no_number_of_the_fit(digits):
    before = torch.get_rng_state()
    auto = ConvNetClassifier(**BRIEF, augmentation=RandomAffine()).fit(*digits)
    assert torch.equal(torch.get_rng_state(), before)
    off = RandomAffine(**dict.fromkeys(SYMMETRIES, False))
    told = ConvNetClassifier(**BRIEF, augmentation=off).fit(*digits)
    assert flips(auto) == flips(told)
    assert np.array_equal(auto.predict_proba(digits[0]), told.predict_proba(digits[0]))


def test_flips_that_are_allowed_are_made(blobs):
    auto = ConvNetClassifier(**BRIEF, augmentation=RandomAffine()).fit(*blobs)
    on, off = (
        ConvNetClassifier(
            **BRIEF, augmentation=RandomAffine(**dict.fromkeys(SYMMETRIES, value))
        ).fit(*blobs)
        for value in (True, False)
    )
    assert auto.loss_curve_ == on.loss_curve_ != off.loss_curve_


def test_rows_of_weight_zero_decide_nothing(digits, blobs):
    images, y = blobs
    turned = np.concatenate([images, np.zeros((500, 10, 10))])
    turned[300:, 1:9, 1:9] = np.resize(digits[0], (500, 8, 8))
    labels = np.concatenate([y, np.resize(digits[1], 500) % 2])
    weight = np.repeat([1.0, 0.0], [300, 500])
    model = ConvNetClassifier(**BRIEF).fit(turned, labels, sample_weight=weight)
    assert flips(model) == dict.fromkeys(SYMMETRIES, True)


@pytest.mark.parametrize("shape", [(4, 20), (20, 4), (1, 1), (1, 64)])
def test_images_with_a_short_side_are_not_augmented(shape):
    rng = np.random.default_rng(0)
    X, y = rng.random((30, *shape)), np.arange(30) % 2
    assert ConvNetClassifier(**BRIEF).fit(X, y).augmentation_ is None
    told = ConvNetClassifier(**BRIEF, augmentation=RandomAugmentation()).fit(X, y)
    assert isinstance(told.augmentation_, RandomAugmentation)
    assert np.isfinite(told.predict_proba(X)).all()


def test_a_parameter_of_the_default_can_be_set(digits):
    model = ConvNetClassifier(**BRIEF)
    assert model.set_params(augmentation__rotation=5) is model
    assert isinstance(model.augmentation, RandomAugmentation)
    assert model.augmentation.rotation == 5
    model.set_params(augmentation__shift=0.2)
    assert (model.augmentation.rotation, model.augmentation.shift) == (5, 0.2)
    model.fit(*digits)
    assert model.augmentation_.rotation == 5
    assert flips(model) == dict.fromkeys(SYMMETRIES, False)
    told = ConvNetClassifier(
        **BRIEF, augmentation=RandomAugmentation(rotation=5, shift=0.2)
    ).fit(*digits)
    assert told.loss_curve_ == model.loss_curve_


def test_a_parameter_is_set_together_with_its_augmentation():
    model = ConvNetClassifier()
    model.set_params(augmentation=RandomAffine(shear=0.3), augmentation__rotation=5)
    assert repr(model.augmentation) == "RandomAffine(rotation=5, shear=0.3)"
    model.set_params(augmentation__rotation=6, augmentation="auto")
    assert repr(model.augmentation) == "RandomAugmentation(rotation=6)"
    model.set_params(augmentation="auto", max_iter=2)
    assert (model.augmentation, model.max_iter) == ("auto", 2)


def test_a_parameter_that_no_augmentation_has_is_refused(digits):
    model = ConvNetClassifier()
    with pytest.raises(ValueError, match="Invalid parameter 'spin'"):
        model.set_params(augmentation__spin=5)
    with pytest.raises(InvalidParameterError, match="'rotation'"):
        ConvNetClassifier(**BRIEF).set_params(augmentation__rotation=-1).fit(*digits)
    with pytest.raises(InvalidParameterError, match="'horizontal_flip'"):
        ConvNetClassifier(**BRIEF).set_params(
            augmentation__horizontal_flip="often"
        ).fit(*digits)


def test_a_parameter_of_the_default_can_be_set_in_pipelines_and_searches(digits):
    pipeline = make_pipeline(FunctionTransformer(), ConvNetClassifier(**BRIEF))
    copy = clone(pipeline).set_params(convnetclassifier__augmentation__rotation=5)
    assert copy[-1].augmentation.rotation == 5
    assert pipeline[-1].augmentation == "auto"
    grid = {"convnetclassifier__augmentation__rotation": [0, 5]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(*digits)
    found = search.best_params_["convnetclassifier__augmentation__rotation"]
    assert search.best_estimator_[-1].augmentation_.rotation == found
    assert pipeline[-1].augmentation == "auto"


@pytest.mark.parametrize("digits_first", [True, False])
def test_partial_fit_decides_once(digits_first, digits, blobs):
    framed = np.pad(digits[0] / 16, ((0, 0), (1, 1), (1, 1))), digits[1] % 2
    first, later = (framed, blobs) if digits_first else (blobs, framed)
    model = ConvNetClassifier(**BRIEF).partial_fit(*first, classes=[0, 1])
    decision = dict.fromkeys(SYMMETRIES, not digits_first)
    assert flips(model) == decision
    assert flips(model.partial_fit(*later)) == decision
    assert flips(pickle.loads(pickle.dumps(model)).partial_fit(*later)) == decision
    assert flips(model.fit(*later)) == dict.fromkeys(SYMMETRIES, digits_first)


def test_an_augmentation_that_is_set_between_batches_gets_the_first_decision(
    digits, blobs
):
    model = ConvNetClassifier(**BRIEF).partial_fit(*blobs, classes=[0, 1])
    model.set_params(augmentation__rotation=20).partial_fit(*blobs)
    assert model.augmentation_.rotation == 20
    assert flips(model) == dict.fromkeys(SYMMETRIES, True)
    model.set_params(augmentation__quarter_turns=False).partial_fit(*blobs)
    assert not model.augmentation_.quarter_turns
    late = ConvNetClassifier(**BRIEF, augmentation=None)
    late.partial_fit(*blobs, classes=[0, 1])
    late.set_params(augmentation="auto").partial_fit(*blobs)
    assert flips(late) == dict.fromkeys(SYMMETRIES, True)


def test_copies_keep_the_decision_and_clones_make_their_own(digits, blobs):
    model = ConvNetClassifier(**BRIEF).fit(*blobs)
    again = pickle.loads(pickle.dumps(model))
    assert again.augmentation_.get_params() == model.augmentation_.get_params()
    assert np.array_equal(again.predict_proba(blobs[0]), model.predict_proba(blobs[0]))
    copy = clone(model)
    assert copy.augmentation == "auto"
    assert not hasattr(copy, "augmentation_")
    assert flips(copy.fit(*digits)) == dict.fromkeys(SYMMETRIES, False)


def test_a_failed_fit_leaves_the_decision_of_the_last_one(digits, blobs):
    model = ConvNetClassifier(**BRIEF).fit(*blobs)
    model.set_params(augmentation=lambda images, generator: images[:1])
    with pytest.raises(ValueError, match="must return a tensor"):
        model.fit(*digits)
    assert flips(model) == dict.fromkeys(SYMMETRIES, True)


def test_layers_may_learn_their_size_from_the_first_images():
    class Lazy(ImageClassifier):
        def build_module(self, n_features, n_classes):
            layers = nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10)
            return nn.Sequential(*layers)

    images, labels = load_digits(return_X_y=True)
    model = Lazy(max_iter=8, random_state=0).fit(images, labels)
    assert model.score(images, labels) > 0.9
    again = copy.deepcopy(model)
    assert np.array_equal(again.predict_proba(images), model.predict_proba(images))
