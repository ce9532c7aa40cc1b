"""Light, noise, bends and holes: as large as said, and on the scale of the pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_digits._images.augmentation import RandomAffine
from sklearn_digits._images.random_augmentation import RandomAugmentation, smooth_noise

IN_PLACE = {"rotation": 0, "shift": 0, "scale": 0, "shear": 0}
SAME_LIGHT = {"contrast": 0, "brightness": 0, "noise": 0}
STILL = {**IN_PLACE, **SAME_LIGHT, "elastic": 0, "erasing": 0}
EVERYTHING = {
    "contrast": 0.4,
    "brightness": 0.2,
    "noise": 0.3,
    "elastic": 0.03,
    "erasing": 0.4,
}
SHAPES = [(21, 21), (15, 27), (27, 15)]
quickly = settings(deadline=None, max_examples=30)
seeds = st.integers(0, 2**31)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def draw_images(n=300, shape=(11, 13), n_channels=2, seed=0):
    """Return random images, each around a mean of its own."""
    source = generator(seed)
    means = torch.rand(n, 1, 1, 1, generator=source, dtype=torch.float64)
    noise = torch.rand(n, n_channels, *shape, generator=source, dtype=torch.float64)
    return 3 * means + noise


def mean_of_each(images):
    return images.mean(dim=(1, 2, 3), keepdim=True)


def spread_within(images):
    return (images - mean_of_each(images)).std()


def test_without_amounts_nothing_changes():
    images = draw_images()
    out = RandomAugmentation(**STILL)(images, generator())
    torch.testing.assert_close(out, images)


def test_without_light_noise_bends_and_holes_it_is_affine():
    images = torch.rand(6, 3, 11, 9, generator=generator())
    affine = RandomAffine(rotation=20)(images, generator(1))
    plain = RandomAugmentation(**SAME_LIGHT, rotation=20)(images, generator(1))
    assert torch.equal(affine, plain)


@pytest.mark.parametrize("name", EVERYTHING)
def test_each_amount_changes_the_images(name):
    images = draw_images(20)
    change = RandomAugmentation(**STILL).set_params(**{name: EVERYTHING[name]})
    assert not torch.allclose(change(images, generator()), images)


# Contrast and brightness


def test_contrast_keeps_the_mean_of_an_image():
    images = draw_images()
    out = RandomAugmentation(**{**STILL, "contrast": 0.6})(images, generator())
    torch.testing.assert_close(mean_of_each(out), mean_of_each(images))


def test_contrast_multiplies_the_distance_from_the_mean():
    images = draw_images()
    out = RandomAugmentation(**{**STILL, "contrast": 0.6})(images, generator())
    factors = (out - mean_of_each(out)) / (images - mean_of_each(images))
    factor = factors.flatten(1).median(dim=1).values
    torch.testing.assert_close(factors, factor[:, None, None, None].expand_as(factors))
    assert 0.4 <= factor.min() < 0.44
    assert 2.3 < factor.max() <= 2.5
    # Small factors are as likely as large ones.
    assert abs((factor < 1).double().mean() - 0.5) < 0.1


def test_brightness_keeps_the_differences_within_an_image():
    images = draw_images()
    out = RandomAugmentation(**{**STILL, "brightness": 0.5})(images, generator())
    offset = mean_of_each(out) - mean_of_each(images)
    torch.testing.assert_close(out - offset, images)
    share = offset / spread_within(images)
    assert -0.5 <= share.min() < -0.45
    assert 0.45 < share.max() <= 0.5


# Noise


def test_noise_leaves_half_of_the_images_as_they_are():
    images = draw_images(400)
    out = RandomAugmentation(**{**STILL, "noise": 0.5})(images, generator())
    same = (out - images).abs().flatten(1).amax(dim=1) < 1e-9
    assert abs(same.double().mean() - 0.5) < 0.1


def test_noise_is_as_strong_as_said():
    images = draw_images(400, shape=(40, 40))
    out = RandomAugmentation(**{**STILL, "noise": 0.5})(images, generator())
    noise = (out - images) / spread_within(images)
    strength = noise.std(dim=(1, 2, 3))
    # Uniform between none and the largest one, but for sampling.
    assert 0.47 < strength.max() < 0.5 * 1.05
    assert abs(strength[strength > 1e-6].mean() - 0.25) < 0.04
    assert abs(noise.mean()) < 0.01


@pytest.mark.parametrize("amount", ["brightness", "noise"])
def test_light_that_differs_between_images_drowns_none(amount):
    images = draw_images()
    light = 100 * torch.arange(len(images), dtype=images.dtype)[:, None, None, None]
    change = RandomAugmentation(**{**STILL, amount: 0.5})
    expected = change(images, generator())
    torch.testing.assert_close(change(images + light, generator()) - light, expected)


def test_neighboring_pixels_and_channels_have_noise_of_their_own():
    images = draw_images(100, shape=(30, 30))
    noise = RandomAugmentation(**{**STILL, "noise": 0.5})(images, generator()) - images
    for one, other in (
        (noise[..., 1:], noise[..., :-1]),
        (noise[:, :, 1:], noise[:, :, :-1]),
        (noise[:, 0], noise[:, 1]),
    ):
        assert abs((one * other).mean() / noise.square().mean()) < 0.05


def test_a_batch_without_spread_gets_no_noise_and_no_other_light():
    images = torch.full((8, 1, 6, 6), 255.0)
    change = RandomAugmentation(**EVERYTHING)
    torch.testing.assert_close(change(images, generator()), images)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4)])
def test_a_single_pixel_stays_a_number(shape):
    images = torch.ones(1, 1, *shape)
    out = RandomAugmentation(**EVERYTHING)(images, generator())
    torch.testing.assert_close(out, images)


# The scale of the pixels


@pytest.mark.parametrize("scale", [1 / 255, 255, -1])
def test_results_scale_with_the_pixels(scale):
    images = draw_images(30)
    # Noise and offsets do not know the sign of the pixels.
    amounts = EVERYTHING if scale > 0 else {**EVERYTHING, "brightness": 0, "noise": 0}
    change = RandomAugmentation(**amounts)
    torch.testing.assert_close(
        change(images * scale, generator()), change(images, generator()) * scale
    )


def test_results_move_with_an_offset_of_the_pixels():
    images = draw_images(30)
    change = RandomAugmentation(**EVERYTHING)
    torch.testing.assert_close(
        change(images + 7, generator()), change(images, generator()) + 7
    )


@given(seed=seeds)
@quickly
def test_an_image_of_one_shade_stays_one_without_noise(seed):
    shades = 255 * torch.rand(5, 1, 1, 1, generator=generator(seed))
    images = shades.expand(5, 1, 12, 12).contiguous()
    change = RandomAugmentation(**{**EVERYTHING, "noise": 0}, shift=0.5)
    out = change(images, generator(seed))
    torch.testing.assert_close(out, out[..., :1, :1].expand_as(out))


# Bends and holes


@pytest.mark.parametrize("shape", [*SHAPES, (1, 9), (9, 1), (1, 1)])
def test_a_smooth_field_has_unit_variance_and_neighbors_agree(shape):
    images = torch.empty(4000, 1, *shape, dtype=torch.float64)
    field = smooth_noise(images, 0.15, generator())
    assert field.shape == (4000, 2, *shape)
    torch.testing.assert_close(
        field.square().mean(dim=0), torch.ones(2, *shape).double(), rtol=0, atol=0.15
    )
    correlation = (field[:, 0] * field[:, 1]).mean()
    assert abs(correlation) < 0.05  # the two axes move apart
    if min(shape) > 10:
        steps = (field[..., 1:] - field[..., :-1]).square().mean().sqrt()
        # Gaussians of width s, d apart, overlap by exp(-d² / 4s²).
        expected = np.sqrt(2 - 2 * np.exp(-((1 / shape[1] / 0.15) ** 2) / 4))
        assert_allclose(steps, expected, rtol=0.1)


def test_elastic_displacement_is_as_large_as_said():
    y, x = np.mgrid[:41, :41] - 20.0
    stack = torch.from_numpy(np.stack([x, y])).repeat(200, 1, 1, 1)
    change = RandomAugmentation(**{**STILL, "elastic": 0.04})
    moved = change(stack, generator()) - stack
    inside = moved[..., 10:-10, 10:-10]
    assert_allclose(inside.std(), 0.04 * 41, rtol=0.05)


@given(seed=seeds)
@quickly
def test_erasing_fills_one_rectangle_with_the_mean_color(seed):
    images = torch.rand(3, 2, 20, 30, generator=generator(seed))
    change = RandomAugmentation(**{**STILL, "erasing": 0.5})
    out = change(images, generator(seed))
    for image, erased in zip(images, out, strict=True):
        changed = ((image - erased).abs() > 1e-4).all(dim=0)
        rows, columns = changed.any(dim=1), changed.any(dim=0)
        assert rows.sum() <= 10
        assert columns.sum() <= 15
        inside = erased[:, rows][:, :, columns]
        torch.testing.assert_close(
            inside, image.mean(dim=(1, 2))[:, None, None].expand_as(inside)
        )


# The contract of an augmentation


def test_the_same_seed_gives_the_same_changes_and_another_others():
    images = draw_images(4)
    change = RandomAugmentation(**EVERYTHING)
    assert torch.equal(change(images, generator(1)), change(images, generator(1)))
    assert not torch.equal(change(images, generator(1)), change(images, generator(2)))


def test_neither_the_images_nor_torchs_generator_are_touched():
    images = draw_images(4)
    kept, before = images.clone(), torch.get_rng_state()
    RandomAugmentation(**EVERYTHING)(images, generator())
    assert torch.equal(images, kept)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_layout_of_color_images_is_kept(dtype):
    images = torch.rand(4, 3, 8, 10, dtype=dtype, generator=generator())
    change = RandomAugmentation(**EVERYTHING)
    out = change(images, generator())
    assert (out.shape, out.dtype) == (images.shape, dtype)
    last = images.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(change(last, generator()), out)


def test_parameters_are_scikit_learns_and_those_of_random_affine():
    change = RandomAugmentation(elastic=0.1)
    assert set(change.get_params()) > set(RandomAffine().get_params())
    assert repr(change) == "RandomAugmentation(elastic=0.1)"
    copy = clone(change.set_params(noise=0.2))
    assert copy.get_params() == change.get_params()
    assert copy.noise == 0.2


@pytest.mark.parametrize(
    "amount",
    [
        {"contrast": 1},
        {"contrast": -0.1},
        {"brightness": -0.1},
        {"noise": -0.1},
        {"noise": float("nan")},
        {"elastic": -0.1},
        {"smoothness": 0},
        {"erasing": 1.1},
        {"rotation": -1},
        {"quarter_turns": "often"},
    ],
)
def test_a_bad_amount_is_named(amount):
    with pytest.raises(InvalidParameterError, match=next(iter(amount))):
        RandomAugmentation(**amount).check()
