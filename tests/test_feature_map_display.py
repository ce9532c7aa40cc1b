import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from torch import nn

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    FeatureMapDisplay,
)

pytestmark = pytest.mark.usefixtures("plt")

DIGITS = load_digits()
IMAGES = DIGITS.images


def texts(display):
    return [text.get_text() for text in display.text_]


def drawn(display):
    return [image.get_array() for image in display.maps_]


def test_the_image_comes_first_and_then_its_maps(plt):
    transformer = ConvolutionFeatureTransformer("edges4", padding="valid").fit(IMAGES)
    _, ax = plt.subplots()
    display = FeatureMapDisplay.from_estimator(transformer, IMAGES[3], ax=ax)
    display.figure_.canvas.draw()
    assert_array_equal(display.image_.get_array(), IMAGES[3])
    assert_array_equal(drawn(display), transformer.feature_maps(IMAGES[3:4])[0])
    names = ["image", "vertical", "horizontal", "diagonal", "antidiagonal"]
    assert texts(display) == names
    assert list(ax.images) == [display.image_, *display.maps_]
    assert display.ax_ is ax
    assert display.figure_ is ax.figure


@pytest.mark.parametrize("shape", [(64,), (8, 8), (8, 8, 1)])
def test_every_form_of_one_image_is_drawn_the_same(shape):
    transformer = ConvolutionFeatureTransformer("edges").fit(IMAGES)
    display = FeatureMapDisplay.from_estimator(transformer, IMAGES[0].reshape(shape))
    assert_array_equal(display.image_.get_array(), IMAGES[0])


def test_color_images_have_maps_of_each_channel():
    images = np.random.default_rng(0).integers(256, size=(2, 6, 7, 3), dtype=np.uint8)
    transformer = ConvolutionFeatureTransformer("sobel").fit(images)
    display = FeatureMapDisplay.from_estimator(transformer, images[1])
    assert_array_equal(display.image_.get_array(), images[1])
    assert texts(display)[:4] == ["image", "sobel_v_ch0", "sobel_h_ch0", "sobel_v_ch1"]


def test_signed_maps_share_one_scale_with_zero_in_its_middle():
    transformer = ConvolutionFeatureTransformer(["sobel_v", "blur"]).fit(IMAGES)
    display = FeatureMapDisplay.from_estimator(transformer, IMAGES[0])
    largest = max(np.abs(array).max() for array in drawn(display))
    for image in display.maps_:
        assert image.get_clim() == (-largest, largest)
        assert image.get_cmap().name == "RdBu_r"
    assert display.image_.get_cmap().name == "gray"


def test_maps_without_negative_values_go_from_dark_to_bright():
    transformer = ConvolutionFeatureTransformer("edges", rectify="abs").fit(IMAGES)
    display = FeatureMapDisplay.from_estimator(transformer, IMAGES[0])
    largest = max(array.max() for array in drawn(display))
    for image in display.maps_:
        assert image.get_clim() == (0, largest)
        assert image.get_cmap().name == "gray"


@pytest.fixture(scope="module")
def network():
    network = ConvNetClassifier((2, 3), max_iter=1, random_state=0)
    return network.fit(IMAGES[:200], DIGITS.target[:200])


def test_the_maps_of_a_networks_first_layer_are_those_of_its_kernels(network):
    convolution = next(m for m in network.module_.modules() if isinstance(m, nn.Conv2d))
    standard = (IMAGES[5] - network.pixel_mean_) / network.pixel_std_
    tensor = torch.tensor(standard, dtype=torch.float32).reshape(1, 1, 8, 8)
    expected = convolution(tensor)[0].detach().numpy()
    display = FeatureMapDisplay.from_estimator(network, IMAGES[5])
    assert_allclose(drawn(display), expected, atol=1e-5)
    assert texts(display) == ["image", "0", "1"]
    assert_array_equal(display.image_.get_array(), IMAGES[5])


def test_deeper_layers_have_more_and_smaller_maps(network):
    display = FeatureMapDisplay.from_estimator(network, IMAGES[5], layer=-1)
    assert np.shape(drawn(display)) == (3, 4, 4)


def test_a_look_at_maps_leaves_no_hook_behind(network):
    FeatureMapDisplay.from_estimator(network, IMAGES[5])
    with pytest.raises(ValueError, match="is expecting 64 features"):
        FeatureMapDisplay.from_estimator(network, IMAGES[5][:, 1:])
    assert not any(module._forward_hooks for module in network.module_.modules())


def test_maps_can_be_drawn_without_image_and_names_and_again(plt):
    maps = np.arange(12.0).reshape(3, 2, 2)
    display = FeatureMapDisplay(maps).plot()
    assert display.image_ is None
    assert display.text_ == []
    assert_array_equal(drawn(display), maps)
    assert display.plot(n_maps=2, cmap="viridis") is display
    assert len(display.maps_) == 2
    assert display.maps_[0].get_cmap().name == "viridis"


def test_what_makes_no_maps_is_refused(network):
    nb = GaussianNB().fit(DIGITS.data, DIGITS.target)
    with pytest.raises(ValueError, match="has neither feature_maps nor a module_"):
        FeatureMapDisplay.from_estimator(nb, IMAGES[0])
    with pytest.raises(NotFittedError):
        FeatureMapDisplay.from_estimator(ConvNetClassifier(), IMAGES[0])
    with pytest.raises(ValueError, match=r"layer=9; .* has 3 convolution layers"):
        FeatureMapDisplay.from_estimator(network, IMAGES[0], layer=9)
