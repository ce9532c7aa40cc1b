import json
import pickle
import zipfile
from importlib.resources import files

import numpy as np
import pytest
from drawings import LETTERS, SHAPES, draw_by_hand, draw_digits, scribble
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from train_pretrained import readable
from write_digit_pad import SCRIPT, pad_weights

from sklearn_digits import (
    ConvNetClassifier,
    RandomAugmentation,
    load_pretrained,
)
from sklearn_digits._persistence.plain_files import read_plain, write_plain

WEIGHTS = files("sklearn_digits._classifiers").joinpath("weights")
CARD = json.loads(WEIGHTS.joinpath("mnist.json").read_text("utf-8"))
SURE = 0.95


@pytest.fixture(scope="module")
def classifier():
    return load_pretrained("mnist")


def images_of(drawings):
    """The images of drawings, those that show nothing left out."""
    images = readable(drawings)
    assert len(images) > 0.9 * len(drawings)
    return images


def share_that_is_sure(classifier, images):
    return (classifier.predict_proba(images).max(axis=1) >= SURE).mean()


def test_it_is_a_fitted_classifier_of_digits(classifier):
    assert type(classifier) is ConvNetClassifier
    assert_array_equal(classifier.classes_, range(10))
    assert classifier.image_shape_ == (28, 28, 1)
    assert classifier.n_features_in_ == 784
    assert not classifier.module_.training
    assert clone(classifier).get_params() == classifier.get_params()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(
        ValueError, match=r"name='cifar' .* expected one of \['mnist'\]"
    ):
        load_pretrained("cifar")


def test_its_files_are_small_and_hold_no_object():
    names = [file.name for file in WEIGHTS.iterdir()]
    assert sorted(names) == ["mnist.json", "mnist.npz"]
    assert sum(len(WEIGHTS.joinpath(name).read_bytes()) for name in names) < 400_000
    with WEIGHTS.joinpath("mnist.npz").open("rb") as file:
        assert all(name.endswith(".npy") for name in zipfile.ZipFile(file).namelist())
        assert all(array.dtype != object for array in np.load(file).values())


def test_each_call_gives_a_classifier_of_its_own(classifier):
    other = load_pretrained("mnist")
    next(other.module_.parameters()).data.zero_()
    assert next(classifier.module_.parameters()).any()


def test_it_goes_through_a_pickle(classifier):
    X = np.random.default_rng(0).integers(0, 256, (5, 28, 28)).astype(np.uint8)
    again = pickle.loads(pickle.dumps(classifier))
    assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_it_can_be_trained_further():
    drawings, digits = draw_digits(20, seed=3)
    X = images_of(drawings)
    classifier = load_pretrained("mnist")
    before = classifier.predict_proba(X)
    classifier.set_params(warm_start=True, max_iter=1, learning_rate_init=1e-5)
    classifier.fit(X, digits)
    assert_allclose(classifier.predict_proba(X), before, atol=0.02)
    assert not np.array_equal(classifier.predict_proba(X), before)


@pytest.mark.slow
def test_the_card_says_how_accurate_it_is(classifier, mnist):
    score = 100 * classifier.score(mnist.test.images, mnist.test.target)
    assert score >= 99.5
    assert_allclose(score, CARD["percent"]["mnist_accuracy"], atol=0.011)


@pytest.mark.slow
def test_drawn_digits_are_read_and_it_is_sure_of_them(classifier):
    drawings, digits = draw_digits(200, seed=0)
    X = images_of(drawings)
    assert classifier.score(X, digits) >= 0.97
    assert share_that_is_sure(classifier, X) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["letters", "shapes", "scribbles"])
def test_it_is_not_sure_of_what_is_no_digit(classifier, kind):
    rng = np.random.default_rng(0)
    strokes = {
        "letters": [*LETTERS.values()] * 7,
        "shapes": [*SHAPES.values()] * 12,
        "scribbles": [scribble(rng) for _ in range(100)],
    }
    X = images_of([draw_by_hand(each, rng) for each in strokes[kind]])
    assert share_that_is_sure(classifier, X) <= 0.05


def test_the_rule_is_the_one_that_is_documented():
    assert CARD["sure_from"] == SURE
    assert f"predict_proba(X).max(axis=1) >= {SURE}" in load_pretrained.__doc__


def test_the_digit_pad_has_the_same_weights(classifier):
    script = pad_weights(classifier, CARD["sure_from"])
    assert script == SCRIPT.read_text("utf-8"), "run examples/write_digit_pad.py"


def test_plain_files_keep_a_classifier_up_to_the_precision_of_its_kernels(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 8, 8)), np.arange(40) % 4
    fitted = ConvNetClassifier(
        (4, 6), augmentation=RandomAugmentation(rotation=3), max_iter=2, random_state=0
    ).fit(X, y)
    write_plain(fitted, tmp_path / "small", {"title": "Four classes"})
    read = read_plain(ConvNetClassifier, tmp_path, "small")
    assert_allclose(read.predict_proba(X), fitted.predict_proba(X), atol=5e-3)
    assert read.channels_ == fitted.channels_
    assert read.augmentation_.get_params() == fitted.augmentation_.get_params()
    assert read.loss_curve_ == fitted.loss_curve_
    assert json.loads((tmp_path / "small.json").read_text())["title"] == "Four classes"
    assert vars(read).keys() == vars(fitted).keys()


def test_plain_files_are_the_same_when_they_are_written_again(classifier, tmp_path):
    card = {key: value for key, value in CARD.items() if key != "state"}
    write_plain(classifier, tmp_path / "mnist", card)
    for name in ("mnist.json", "mnist.npz"):
        assert (tmp_path / name).read_bytes() == WEIGHTS.joinpath(name).read_bytes()
