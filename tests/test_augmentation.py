"""Affine changes against SciPy's, within their bounds, drawn from one generator.

What was drawn is read from the result: ramps travel as channels beside the image and
tell, at each pixel of the output, where in the input it was taken from. Coordinates
are (x, y) in pixels from the center, y downwards: ``where = matrix @ pixel + offset``.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import ndimage
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_digits._images.augmentation import RandomAffine, augment
from sklearn_digits._images.symmetry import SYMMETRIES

STILL = {"rotation": 0, "shift": 0, "scale": 0, "shear": 0}
SHAPES = [(21, 21), (15, 27), (27, 15)]
quickly = settings(deadline=None, max_examples=30)
seeds = st.integers(0, 2**31)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pixels(shape):
    """Return the coordinates (x, y) of all pixels, relative to the center."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    return np.stack([x - (shape[1] - 1) / 2, y - (shape[0] - 1) / 2])


def changed(shape=(21, 21), n=5, seed=0, **amounts):
    """Change one image `n` times; return it, its copies and where they come from."""
    image = np.random.default_rng(seed).random(shape)
    stack = torch.from_numpy(np.stack([image, *pixels(shape)])).repeat(n, 1, 1, 1)
    out = RandomAffine(**{**STILL, **amounts})(stack, generator(seed)).numpy()
    return image, out[:, 0], out[:, 1:]


def motions(shape=(21, 21), n=5, seed=0, **amounts):
    """Return the matrix and the offset of each of `n` changes."""
    there = pixels(shape)
    edge = (np.array(shape[::-1]) - 1)[:, None, None] / 2
    matrices, offsets = [], []
    for where in changed(shape, n, seed, **amounts)[2]:
        inside = (np.abs(where) < edge - 1e-9).all(axis=0)
        design = np.c_[there[:, inside].T, np.ones(inside.sum())]
        solution, _, rank, _ = np.linalg.lstsq(design, where[:, inside].T, rcond=None)
        assert rank == 3
        assert_allclose(design @ solution, where[:, inside].T, atol=1e-9)
        matrices.append(solution[:2].T)
        offsets.append(solution[2])
    return np.array(matrices), np.array(offsets)


@pytest.mark.parametrize("shape", [*SHAPES, (1, 9), (9, 1), (1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_amount_changes_nothing(shape, dtype):
    images = torch.rand(3, 2, *shape, dtype=dtype, generator=generator())
    torch.testing.assert_close(
        RandomAffine(**STILL)(images, generator()), images, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shift_is_that_of_scipy(shape):
    image, copies, _ = changed(shape, shift=0.2)
    _, offsets = motions(shape, shift=0.2)
    for copy, (x, y) in zip(copies, offsets, strict=True):
        # The picture moves against the place that it is read from.
        expected = ndimage.shift(image, (-y, -x), order=1, mode="nearest")
        assert_allclose(copy, expected, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_rotation_is_that_of_scipy_also_where_images_are_not_square(shape):
    image, copies, _ = changed(shape, rotation=60)
    matrices, _ = motions(shape, rotation=60)
    for copy, matrix in zip(copies, matrices, strict=True):
        # Against the clock as one sees the picture, as SciPy counts it.
        degrees = np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0]))
        expected = ndimage.rotate(
            image, degrees, reshape=False, order=1, mode="nearest"
        )
        assert_allclose(copy, expected, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_everything_together_is_scipys_affine_transform(shape):
    amounts = {"rotation": 40, "shift": 0.15, "scale": 0.3, "shear": 0.4}
    image, copies, _ = changed(shape, **amounts)
    center = (np.array(shape) - 1) / 2
    for copy, matrix, offset in zip(copies, *motions(shape, **amounts), strict=True):
        rows_first = matrix[::-1, ::-1]
        start = center - rows_first @ center + offset[::-1]
        expected = ndimage.affine_transform(
            image, rows_first, start, order=1, mode="nearest"
        )
        assert_allclose(copy, expected, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_images_that_are_only_shifted_move_by_whole_pixels(shape):
    _, offsets = motions(shape, n=200, shift=0.15)
    assert_allclose(offsets, offsets.round(), atol=1e-9)
    for found, side in zip(offsets.T, shape[::-1], strict=True):
        most = int(0.15 * side)
        n_each = [(np.isclose(found, x)).sum() for x in range(-most, most + 1)]
        assert sum(n_each) == 200
        assert min(n_each) > 0.4 * 200 / len(n_each)
    _, offsets = motions(shape, shift=0.15, shear=0.01)
    assert np.abs(offsets - offsets.round()).max() > 0.1


@quickly
@given(st.sampled_from(SHAPES), st.floats(0, 0.3), seeds)
def test_no_image_is_shifted_beyond_its_share_of_the_side(shape, shift, seed):
    matrices, offsets = motions(shape, n=3, seed=seed, shift=shift)
    assert_allclose(matrices, np.tile(np.eye(2), (3, 1, 1)), atol=1e-9)
    assert (np.abs(offsets) <= shift * np.array(shape[::-1]) + 1e-9).all()


@quickly
@given(st.sampled_from(SHAPES), st.floats(0, 180), seeds)
def test_no_image_is_turned_beyond_its_angle(shape, rotation, seed):
    matrices, offsets = motions(shape, n=3, seed=seed, rotation=rotation)
    assert_allclose(offsets, 0, atol=1e-9)
    for matrix in matrices:
        assert_allclose(matrix @ matrix.T, np.eye(2), atol=1e-9)
        assert np.linalg.det(matrix) > 0
        angle = np.rad2deg(np.arccos(np.clip(matrix[0, 0], -1, 1)))
        assert angle <= rotation + 1e-4


@quickly
@given(st.sampled_from(SHAPES), st.floats(0, 0.6), seeds)
def test_no_image_grows_or_shrinks_beyond_its_scale(shape, scale, seed):
    matrices, offsets = motions(shape, n=3, seed=seed, scale=scale)
    assert_allclose(offsets, 0, atol=1e-9)
    for matrix in matrices:
        assert_allclose(matrix, matrix[0, 0] * np.eye(2), atol=1e-9)
        assert abs(1 / matrix[0, 0] - 1) <= scale + 1e-9


@quickly
@given(st.sampled_from(SHAPES), st.floats(0, 2), seeds)
def test_a_shear_moves_rows_by_a_share_of_their_distance(shape, shear, seed):
    matrices, offsets = motions(shape, n=3, seed=seed, shear=shear)
    assert_allclose(offsets, 0, atol=1e-9)
    for matrix in matrices:
        assert_allclose([matrix[0, 0], *matrix[1]], [1, 0, 1], atol=1e-9)
        assert abs(matrix[0, 1]) <= shear + 1e-9


def test_turned_and_sheared_images_keep_their_area():
    matrices, _ = motions(n=20, rotation=180, shear=1)
    assert_allclose(np.linalg.det(matrices), 1)


@pytest.mark.parametrize(
    ("amounts", "drawn"),
    [
        ({"shift": 0.2}, lambda matrix, offset: offset[:, 0] / (0.2 * 21)),
        ({"shift": 0.2}, lambda matrix, offset: offset[:, 1] / (0.2 * 21)),
        ({"rotation": 30}, lambda matrix, offset: matrix[:, 1, 0] * 2),
        ({"scale": 0.2}, lambda matrix, offset: (1 / matrix[:, 0, 0] - 1) / 0.2),
        ({"shear": 0.5}, lambda matrix, offset: matrix[:, 0, 1] / 0.5),
    ],
)
def test_amounts_reach_to_their_bounds_on_both_sides(amounts, drawn):
    values = drawn(*motions(n=200, **amounts))
    assert values.min() < -0.9
    assert values.max() > 0.9
    assert abs(values.mean()) < 0.25


@quickly
@given(st.floats(0, 180), st.floats(0, 1), st.floats(0, 0.99), st.floats(0, 5), seeds)
def test_white_paper_stays_white(rotation, shift, scale, shear, seed):
    change = RandomAffine(rotation=rotation, shift=shift, scale=scale, shear=shear)
    white = torch.ones(3, 1, 6, 9)
    torch.testing.assert_close(change(white, generator(seed)), white)


def test_the_same_seed_gives_the_same_changes_and_another_others():
    images = torch.rand(4, 1, 8, 8, generator=generator())
    change = RandomAffine()
    assert torch.equal(change(images, generator(1)), change(images, generator(1)))
    assert not torch.equal(change(images, generator(1)), change(images, generator(2)))
    source = generator(1)
    assert not torch.equal(change(images, source), change(images, source))


def test_each_image_is_changed_in_its_own_way():
    _, copies, _ = changed(n=10, shift=0.1)
    for i in range(10):
        for j in range(i):
            assert np.abs(copies[i] - copies[j]).max() > 1e-3


def moved_by(move, images, out):
    """Return which of the images came out as `move` makes them."""
    return torch.isclose(out, move(images), atol=1e-5).flatten(1).all(dim=1)


def about(share, which):
    """Return whether a share of the images was drawn, within four standard errors."""
    n = len(which)
    return abs(which.sum() - share * n) < 4 * (share * (1 - share) * n) ** 0.5


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "axis"), [("horizontal_flip", 3), ("vertical_flip", 2)]
)
def test_half_of_the_images_are_flipped(name, axis, shape):
    images = torch.rand(200, 2, *shape, generator=generator())
    out = RandomAffine(**STILL, **{name: True})(images, generator())
    flipped = moved_by(lambda images: images.flip(axis), images, out)
    assert torch.equal(~flipped, moved_by(torch.clone, images, out))
    assert about(0.5, flipped)


def test_square_images_are_turned_by_each_quarter_as_often():
    images = torch.rand(400, 2, 9, 9, generator=generator())
    out = RandomAffine(**STILL, quarter_turns=True)(images, generator())
    turned = [
        moved_by(lambda images, k=k: images.rot90(k, (2, 3)), images, out)
        for k in range(4)
    ]
    assert (torch.stack(turned).sum(dim=0) == 1).all()
    assert all(about(0.25, which) for which in turned)


@pytest.mark.parametrize("shape", [(9, 14), (14, 9), (1, 5)])
def test_images_that_are_not_square_are_turned_by_half_turns(shape):
    images = torch.rand(200, 2, *shape, generator=generator())
    out = RandomAffine(**STILL, quarter_turns=True)(images, generator())
    turned = moved_by(lambda images: images.rot90(2, (2, 3)), images, out)
    assert torch.equal(~turned, moved_by(torch.clone, images, out))
    assert about(0.5, turned)


def test_flips_and_turns_reach_all_eight_poses_of_a_square():
    images = torch.rand(800, 1, 5, 5, generator=generator())
    flags = dict.fromkeys(SYMMETRIES, True)
    out = RandomAffine(**STILL, **flags)(images, generator())
    poses = [
        moved_by(
            lambda images, k=k, flip=flip: flip(images.rot90(k, (2, 3))), images, out
        )
        for k in range(4)
        for flip in (torch.clone, lambda images: images.flip(3))
    ]
    assert (torch.stack(poses).sum(dim=0) == 1).all()
    assert all(about(1 / 8, which) for which in poses)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_flip_comes_before_the_other_changes(shape):
    images = torch.rand(60, 1, *shape, generator=generator(), dtype=torch.float64)
    plain, flipped, either = (
        RandomAffine(horizontal_flip=flip)(stack, generator(1))
        for flip, stack in ((False, images), (False, images.flip(3)), (True, images))
    )
    is_flipped = moved_by(lambda images: flipped, images, either)
    assert torch.equal(~is_flipped, moved_by(lambda images: plain, images, either))
    assert about(0.5, is_flipped)


def test_an_instance_that_is_called_takes_auto_for_false():
    images = torch.rand(20, 1, 8, 8, generator=generator())
    off = RandomAffine(**dict.fromkeys(SYMMETRIES, False))
    assert torch.equal(RandomAffine()(images, generator()), off(images, generator()))


@pytest.mark.parametrize("name", SYMMETRIES)
def test_numpys_bools_are_bools(name):
    """A grid of parameters may hold them."""
    images = torch.rand(20, 1, 8, 8, generator=generator())
    for ours, numpys in ((True, np.True_), (False, np.False_)):
        one, two = (
            RandomAffine(**{name: value})(images, generator())
            for value in (ours, numpys)
        )
        assert torch.equal(one, two)


def test_a_decision_takes_the_place_of_auto_and_of_nothing_else():
    change = RandomAffine(rotation=3, vertical_flip=False)
    assert change.undecided() == ["horizontal_flip", "quarter_turns"]
    decided = change.decided(dict.fromkeys(SYMMETRIES, True))
    assert decided.get_params() == {
        **change.get_params(),
        "horizontal_flip": True,
        "quarter_turns": True,
    }
    assert decided.undecided() == []
    assert change.undecided() == ["horizontal_flip", "quarter_turns"]


def test_the_class_of_a_subclass_is_kept_by_a_decision():
    class Own(RandomAffine):
        """An augmentation with a parameter of its own."""

        tilt: float = 0.5

    decided = Own(tilt=0.1).decided(dict.fromkeys(SYMMETRIES, False))
    assert isinstance(decided, Own)
    assert decided.tilt == 0.1


def test_neither_the_images_nor_torchs_generator_are_touched():
    images = torch.rand(4, 3, 8, 8, generator=generator())
    kept, before = images.clone(), torch.get_rng_state()
    RandomAffine()(images, generator())
    assert torch.equal(images, kept)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_layout_of_color_images_is_kept(dtype):
    images = torch.rand(4, 3, 8, 10, dtype=dtype, generator=generator())
    out = RandomAffine()(images, generator())
    assert (out.shape, out.dtype) == (images.shape, dtype)
    last = images.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(RandomAffine()(last, generator()), out)


def test_parameters_are_scikit_learns():
    change = RandomAffine(rotation=15)
    assert set(change.get_params()) == {*STILL, *SYMMETRIES}
    assert repr(change) == "RandomAffine(rotation=15)"
    change.set_params(shift=0.3)
    copy = clone(change)
    assert copy is not change
    assert copy.get_params() == change.get_params()
    assert copy.shift == 0.3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rotation", -1),
        ("rotation", 181),
        ("rotation", float("nan")),
        ("shift", 1.1),
        ("shift", None),
        ("scale", 1),
        ("scale", -0.1),
        ("shear", -0.1),
        ("shear", "much"),
        ("horizontal_flip", "often"),
        ("vertical_flip", None),
        ("quarter_turns", 2),
    ],
)
def test_a_bad_parameter_is_named(name, value):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter"):
        RandomAffine(**{name: value}).check()


@pytest.mark.parametrize(
    "amounts",
    [
        {},
        STILL,
        {"rotation": 180, "shift": 1},
        dict.fromkeys(SYMMETRIES, False),
        dict.fromkeys(SYMMETRIES, np.True_),
    ],
)
def test_good_parameters_pass(amounts):
    RandomAffine(**amounts).check()


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (torch.ones(2, 1, 4, 5), r"it returned torch.Size\(\[2, 1, 4, 5\]\)"),
        (np.ones((2, 1, 4, 4)), r"must return a tensor of the shape .*\(2, 1, 4, 4\)"),
        (None, "it returned NoneType"),
    ],
)
def test_a_callable_that_returns_something_else_is_refused(result, told):
    with pytest.raises(ValueError, match=told):
        augment(lambda images, generator: result, torch.ones(2, 1, 4, 4), generator())


def test_a_callable_gets_images_and_generator_and_its_result_their_dtype():
    images, source = torch.ones(2, 1, 4, 4), generator()

    def double(given_images, given_generator):
        assert given_images is images
        assert given_generator is source
        return (given_images * 2).double()

    out = augment(double, images, source)
    assert out.dtype == images.dtype
    assert torch.equal(out, images * 2)
