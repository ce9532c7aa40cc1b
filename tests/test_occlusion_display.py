import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC

from sklearn_digits import (
    ConvNetClassifier,
    MLPClassifier,
    OcclusionDisplay,
    occlusion_map,
)

pytestmark = pytest.mark.usefixtures("plt")

X, Y = load_digits(return_X_y=True)


def texts(display):
    return [text.get_text() for text in display.text_]


@pytest.fixture(scope="module")
def svc():
    return make_pipeline(MinMaxScaler(), SVC()).fit(X[100:400], Y[100:400])


@pytest.fixture(scope="module")
def bayes():
    return GaussianNB().fit(X[100:], Y[100:])


def test_each_image_is_followed_by_its_map(svc, plt):
    _, ax = plt.subplots()
    display = OcclusionDisplay.from_estimator(svc, X[:3], Y[:3], ax=ax)
    display.figure_.canvas.draw()
    drawn = [image.get_array() for image in display.images_]
    assert_array_equal(drawn[::2], X[:3].reshape(3, 8, 8))
    assert_allclose(drawn[1::2], occlusion_map(svc, X[:3]))
    assert display.maps_ == display.images_[1::2]
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.axes_ == [ax, display.colorbar_.ax]


def test_captions_tell_the_true_class_and_the_score_of_the_explained_one(svc, bayes):
    display = OcclusionDisplay.from_estimator(svc, X[:2], Y[:2], target=[0, 3])
    scores = svc.decision_function(X[:2])[[0, 1], [0, 3]]
    zero, three = (f"{score:.2f}" for score in scores)
    assert texts(display) == ["true: 0", f"0: {zero}", "true: 1", f"3: {three}"]
    assert display.colorbar_.ax.get_ylabel() == "drop of the\ndecision value"
    display = OcclusionDisplay.from_estimator(bayes, X[:1])
    probability = bayes.predict_proba(X[:1])[0, 0]
    assert texts(display) == ["", f"0: {probability:.1%}"]
    assert display.colorbar_.ax.get_ylabel() == "drop of the\nprobability"
    assert "Red speaks for the class" in display.ax_.get_title()


def test_maps_share_one_scale_with_zero_in_its_middle(svc):
    display = OcclusionDisplay.from_estimator(svc, X[:4])
    largest = np.abs(display.maps).max()
    for drawn in display.maps_:
        assert drawn.get_clim() == (-largest, largest)
        assert drawn.get_cmap().name == "RdBu_r"
    assert {image.get_cmap().name for image in display.images_[::2]} == {"gray"}


def test_only_the_first_images_are_explained(svc):
    labels = np.array([*"abcdefghij"])[Y]
    named = SVC().fit(X[100:300], labels[100:300])
    display = OcclusionDisplay.from_estimator(
        named, X, labels, n_images=2, target=labels, window=3, stride=2, fill=4.0
    )
    assert texts(display)[::2] == ["true: a", "true: b"]
    assert_array_equal(display.target, ["a", "b"])
    expected = occlusion_map(
        named, X[:2], target=["a", "b"], window=3, stride=2, fill=4.0
    )
    assert_allclose(display.maps, expected)
    assert len(OcclusionDisplay.from_estimator(svc, X[:20], n_images=8).maps_) == 8


def test_options_reach_the_map():
    network = MLPClassifier((9,), tol=0.1, random_state=0).fit(X, Y)
    options = {"method": "integrated_gradients", "n_steps": 3, "fill": "mean"}
    display = OcclusionDisplay.from_estimator(
        network, X[:2], batch_size=5, image_shape=(4, 16), **options
    )
    expected = occlusion_map(network, X[:2], image_shape=(4, 16), **options)
    assert_allclose(display.maps, expected, atol=1e-9)
    assert display.maps.shape == (2, 4, 16)
    assert display.colorbar_.ax.get_ylabel() == "part of the\nlogit"
    display = OcclusionDisplay.from_estimator(
        network, X[:2], response_method="decision_function"
    )
    assert display.score_name == "decision value"


def test_colored_images_are_drawn_in_their_colors():
    images = np.random.default_rng(0).integers(256, size=(60, 9, 7, 3), dtype=np.uint8)
    network = ConvNetClassifier((2,), max_iter=1, random_state=0)
    network.fit(images, np.arange(60) % 2)
    display = OcclusionDisplay.from_estimator(network, images[:2])
    display.figure_.canvas.draw()
    assert_array_equal(display.images_[2].get_array(), images[1])
    assert display.maps_[1].get_array().shape == (9, 7)


def test_gray_images_are_outlined_over_their_maps(svc):
    display = OcclusionDisplay.from_estimator(svc, X[:3])
    outlines = display.ax_.collections
    assert len(outlines) == 3
    for outline, drawn in zip(outlines, display.maps_, strict=True):
        left, right, bottom, top = drawn.get_extent()
        (x0, y0), (x1, y1) = outline.get_datalim(display.ax_.transData).get_points()
        assert left < x0 < x1 < right
        assert top < y0 < y1 < bottom


def test_data_frames_are_explained(bayes):
    frame = pd.DataFrame(X).rename(columns=str)
    model = GaussianNB().fit(frame, Y)
    display = OcclusionDisplay.from_estimator(model, frame, pd.Series(Y), n_images=2)
    assert texts(display)[::2] == ["true: 0", "true: 1"]


def test_maps_can_be_drawn_again_in_another_way(plt):
    images, maps = np.zeros((3, 4, 5, 1)), np.zeros((3, 4, 5))
    display = OcclusionDisplay(images, maps, np.arange(3), np.ones(3))
    assert display.plot(n_images=2, n_columns=1, cmap="PuOr", colorbar=False) is display
    display.figure_.canvas.draw()
    assert texts(display) == ["", "0: 100.0%", "", "1: 100.0%"]
    assert display.maps_[0].get_cmap().name == "PuOr"
    assert display.colorbar_ is None
    assert display.axes_ == [display.ax_]
    (left, *_), (other, *_) = (drawn.get_extent() for drawn in display.maps_)
    assert left == other


def test_images_that_cannot_be_explained_are_refused(bayes):
    with pytest.raises(NotFittedError):
        OcclusionDisplay.from_estimator(GaussianNB(), X)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        OcclusionDisplay.from_estimator(bayes, X[:5], Y[:4])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        OcclusionDisplay.from_estimator(bayes, X[:5], target=Y[:4])
    with pytest.raises(ValueError, match=r"n_images == 0, must be >= 1"):
        OcclusionDisplay.from_estimator(bayes, X[:5], n_images=0)
    with pytest.raises(ValueError, match=r"window=9 is larger than the images"):
        OcclusionDisplay.from_estimator(bayes, X[:5], window=9)
