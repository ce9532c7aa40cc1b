import numpy as np
import pytest
from drawings import draw_digit
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from sklearn_digits import to_digit_image

DIGITS = range(10)
INK, PAPER = 30.0, 230.0


def on_paper(ink, dark=INK, bright=PAPER):
    """Ink as the gray values of a drawing, dark on bright."""
    return bright + (dark - bright) * ink


def side_lengths(digit):
    rows, columns = np.nonzero(digit > 60)
    return np.ptp(rows) + 1, np.ptp(columns) + 1


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_fills_a_box_of_20_and_has_its_mass_in_the_middle(digit):
    image = to_digit_image(on_paper(draw_digit(digit, (120, 90), thickness=10)))
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert (image.min(), image.max()) == (0, 255)
    assert 19 <= max(side_lengths(image)) <= 21
    assert_allclose(ndimage.center_of_mass(image), (14, 14), atol=0.1)


def test_mnists_own_images_stay_nearly_as_they_are(mnist):
    images = mnist.train.images[-100:]
    again = np.array([to_digit_image(image) for image in images])
    # MNIST centers by whole pixels only.
    correlation = [
        np.corrcoef(ndimage.gaussian_filter([one, other], (0, 1, 1)).reshape(2, -1))
        for one, other in zip(images.astype(float), again.astype(float), strict=True)
    ]
    assert np.mean(correlation, axis=0)[0, 1] > 0.95


def test_the_ratio_of_height_and_width_is_kept():
    ink = np.zeros((100, 200))
    ink[40:60, 20:180] = 1
    assert_allclose(side_lengths(to_digit_image(ink)), (2.5, 20), atol=1)
    assert_allclose(side_lengths(to_digit_image(ink.T)), (20, 2.5), atol=1)


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (20, 32), (56, 56)])
def test_any_shape_is_filled_alike(shape):
    image = to_digit_image(on_paper(draw_digit(0)), image_shape=shape)
    assert image.shape == shape
    assert_allclose(ndimage.center_of_mass(image), [s // 2 for s in shape], atol=0.3)
    height, width = side_lengths(image)
    assert abs(height - shape[0] * 20 / 28) < 2 or abs(width - shape[1] * 20 / 28) < 2


def test_a_digit_heavy_on_one_side_is_not_cut_off():
    ink = np.zeros((100, 100))
    ink[10:90, 10:13] = ink[80:90, 10:90] = 1
    image = to_digit_image(ink)
    assert min(side_lengths(image)) >= 19


@pytest.mark.parametrize("digit", DIGITS)
def test_bright_ink_on_dark_ground_is_the_same_digit(digit):
    drawing = on_paper(draw_digit(digit))
    difference = to_digit_image(drawing) - to_digit_image(255 - drawing).astype(int)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("scale", [1, 1 / 255, 100])
def test_dtype_and_scale_do_not_matter(dtype, scale):
    drawing = on_paper(draw_digit(5)).round()
    if scale != 1 and dtype != np.float64:
        pytest.skip("whole numbers and float32 hold the drawing at scale 1")
    given = (drawing * scale).astype(dtype)
    before = given.copy()
    assert_allclose(to_digit_image(given).astype(int), to_digit_image(drawing), atol=1)
    assert_array_equal(given, before)


def test_boolean_ink_and_lists_are_images_too():
    ink = draw_digit(7) > 0.5
    assert_array_equal(to_digit_image(ink), to_digit_image(ink.astype(float)))
    assert_array_equal(to_digit_image(ink.tolist()), to_digit_image(ink))


@pytest.mark.parametrize("ink_color", [(20, 20, 160), (180, 10, 10), (0, 80, 0)])
def test_colors_become_gray(ink_color):
    ink = draw_digit(2)[:, :, np.newaxis]
    color = np.uint8(on_paper(ink, np.array(ink_color), 240))
    expected = to_digit_image(on_paper(draw_digit(2))).astype(int)
    assert_allclose(to_digit_image(color).astype(int), expected, atol=4)
    assert_array_equal(to_digit_image(color[:, :, :1]), to_digit_image(color[..., 0]))


@pytest.mark.parametrize("ink_color", [0, 255])
@pytest.mark.parametrize(
    ("dtype", "white"),
    [
        *((dtype, 255) for dtype in ("u1", "i2", "u2", "i4", "u4", "i8", "u8")),
        *((dtype, 65535) for dtype in ("u2", "i4", "u4", "i8", "u8")),
        *((dtype, white) for dtype in ("f4", "f8") for white in (1, 255)),
    ],
)
def test_transparent_pixels_are_paper(ink_color, dtype, white):
    ink = draw_digit(3)
    image = np.full((*ink.shape, 4), ink_color / 255, dtype=np.float64)
    image[..., 3] = np.clip(ink, 0, 1)
    image[0, 0, 3] = 1 if ink_color else 0  # full opacity somewhere
    image = np.rint(image * white) if white > 1 else image
    image = image.astype(dtype)
    expected = to_digit_image(ink).astype(int)
    assert_allclose(to_digit_image(image).astype(int), expected, atol=2)


def test_an_opaque_drawing_is_read_as_its_colors():
    gray = np.uint8(on_paper(draw_digit(3)))
    image = np.stack([gray] * 3 + [np.full_like(gray, 255)], axis=-1)
    assert_array_equal(to_digit_image(image), to_digit_image(image[:, :, :3]))


@pytest.mark.parametrize("corner", [(5, 5), (5, 300), (180, 5), (180, 300)])
def test_place_and_size_on_the_paper_do_not_matter(corner):
    ink = draw_digit(9, (300, 400), (*corner, 110, 90), thickness=10)
    expected = to_digit_image(draw_digit(9, (300, 400), (60, 80, 110, 90), 10))
    assert_allclose(to_digit_image(ink).astype(int), expected, atol=5)
    large = draw_digit(9, (600, 800), (60, 80, 440, 360), thickness=40)
    assert np.abs(to_digit_image(large) - expected.astype(float)).mean() < 6


@pytest.mark.parametrize("digit", DIGITS)
def test_uneven_light_noise_and_dust_are_taken_out(digit):
    rng = np.random.default_rng(digit)
    ink = draw_digit(digit, (150, 200), (30, 60, 90, 65), thickness=9)
    expected = to_digit_image(on_paper(ink)).astype(float)
    y, x = np.mgrid[:150, :200] / 200
    drawing = on_paper(ink) * (1 - 0.5 * x - 0.2 * y**2)
    drawing += rng.normal(scale=5, size=drawing.shape)
    drawing[10:13, 10:13] = 20  # dust
    image = to_digit_image(drawing)
    assert np.abs(image - expected).mean() < 6
    assert not image[:3].any()


@pytest.mark.parametrize("digit", DIGITS)
def test_thin_strokes_become_as_thick_as_mnists(digit):
    box = (20, 20, 240, 180)
    thin = to_digit_image(draw_digit(digit, (300, 400), box, thickness=2))
    thick = to_digit_image(draw_digit(digit, (300, 400), box, thickness=60))
    usual = to_digit_image(draw_digit(digit, (300, 400), box, thickness=26))
    # 2 pixels at the least, of which those at the edge are gray.
    assert (thin > 127).sum() >= 0.55 * (usual > 127).sum()
    assert thick.sum() > usual.sum()


def test_photos_of_many_pixels_are_read():
    small = draw_digit(6, (150, 200), thickness=10)
    photo = np.kron(np.uint8(on_paper(small)), np.ones((8, 8), dtype=np.uint8))
    difference = to_digit_image(photo) - to_digit_image(on_paper(small)).astype(float)
    assert np.abs(difference).mean() < 8


@pytest.mark.parametrize("shape", [(1, 2), (2, 2), (1, 30), (3, 500)])
def test_images_of_a_few_pixels_are_read(shape):
    image = np.zeros(shape)
    image.flat[0] = 1
    assert max(side_lengths(to_digit_image(image))) >= 20


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((50, 50)),
        np.full((50, 50, 3), 200, dtype=np.uint8),
        np.full((50, 50), 0.1),
        np.ones((1, 1)),
        np.zeros((50, 50, 4)),
        np.random.default_rng(0).normal(200, 10, size=(150, 200)),
        np.add.outer(np.arange(150.0), np.arange(200.0)),
    ],
)
def test_an_image_of_nothing_is_refused(image):
    with pytest.raises(ValueError, match="shows nothing: no ink stands out"):
        to_digit_image(image)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros(784), r"shape \(784,\); expected numbers, \(height, width\)"),
        (np.zeros((2, 28, 28, 1)), r"expected numbers, \(height, width\)"),
        (np.zeros((0, 28)), "expected numbers"),
        ([["a"]], "array of <U1"),
        (np.zeros((28, 28, 2)), "2 channels in its last dimension; expected 1, 3 or 4"),
        (np.full((28, 28), np.nan), "holds NaN or infinity"),
    ],
)
def test_what_is_no_image_is_refused(image, message):
    with pytest.raises(ValueError, match=message):
        to_digit_image(image)


@pytest.mark.parametrize("image_shape", [(28,), (0, 28), (28, 28, 3)])
def test_a_shape_of_no_gray_image_is_refused(image_shape):
    with pytest.raises(ValueError, match="image_shape="):
        to_digit_image(draw_digit(1), image_shape=image_shape)


def twenty_drawings():
    """Two drawings of each digit, no two of them alike, and the digits."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :400] / 400
    styles = [
        ("thick", lambda d: on_paper(draw_digit(d, (200, 200), thickness=22))),
        ("thin", lambda d: on_paper(draw_digit(d, (200, 200), thickness=2, slant=0.2))),
        ("off-center", lambda d: on_paper(draw_digit(d, (200, 300), (8, 190, 80, 60)))),
        ("inverted", lambda d: draw_digit(d, (90, 120), thickness=7, slant=0.15)),
        (
            "color",
            lambda d: np.uint8(
                on_paper(
                    draw_digit(d)[..., None], np.array([30, 40, 150]), [250, 240, 200]
                )
            ),
        ),
        (
            "photo of 400x300",
            lambda d: (
                on_paper(draw_digit(d, (300, 400), (60, 150, 150, 100), 9, 0.1))
                * (1 - 0.4 * x - 0.3 * y)
                + rng.normal(scale=6, size=(300, 400))
            ),
        ),
    ]
    for i in range(20):
        name, draw = styles[i % len(styles)]
        yield f"{i // 2} {name}", i // 2, draw(i // 2)


@pytest.mark.slow
def test_a_network_that_knows_mnist_reads_drawings(convnet_of_mnist):
    names, digits, drawings = zip(*twenty_drawings(), strict=True)
    images = np.array([to_digit_image(drawing) for drawing in drawings])
    read = convnet_of_mnist.predict(images)
    wrong = [
        (name, int(r)) for name, d, r in zip(names, digits, read, strict=True) if r != d
    ]
    assert len(wrong) <= 2, wrong
