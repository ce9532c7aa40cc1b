"""A survey of the training images decides how they are learned."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from sklearn_digits import ConvNetClassifier, RandomAffine, RandomAugmentation
from sklearn_digits._classifiers import convnet
from sklearn_digits._images.linear_probe import avoided_errors, explained_share, shrink
from sklearn_digits._images.survey import survey

QUICK = {"channels": (4,), "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    digits = load_digits()
    return digits.images, digits.target


def explained(X, y):
    images = torch.from_numpy(X.astype(np.float32))[:, None]
    return survey(images, torch.from_numpy(y)).explained


def with_wrong_labels(y, share, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(y)) < share, rng.integers(0, 10, len(y)), y)


def test_clear_digits_are_explained_and_wrong_labels_are_not(digits):
    X, y = digits
    shares = [explained(X[:900], with_wrong_labels(y[:900], k)) for k in (0, 0.3, 1)]
    assert shares[0] > 0.6
    assert 0.15 < shares[1] < 0.4
    assert shares[2] < 0.05


def test_the_explained_share_is_one_for_perfect_scores_and_never_negative():
    labels = torch.eye(3).repeat(5, 1)
    centered = labels - labels.mean(dim=0)
    assert explained_share(centered, labels) == pytest.approx(1)
    assert explained_share(torch.zeros_like(labels), labels) == pytest.approx(0)
    assert explained_share(-9 * centered, labels) == 0


def test_avoided_errors_are_counted_against_the_most_frequent_class():
    labels = torch.eye(3)[torch.tensor([0, 0, 1, 2])]
    share = labels.mean(dim=0)
    assert avoided_errors(labels - share, labels) == 1
    assert avoided_errors(torch.zeros(4, 3), labels) == 0
    one_right = torch.eye(3)[torch.tensor([0, 0, 1, 0])] - share
    assert avoided_errors(one_right, labels) == pytest.approx(0.5)
    assert avoided_errors(-labels, labels) == 0


def test_avoided_errors_of_several_labels_are_counted_label_by_label():
    labels = torch.tensor([[1.0, 0], [1, 1], [0, 0], [1, 0]])
    assert avoided_errors(labels - labels.mean(dim=0), labels) == 1
    found = torch.tensor([[1.0, 0], [1, 1], [1, 0], [1, 0]])
    assert avoided_errors(found - labels.mean(dim=0), labels) == pytest.approx(0.5)


def test_few_images_and_single_classes_explain_nothing():
    X = np.random.default_rng(0).random((5, 8, 8))
    assert explained(X, np.arange(5) % 2) == 0
    assert explained(np.repeat(X, 10, axis=0), np.zeros(50, int)) == 0


@pytest.mark.parametrize("shape", [(16, 16), (17, 40), (5, 300)])
def test_images_are_surveyed_at_16_pixels_a_side_at_most(shape):
    small = shrink(torch.rand(3, 2, *shape))
    assert small.shape == (3, 2, min(16, shape[0]), min(16, shape[1]))


def test_clear_labels_are_smoothed_and_unclear_images_are_mixed(digits):
    X, y = digits[0][:500], digits[1][:500]
    clear = ConvNetClassifier(**QUICK, max_iter=30).fit(X, y)
    assert clear.label_smoothing_ == pytest.approx(0.05)
    assert clear.mixup_ == 0
    unclear = ConvNetClassifier(**QUICK, max_iter=30).fit(X, with_wrong_labels(y, 0.4))
    assert unclear.label_smoothing_ < 0.03
    assert 0.2 < unclear.mixup_ <= 0.5


def test_clear_classes_that_are_confused_are_mixed_and_smoothed_less(digits):
    X, y = digits[0][:900], digits[1][:900]
    confused = with_wrong_labels(y, 0.18)
    assert explained(X, confused) > 0.5
    model = ConvNetClassifier(**QUICK, max_iter=30).fit(X, confused)
    assert 0.01 < model.label_smoothing_ < 0.03
    assert 0.2 < model.mixup_ < 0.4


def test_two_hundred_images_do_not_tell_that_their_classes_are_confused(digits):
    X, y = digits[0][:200], with_wrong_labels(digits[1][:200], 0.1)
    found = survey(torch.from_numpy(X.astype(np.float32))[:, None], torch.from_numpy(y))
    assert found.explained > 0.55
    assert found.avoided < 0.86
    model = ConvNetClassifier(**QUICK, max_iter=30).fit(X, y)
    assert model.label_smoothing_ > 0.045
    assert model.mixup_ < 0.05


@pytest.mark.parametrize(
    ("wrong", "n_epochs", "changes"),
    [
        (0, 15, RandomAugmentation),
        (0.15, 15, RandomAffine),
        (0.15, 16, RandomAugmentation),
    ],
)
def test_the_light_of_confused_classes_is_left_alone_in_short_fits(
    wrong, n_epochs, changes, digits
):
    X, y = digits[0][:900], with_wrong_labels(digits[1][:900], wrong)
    model = ConvNetClassifier(**QUICK, max_iter=n_epochs).fit(X, y)
    assert type(model.augmentation_) is changes
    assert model.augmentation_.rotation > 0


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_wrong_labels_leave_digits_their_augmentation(share, digits):
    X, y = digits[0][:900], with_wrong_labels(digits[1][:900], share)
    model = ConvNetClassifier(**QUICK, max_iter=2).fit(X, y)
    assert type(model.augmentation_) is RandomAugmentation


@pytest.mark.parametrize(("n_epochs", "mixed"), [(2, False), (15, False), (20, True)])
def test_images_that_are_seen_a_few_times_are_not_mixed(n_epochs, mixed, digits):
    X, y = digits[0][:100], np.arange(100) % 7
    model = ConvNetClassifier(**QUICK, max_iter=n_epochs).fit(X, y)
    assert (model.mixup_ > 0) == mixed


def test_parameters_overrule_the_survey(digits):
    X, y = digits[0][:100], digits[1][:100]
    told = ConvNetClassifier(**QUICK, max_iter=1, label_smoothing=0.2, mixup=0.7)
    told.fit(X, y)
    assert (told.label_smoothing_, told.mixup_) == (0.2, 0.7)


def test_a_survey_is_made_once(digits):
    X, y = digits
    model = ConvNetClassifier(**QUICK)
    model.partial_fit(X[:200], y[:200], classes=np.arange(10))
    first = model.label_smoothing_
    model.partial_fit(X[200:400], with_wrong_labels(y[200:400], 1.0))
    assert model.label_smoothing_ == first


def test_a_warm_start_with_other_classes_surveys_them_anew(digits):
    X, y = digits[0][:300].reshape(-1, 8, 8), digits[1][:300]
    both_ways = np.concatenate([X, X[:, :, ::-1]])  # mirror images keep these classes
    model = ConvNetClassifier(**QUICK, max_iter=1, warm_start=True)
    model.fit(both_ways, np.tile(y, 2))
    assert model.augmentation_.horizontal_flip
    mirrored = np.repeat([10, 11], 300)  # and tell these apart
    model.fit(both_ways, mirrored)
    assert not model.augmentation_.horizontal_flip


def test_tiny_images_are_neither_surveyed_nor_mixed():
    X, y = np.random.default_rng(0).random((40, 1, 9)), np.arange(40) % 2
    model = ConvNetClassifier(**QUICK, max_iter=40).fit(X, y)
    assert (model.label_smoothing_, model.mixup_) == (0.05, 0.0)


def test_a_constant_image_set_is_surveyed():
    X, y = np.ones((30, 8, 8)), np.arange(30) % 3
    model = ConvNetClassifier(**QUICK, max_iter=1).fit(X, y)
    assert model.label_smoothing_ == 0


def test_unclear_images_that_are_seen_seldom_are_only_shifted(digits):
    X, y = digits[0][:500], digits[1][:500]
    changes = {}
    for share, n_epochs in ((0, 2), (1, 2), (1, 30)):
        model = ConvNetClassifier(**QUICK, max_iter=n_epochs)
        model.fit(X, with_wrong_labels(y, share))
        changes[share, n_epochs] = type(model.augmentation_).__name__
    assert changes == {
        (0, 2): "RandomAugmentation",
        (1, 2): "RandomAffine",
        (1, 30): "RandomAugmentation",
    }


def test_many_unclear_images_have_a_fourth_stage(digits, monkeypatch):
    monkeypatch.setattr(convnet, "MANY_IMAGES", 300)
    X, y = digits[0], digits[1]
    widths = {}
    for n_rows, share in ((900, 0), (900, 1), (299, 1)):
        model = ConvNetClassifier(max_iter=1, random_state=0)
        model.fit(X[:n_rows], with_wrong_labels(y[:n_rows], share))
        widths[n_rows, share] = model.channels_
        kernels = model.module_[1].stages[0].weight
        assert len(kernels) == model.channels_[0]
        again = pickle.loads(pickle.dumps(model))
        assert np.array_equal(again.predict(X[:20]), model.predict(X[:20]))
    assert widths == {
        (900, 0): convnet.THREE_STAGES,
        (900, 1): convnet.FOUR_STAGES,
        (299, 1): convnet.THREE_STAGES,
    }


def test_given_channels_are_taken_as_they_are(digits):
    model = ConvNetClassifier(**QUICK, max_iter=1).fit(digits[0][:50], digits[1][:50])
    assert model.channels_ == QUICK["channels"]


@pytest.mark.parametrize(("side", "amounts"), [(15, (0.3, 0.4, 0.4)), (16, None)])
def test_light_and_noise_vary_less_in_small_images(side, amounts):
    X = np.random.default_rng(0).random((20, 16, side))
    model = ConvNetClassifier(**QUICK, max_iter=30).fit(X, np.arange(20) % 2)
    changes = model.augmentation_
    found = (changes.contrast, changes.brightness, changes.noise)
    usual = RandomAugmentation()
    assert found == (amounts or (usual.contrast, usual.brightness, usual.noise))
