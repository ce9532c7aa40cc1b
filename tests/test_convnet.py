import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score

from sklearn_digits import ConvNetClassifier, RandomAffine
from sklearn_digits._classifiers.convnet import ConvNet
from sklearn_digits._images.survey import Survey
from sklearn_digits._training.schedule import ONE_CYCLE_WARMUP

QUICK = {"channels": (4, 8), "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    digits = load_digits()
    return digits.images[:400], digits.target[:400]


@pytest.mark.parametrize(
    ("scale", "offset", "compute_dtype"),
    [
        (1 / 16, 0, "float32"),
        (255 / 16, 0, "float32"),
        (255 / 16, 100, "float32"),
        # In float32, pixels from 100 to 101 have four decimals. Augmented pixels are
        # rounded to them, and training amplifies that.
        (1 / 16, 100, "float64"),
        (1, 1e9, "float64"),
    ],
)
def test_scale_and_offset_of_the_pixels_do_not_matter(
    scale, offset, compute_dtype, digits
):
    images, y = digits
    params = {**QUICK, "compute_dtype": compute_dtype}
    model = ConvNetClassifier(**params).fit(images, y)
    other = ConvNetClassifier(**params).fit(images * scale + offset, y)
    np.testing.assert_allclose(
        model.predict_proba(images),
        other.predict_proba(images * scale + offset),
        atol=2e-3,
    )


def test_image_shaped_and_flattened_input_are_the_same(digits):
    images, y = digits
    rows = images.reshape(len(images), -1)
    one = ConvNetClassifier(**QUICK).fit(images, y)
    two = ConvNetClassifier(**QUICK).fit(rows, y)
    assert np.array_equal(one.predict_proba(rows), two.predict_proba(images))
    assert np.array_equal(one.predict(images[..., None]), two.predict(rows))
    assert one.image_shape_ == two.image_shape_ == (8, 8, 1)


@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_every_channel_of_a_color_image_counts(n_channels):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 50, (120, 6, 9, n_channels), dtype=np.uint8)
    y = np.arange(120) % n_channels
    X[np.arange(120), :, :, y] += 150
    model = ConvNetClassifier(**{**QUICK, "max_iter": 50}).fit(X, y)
    assert model.score(X, y) == 1
    assert model.image_shape_ == (6, 9, n_channels)
    flat = ConvNetClassifier(**QUICK, image_shape=(6, 9, n_channels))
    assert flat.fit(X.reshape(120, -1), y).image_shape_ == (6, 9, n_channels)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2), (3, 7), (17, 4), (40, 40)])
def test_images_of_any_size_train(shape):
    rng = np.random.default_rng(0)
    X, y = rng.random((9, *shape)), np.arange(9) % 3
    model = ConvNetClassifier(**QUICK, batch_size=4).fit(X, y)  # a last batch of one
    assert np.isfinite(model.predict_proba(X[:1])).all()
    assert np.isfinite(
        ConvNetClassifier(**QUICK).fit(X[:1], y[:1]).predict_proba(X)
    ).all()


def test_weighting_rows_is_repeating_them(digits):
    images, y = digits[0][:60], digits[1][:60]
    weight = np.random.default_rng(0).integers(0, 4, 60)
    params = {**QUICK, "augmentation": None, "batch_size": 500}
    for compute_dtype, tolerance in [("float64", 1e-9), ("float32", 1e-5)]:
        model = ConvNetClassifier(**params, compute_dtype=compute_dtype)
        with pytest.warns(UserWarning, match="clipped"):
            weighted = model.fit(images, y, sample_weight=weight).predict_proba(images)
        with pytest.warns(UserWarning, match="clipped"):
            repeated = model.fit(images.repeat(weight, axis=0), y.repeat(weight))
        np.testing.assert_allclose(
            weighted, repeated.predict_proba(images), atol=tolerance
        )


def test_pixels_on_another_scale_than_at_fit_warn(digits):
    images, y = digits
    model = ConvNetClassifier(**QUICK).fit(images, y)
    with pytest.warns(UserWarning, match=r"largest pixel of X is 1, .* was 16"):
        model.predict(images / 16)
    with pytest.warns(UserWarning, match="learns the scale"):
        model.predict(images * 16)
    model.predict(images[:1])
    model.predict(images * 0)


@pytest.mark.parametrize(
    ("X", "params", "told"),
    [
        (np.zeros((4, 3, 32, 32)), {}, r"channel-first.*transpose\(0, 2, 3, 1\)"),
        (np.zeros((4, 64)), {"image_shape": (8, 9)}, "needs 72 features; X has 64"),
        (np.zeros((4, 8, 8)), {"image_shape": (4, 16)}, r"\(8, 8, 1\).*\(4, 16, 1\)"),
        (np.zeros((4, 3072)), {}, r"32x32 color images.*image_shape=\(32, 32, 3\)"),
        (np.zeros((4, 8, 8)), {"image_shape": (8,)}, "is not an image shape"),
        (np.zeros((4, 8, 8)), {"channels": ()}, "at least one positive integer"),
        (np.zeros((4, 8, 8)), {"channels": (8, 0)}, "at least one positive integer"),
        (np.zeros((4, 8, 8)), {"kernel_size": 4}, "kernel_size=4 .*odd.* 3 or 5"),
        (np.zeros((4, 8, 8)), {"augmentation": "flip"}, "augmentation"),
        (np.zeros((4, 8, 8)), {"device": "toaster"}, "device='toaster'"),
    ],
)
def test_bad_input_is_named(X, params, told):
    model = ConvNetClassifier(**params)
    with pytest.raises(ValueError, match=told):
        model.fit(X, [0, 1, 0, 1])
    assert not hasattr(model, "image_shape_")


def test_images_of_another_shape_at_predict_are_named(digits):
    model = ConvNetClassifier(**QUICK).fit(*digits)
    with pytest.raises(ValueError, match=r"\(4, 16, 1\).*fitted with .*\(8, 8, 1\)"):
        model.predict(np.ones((5, 4, 16)))


def test_multilabel_targets_are_refused_in_words(digits):
    with pytest.raises(ValueError, match="takes one label a row"):
        ConvNetClassifier(**QUICK).fit(digits[0], np.eye(400, 3, dtype=int))


def test_augmentation_of_another_shape_is_named(digits):
    model = ConvNetClassifier(
        **QUICK, augmentation=lambda images, generator: images[:, :, 1:]
    )
    with pytest.raises(ValueError, match=r"must return a tensor of the shape"):
        model.fit(*digits)


def test_a_callable_augmentation_sees_the_pixels_as_they_are(digits):
    images, y = digits
    seen = []

    def watch(batch, generator):
        seen.append((batch.shape[1:], batch.min().item(), batch.max().item()))
        return batch

    same = ConvNetClassifier(**QUICK, augmentation=watch).fit(images, y)
    assert set(seen) == {((1, 8, 8), 0.0, 16.0)}
    plain = ConvNetClassifier(**QUICK, augmentation=None).fit(images, y)
    assert np.array_equal(plain.predict_proba(images), same.predict_proba(images))


def test_augmentation_parameters_can_be_searched(digits):
    model = ConvNetClassifier(**QUICK, augmentation=RandomAffine())
    model.set_params(augmentation__rotation=0, augmentation__shift=0)
    still = model.set_params(augmentation__scale=0, augmentation__shear=0).fit(*digits)
    plain = ConvNetClassifier(**QUICK, augmentation=None).fit(*digits)
    np.testing.assert_allclose(still.loss_curve_[0], plain.loss_curve_[0], rtol=0.2)
    with pytest.raises(ValueError, match="rotation"):
        model.set_params(augmentation__rotation=-1).fit(*digits)


def test_images_too_small_to_augment_are_left_alone():
    rng = np.random.default_rng(0)
    X, y = rng.random((30, 4, 20)), np.arange(30) % 2
    one = ConvNetClassifier(**QUICK).fit(X, y)
    two = ConvNetClassifier(**QUICK, augmentation=None).fit(X, y)
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))


def test_averaged_weights_are_not_the_last_ones(digits):
    one = ConvNetClassifier(**QUICK).fit(*digits)
    two = ConvNetClassifier(**QUICK, ema_decay=None).fit(*digits)
    assert one.loss_curve_ == two.loss_curve_
    assert not np.allclose(one.predict_proba(digits[0]), two.predict_proba(digits[0]))


def test_a_decay_of_zero_averages_nothing(digits):
    one = ConvNetClassifier(**QUICK, ema_decay=0.0).fit(*digits)
    two = ConvNetClassifier(**QUICK, ema_decay=None).fit(*digits)
    assert np.array_equal(one.predict_proba(digits[0]), two.predict_proba(digits[0]))


@pytest.mark.parametrize("solver", ["muon", "adamw", "adam", "sgd"])
@pytest.mark.parametrize(
    "learning_rate", ["onecycle", "cosine", "constant", "adaptive"]
)
def test_every_solver_and_schedule_lowers_the_loss(solver, learning_rate, digits):
    model = ConvNetClassifier(
        **{**QUICK, "channels": (8, 16), "max_iter": 6, "augmentation": None},
        batch_size=32,
        solver=solver,
        learning_rate=learning_rate,
        learning_rate_init=0.05 if solver == "sgd" else 0.01,
        n_iter_no_change=np.inf,
    )
    if learning_rate in ("constant", "adaptive"):
        with pytest.warns(UserWarning, match="hasn't converged"):
            model.fit(*digits)
    else:
        model.fit(*digits)
    assert model.loss_ < 0.7 * model.loss_curve_[0]


def test_patience_begins_when_the_learning_rate_is_at_its_highest(digits):
    params = {**QUICK, "max_iter": 40, "early_stopping": True, "tol": 2.0}
    fits = {
        learning_rate: ConvNetClassifier(
            **params, learning_rate=learning_rate, n_iter_no_change=3
        ).fit(*digits)
        for learning_rate in ("onecycle", "cosine")
    }
    # No score improves by as much as tol, after the first.
    assert fits["cosine"].n_iter_ == 1 + 3 + 1
    assert fits["onecycle"].n_iter_ == 40 * ONE_CYCLE_WARMUP + 3


def test_auto_epochs_depend_on_the_steps_of_an_epoch():
    def epochs(n_rows, explained, avoided=1.0, **params):
        model = ConvNetClassifier(**params)
        model.image_shape_ = (8, 8, 1)
        model._survey = vars(Survey(explained, {}, avoided, 1000))
        return model._n_epochs(range(n_rows), 10)

    assert epochs(10, 0.5, max_iter=7) == 7
    assert [epochs(n, 1.0) for n in (9_000, 10_000)] == [16, 7]
    assert [epochs(n, 0.0) for n in (9_999, 10_000)] == [16, 15]
    assert [epochs(n, 1.0, avoided=0.8) for n in (9_000, 10_000)] == [16, 15]
    assert epochs(10_000, 1.0, avoided=0.85) == 11
    for explained in (0.0, 0.3, 1.0):
        lengths = [epochs(10 * n_steps, explained) for n_steps in range(1, 900)]
        assert max(lengths) == lengths[0]
        assert min(lengths) == lengths[-1]
        assert lengths == sorted(lengths, reverse=True)
    assert epochs(200, 0.0) > epochs(200, 0.3) > epochs(200, 1.0)


def test_bfloat16_trains_nearly_like_float32(digits):
    one, two = (
        ConvNetClassifier(**QUICK, compute_dtype=compute_dtype).fit(*digits)
        for compute_dtype in ("bfloat16", "float32")
    )
    assert two.module_[1].head.weight.dtype == one.module_[1].head.weight.dtype
    assert one.loss_curve_ != two.loss_curve_
    np.testing.assert_allclose(one.loss_curve_, two.loss_curve_, rtol=0.1)


def test_the_whole_image_reaches_the_head():
    module = ConvNet((28, 28, 1), 10, (4, 8, 8), 3, 0.0, None)
    images = torch.rand(50, 1, 28, 28, requires_grad=True)
    module(images).square().sum().backward()
    assert (images.grad != 0).any(dim=0).all()


@pytest.mark.slow
def test_accuracy_on_digits_with_default_parameters():
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    X, y = load_digits(return_X_y=True)
    scores = cross_val_score(ConvNetClassifier(random_state=0), X, y, cv=folds)
    # SVC reads 0.988 of them. Seeds and roundings give 0.993 to 0.998: 1,797 images
    # have a standard error of 0.0015, so that a bound near the mean fails by chance.
    assert scores.mean() >= 0.992


@pytest.mark.slow
def test_accuracy_on_mnist_after_one_epoch(mnist, convnet_of_mnist):
    assert convnet_of_mnist.score(mnist.test.data, mnist.test.target) >= 0.99


def test_a_new_network_passes_its_channels_on():
    net = ConvNet((16, 16, 3), 10, (8, 12, 12), 3, 0.0, None)
    convolutions = [each for each in net.stages if isinstance(each, torch.nn.Conv2d)]
    for layer in convolutions[1:]:
        images = torch.rand(2, layer.in_channels, 6, 6)
        torch.testing.assert_close(layer(images)[:, : layer.in_channels], images)
    assert [each.in_channels for each in convolutions] == [3, 8, 8, 12, 12]


@pytest.mark.slow
def test_balanced_weights_help_a_rare_class():
    digits = load_digits()
    X, y = digits.images, digits.target
    order = np.random.default_rng(0).permutation(len(X))
    train, test = order[:900], order[900:]
    eights = np.flatnonzero(y[train] == 8)
    train = np.delete(train, eights[4:])
    plain, balanced = (
        ConvNetClassifier(
            channels=(8, 16), max_iter=30, class_weight=weight, random_state=0
        ).fit(X[train], y[train])
        for weight in (None, "balanced")
    )
    rare = y[test] == 8
    assert balanced.score(X[test][rare], y[test][rare]) > plain.score(
        X[test][rare], y[test][rare]
    )
    others = X[test][~rare], y[test][~rare]
    assert balanced.score(*others) > plain.score(*others) - 0.02


def test_a_class_of_weight_zero_is_left_out():
    digits = load_digits()
    X, y = digits.images[:200], digits.target[:200]
    without = ConvNetClassifier(**QUICK, class_weight={3: 0.0}).fit(X, y)
    assert without.t_ == 3 * (y != 3).sum()
    weighted = ConvNetClassifier(**QUICK).fit(X, y, sample_weight=(y != 3) * 1.0)
    np.testing.assert_array_equal(without.predict_proba(X), weighted.predict_proba(X))


def test_any_scale_of_class_weights_is_the_same():
    digits = load_digits()
    X, y = digits.images[:200], digits.target[:200]
    one, two = (
        ConvNetClassifier(**QUICK, class_weight=dict.fromkeys(range(10), weight))
        .fit(X, y)
        .predict_proba(X)
        for weight in (1.0, 8.0)
    )
    np.testing.assert_allclose(one, two, atol=1e-4)


def test_class_weights_take_sample_weights_of_any_container():
    pandas = pytest.importorskip("pandas")
    digits = load_digits()
    X, y = digits.images[:60], digits.target[:60]
    weights = np.linspace(0.5, 2, 60)
    series = pandas.Series(weights, index=np.arange(60)[::-1] + 1000)
    one, two, three = (
        ConvNetClassifier(**QUICK, class_weight="balanced")
        .fit(X, y, sample_weight=given)
        .predict_proba(X)
        for given in (weights, series, weights.tolist())
    )
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, three)
