import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from torch import nn

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    KernelDisplay,
    MLPClassifier,
    kernel_bank,
)

pytestmark = pytest.mark.usefixtures("plt")

DIGITS = load_digits()


def drawn(display):
    return [image.get_array() for image in display.images_]


def texts(display):
    return [text.get_text() for text in display.text_]


@pytest.mark.parametrize("kernels", ["edges4", {"own": [[1, -1]]}, [[[2.0]], [[3.0]]]])
def test_kernels_are_drawn_by_name_or_as_they_are_given(kernels):
    display = KernelDisplay.from_kernels(kernels)
    display.figure_.canvas.draw()
    bank = kernel_bank(kernels)
    assert texts(display) == list(bank)
    for array, kernel in zip(drawn(display), bank.values(), strict=True):
        assert_array_equal(array, kernel)


def test_zero_has_the_color_in_the_middle_of_every_kernels_own_scale():
    display = KernelDisplay.from_kernels(["scharr_v", "blur", "gabor_line_0"])
    for image in display.images_:
        low, high = image.get_clim()
        assert low == -high
        assert high == np.abs(image.get_array()).max()
        assert image.get_cmap().name == "RdBu_r"


def test_a_kernel_of_zeros_can_be_drawn():
    KernelDisplay.from_kernels(np.zeros((3, 3))).figure_.canvas.draw()


def test_no_name_means_all_kernels_and_n_kernels_bounds_them():
    assert len(KernelDisplay.from_kernels().images_) == len(kernel_bank())
    display = KernelDisplay.from_kernels(n_kernels=3)
    assert len(display.images_) == len(display.text_) == 3


def test_captions_do_not_touch_each_other_nor_a_kernel():
    display = KernelDisplay.from_kernels()
    display.figure_.canvas.draw()
    boxes = [text.get_window_extent() for text in display.text_]
    boxes += [image.get_window_extent() for image in display.images_]
    for i, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[:i])


def test_a_transformer_shows_the_kernels_it_applies(plt):
    transformer = ConvolutionFeatureTransformer(["sobel_v", "gabor_edge_45"])
    _, ax = plt.subplots()
    display = KernelDisplay.from_estimator(transformer.fit(DIGITS.images), ax=ax)
    assert_array_equal(drawn(display), transformer.kernels_)
    assert texts(display) == ["sobel_v", "gabor_edge_45"]
    assert display.ax_ is ax
    assert display.figure_ is ax.figure


@pytest.fixture(scope="module")
def network():
    network = ConvNetClassifier((2, 3), max_iter=1, random_state=0)
    return network.fit(DIGITS.images[:200], DIGITS.target[:200])


@pytest.mark.parametrize("layer", [0, 1, -1])
def test_a_network_shows_what_a_layer_has_learned(network, layer):
    convolutions = [m for m in network.module_.modules() if isinstance(m, nn.Conv2d)]
    weight = convolutions[layer].weight.detach().numpy()
    display = KernelDisplay.from_estimator(network, layer=layer)
    assert_array_equal(drawn(display), weight.reshape(-1, 3, 3))
    if layer == 0:
        assert texts(display) == ["0", "1"]
    else:
        assert texts(display)[:3] == ["0_ch0", "0_ch1", "0_ch2"][: weight.shape[1]] + [
            "1_ch0"
        ] * (weight.shape[1] == 2)


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_that_is_not_there_is_named(network, layer):
    message = rf"layer={layer}; the network of ConvNet.* has 3 convolution layers"
    with pytest.raises(ValueError, match=message):
        KernelDisplay.from_estimator(network, layer=layer)


def test_an_estimator_without_kernels_is_refused():
    X, y = DIGITS.data[:50], DIGITS.target[:50]
    with pytest.raises(ValueError, match="has neither kernels_ nor a module_"):
        KernelDisplay.from_estimator(GaussianNB().fit(X, y))
    with pytest.raises(NotFittedError):
        KernelDisplay.from_estimator(ConvNetClassifier())
    mlp = MLPClassifier((4,), tol=10.0).fit(X, y)
    with pytest.raises(ValueError, match="has 0 convolution layers"):
        KernelDisplay.from_estimator(mlp)


@pytest.mark.parametrize("name", ["n_kernels", "n_columns"])
def test_numbers_that_are_not_positive_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} == 0, must be >= 1"):
        KernelDisplay.from_kernels(**{name: 0})
