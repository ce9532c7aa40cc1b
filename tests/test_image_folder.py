import builtins
import os
import re
import shutil
import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline

from sklearn_digits import ConvNetClassifier, ConvolutionFeatureTransformer
from sklearn_digits.datasets import load_image, load_image_folder
from sklearn_digits.datasets._image_folder import image_sizes

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(256, size=(6, 10, 12), dtype=np.uint8)


def save(path, pixels, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **kwargs)


def png_bytes(width, height):
    """A PNG of a few bytes that claims any number of pixels."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", content), chunk(b"IEND", b"")]
    )


@pytest.fixture
def folder(tmp_path):
    """Six images of three classes, the files' names not in order of time."""
    for i in (5, 2, 4, 0, 3, 1):
        save(tmp_path / ["cat", "dog", "eel"][i // 2] / f"{i}.png", PIXELS[i])
    return tmp_path


def test_a_thousand_files_hold_what_was_written(tmp_path):
    images = RNG.integers(256, size=(1000, 28, 28), dtype=np.uint8)
    target = RNG.integers(10, size=1000)
    for i, (image, label) in enumerate(zip(images, target, strict=True)):
        save(tmp_path / str(label) / f"{i:04}.png", image)
    order = np.argsort(target, kind="stable")
    loaded = load_image_folder(tmp_path)
    np.testing.assert_array_equal(loaded.images, images[order], strict=True)
    np.testing.assert_array_equal(loaded.target, target[order], strict=True)
    assert loaded.target_names.tolist() == list("0123456789")


def test_the_bunch_names_files_and_classes(folder):
    loaded = load_image_folder(str(folder))
    np.testing.assert_array_equal(loaded.images, PIXELS, strict=True)
    np.testing.assert_array_equal(loaded.data, PIXELS.reshape(6, 120), strict=True)
    assert np.shares_memory(loaded.data, loaded.images)
    assert loaded.target.tolist() == [0, 0, 1, 1, 2, 2]
    assert loaded.target.dtype == np.int64
    assert loaded.target_names.tolist() == ["cat", "dog", "eel"]
    assert loaded.filenames[2] == str(folder / "dog" / "2.png")
    assert loaded.skipped == {}


def test_images_are_resized_if_a_shape_is_asked_for(folder):
    save(folder / "dog" / "large.png", np.full((40, 30), 9, dtype=np.uint8))
    loaded = load_image_folder(folder, (5, 7))
    assert loaded.images.shape == (7, 5, 7)
    assert (loaded.images[4] == 9).all()
    expected = Image.fromarray(PIXELS[0]).resize((7, 5), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(loaded.images[0], expected)


def test_colors_become_gray_unless_they_are_wanted(tmp_path):
    colors = RNG.integers(256, size=(4, 5, 3), dtype=np.uint8)
    save(tmp_path / "a" / "color.png", colors)
    save(tmp_path / "a" / "gray.png", colors[..., 0])
    gray = load_image_folder(tmp_path).images
    assert gray.shape == (2, 4, 5)
    np.testing.assert_allclose(gray[0], colors @ [0.299, 0.587, 0.114], atol=1)
    loaded = load_image_folder(tmp_path, as_gray=False)
    np.testing.assert_array_equal(loaded.images[0], colors)
    np.testing.assert_array_equal(loaded.images[1], colors[..., [0, 0, 0]])
    assert loaded.data.shape == (2, 60)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[True, False]]), [255, 0]),
        (np.array([[65535, 257]], dtype=np.uint16), [255, 1]),
        (np.array([[[9, 9, 9, 255], [9, 9, 9, 0]]], dtype=np.uint8), [9, 255]),
    ],
)
def test_every_kind_of_png_becomes_bytes(tmp_path, pixels, expected):
    save(tmp_path / "a" / "a.png", pixels)
    assert load_image_folder(tmp_path).data.tolist() == [expected]


def test_a_palette_is_looked_up(tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(PIXELS[0]).convert("P").save(tmp_path / "a" / "a.png")
    np.testing.assert_array_equal(load_image_folder(tmp_path).images[0], PIXELS[0])


def test_photos_are_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    pixels = np.repeat(np.array([[0, 255]], dtype=np.uint8), 8, axis=0).repeat(8, 1)
    save(tmp_path / "a" / "photo.jpg", pixels, exif=exif, quality=95)
    [image] = load_image_folder(tmp_path).images
    assert image.shape == (16, 8)
    assert image[:6].max() < 20
    assert image[10:].min() > 235


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["photo.jpg", "photo.png"])
def test_the_size_of_a_file_is_that_of_its_upright_image(tmp_path, orientation, name):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tmp_path / "a" / name, PIXELS[0], exif=exif)
    (tmp_path / "a" / "notes.png").write_text("a text")
    save(tmp_path / "a_file_of_no_class.png", PIXELS[0, :2])
    assert image_sizes(tmp_path) == {load_image(tmp_path / "a" / name).shape[1:]}


def break_png(folder):
    path = folder / "dog" / "2.png"
    path.write_bytes(path.read_bytes()[:60])
    return path


def break_header(folder):
    path = folder / "dog" / "2.png"
    path.write_bytes(path.read_bytes()[:20])
    return path


def add_text(folder):
    path = folder / "dog" / "notes.txt"
    path.write_text("these are dogs")
    return path


def add_empty_class(folder):
    path = folder / "fox"
    path.mkdir()
    return path


def add_larger_image(folder):
    path = folder / "dog" / "large.png"
    save(path, np.zeros((20, 12), dtype=np.uint8))
    return path


def add_bomb(folder):
    path = folder / "dog" / "bomb.png"
    path.write_bytes(png_bytes(12_000, 12_000))
    return path


def add_large_bomb(folder):
    path = folder / "dog" / "bomb.png"
    path.write_bytes(png_bytes(2**31 - 1, 2**31 - 1))
    return path


def add_image_without_class(folder):
    path = folder / "stray.png"
    save(path, PIXELS[0])
    return path


def add_other_format(folder):
    path = folder / "dog" / "image.png"
    save(path, PIXELS[0], format="BMP")
    return path


TROUBLES = [
    (break_png, "truncated|broken|incomplete"),
    (break_header, "cannot identify|[Tt]runcated"),
    (add_text, "cannot identify image file"),
    (add_empty_class, "a folder without images"),
    (add_larger_image, r"20x12 pixels .*0\.png has 10x12; expected equal sizes"),
    (add_bomb, "decompression bomb"),
    (add_large_bomb, "decompression bomb"),
    (add_image_without_class, "lies in no subfolder"),
    (add_other_format, "cannot identify image file"),
]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_where_pillows_warning_is_not_an_error(folder):
    add_bomb(folder)
    with pytest.raises(ValueError, match=r"claims 12000x12000.*MAX_IMAGE_PIXELS"):
        load_image_folder(folder, on_error="raise")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_named_and_not_waited_for(folder):
    path = folder / "dog" / "pipe.png"
    os.mkfifo(path)
    with pytest.raises(
        ValueError, match=r"pipe\.png cannot be used: it is not a regular file"
    ):
        load_image_folder(folder, on_error="raise")
    with pytest.warns(UserWarning, match=r"pipe\.png"):
        assert len(load_image_folder(folder).images) == 6


def test_threads_leave_no_warning_filter_behind(folder):
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: load_image_folder(folder), range(64)))
    assert warnings.filters == before


@pytest.mark.parametrize("n_bits", [8, 16])
def test_the_transparent_value_of_a_gray_file_is_white(n_bits, tmp_path):
    pixels = np.array([[0, 3], [7, 200]], dtype=f"u{n_bits // 8}")
    pixels *= 1 if n_bits == 8 else 257
    path = tmp_path / "a" / "image.png"
    save(path, pixels, transparency=int(pixels[1, 0]))
    assert load_image_folder(tmp_path).images.tolist() == [[[0, 3], [255, 200]]]


@pytest.mark.parametrize(("spoil", "reason"), TROUBLES)
def test_an_error_names_the_file_and_the_reason(folder, spoil, reason):
    path = spoil(folder)
    message = f"^{re.escape(str(path))} cannot be used: .*({reason})"
    with pytest.raises(ValueError, match=message):
        load_image_folder(folder, on_error="raise")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("spoil", "reason"), TROUBLES)
def test_a_warning_names_what_is_skipped_and_the_rest_is_loaded(folder, spoil, reason):
    path = spoil(folder)
    message = f"1 of the files .* skipped.*{re.escape(str(path))}"
    with pytest.warns(UserWarning, match=message) as caught:
        loaded = load_image_folder(folder)
    ours = [warning for warning in caught if warning.category is UserWarning]
    assert [warning.filename for warning in ours] == [__file__]
    [(skipped, why)] = loaded.skipped.items()
    assert skipped == str(path)
    assert re.search(reason, why)
    kept = [i for i in range(6) if str(i) != path.stem]
    np.testing.assert_array_equal(loaded.images, PIXELS[kept])
    assert loaded.target.tolist() == [i // 2 for i in kept]
    assert loaded.target_names[:3].tolist() == ["cat", "dog", "eel"]


def test_an_empty_class_keeps_its_number(folder):
    shutil.rmtree(folder / "cat")
    (folder / "cat").mkdir()
    with pytest.warns(UserWarning, match="cat"):
        loaded = load_image_folder(folder)
    assert loaded.target_names.tolist() == ["cat", "dog", "eel"]
    assert loaded.target.tolist() == [1, 1, 2, 2]


def test_the_first_image_may_be_the_broken_one(folder):
    (folder / "cat" / "0.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"0\.png"):
        loaded = load_image_folder(folder)
    np.testing.assert_array_equal(loaded.images, PIXELS[1:])


def test_several_skipped_files_are_warned_of_once(folder):
    (folder / "cat" / "0.png").write_bytes(b"")
    add_text(folder)
    with pytest.warns(UserWarning, match=r"^2 of the files .* \.\.\.$") as caught:
        assert len(load_image_folder(folder).skipped) == 2
    assert len(caught) == 1


def test_a_folder_in_which_nothing_can_be_used_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="holds no image that can be used"):
        load_image_folder(tmp_path)


def test_hidden_files_are_passed_over(folder):
    (folder / ".hidden").mkdir()
    (folder / "cat" / ".DS_Store").write_bytes(b"\0")
    assert len(load_image_folder(folder).images) == 6


def test_what_is_no_folder_of_folders_is_refused(folder):
    with pytest.raises(NotADirectoryError, match="missing is not a folder"):
        load_image_folder(folder / "missing")
    with pytest.raises(ValueError, match="cat has no subfolders; expected one for"):
        load_image_folder(folder / "cat")


@pytest.mark.parametrize("image_shape", [(8,), (8, 8, 3), (8, 8, 1), (0, 8)])
def test_a_shape_that_is_not_height_and_width_is_refused(folder, image_shape):
    with pytest.raises(ValueError, match="image_shape="):
        load_image_folder(folder, image_shape)


@pytest.mark.parametrize("wrong", [{"on_error": "ignore"}, {"as_gray": 3}])
def test_wrong_parameters_are_named(folder, wrong):
    with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter"):
        load_image_folder(folder, **wrong)


@pytest.mark.parametrize("verbose", [False, True])
def test_a_progress_bar_shows_if_asked_for(folder, capsys, verbose):
    load_image_folder(folder, verbose=verbose)
    output = capsys.readouterr()
    assert output.out == ""
    assert ("100%" in output.err) == verbose


def test_without_pillow_the_error_says_what_to_install(folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "PIL")
    original = builtins.__import__

    def no_pillow(name, *args, **kwargs):
        if name.split(".")[0] == "PIL":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_pillow)
    with pytest.raises(ImportError, match="pip install pillow"):
        load_image_folder(folder)


def test_images_and_the_names_of_their_classes_can_be_returned(folder):
    X, y = load_image_folder(folder, return_X_y=True)
    np.testing.assert_array_equal(X, PIXELS, strict=True)
    assert y.tolist() == ["cat", "cat", "dog", "dog", "eel", "eel"]
    assert load_image_folder(folder).labels.tolist() == y.tolist()


@pytest.mark.parametrize("as_gray", [True, False])
@pytest.mark.parametrize(("height", "width"), [(20, 40), (40, 20)])
def test_padding_keeps_the_ratio_and_the_color_of_the_border(
    tmp_path, as_gray, height, width
):
    pixels = np.full((height, width, 3), [200, 100, 50], dtype=np.uint8)
    pixels[height // 2 - 5 : height // 2 + 5, width // 2 - 5 : width // 2 + 5] = 0
    save(tmp_path / "a" / "square.png", pixels)
    load = {"image_shape": (40, 40), "as_gray": as_gray}
    [padded] = load_image_folder(tmp_path, **load, pad_to_aspect_ratio=True).images
    [stretched] = load_image_folder(tmp_path, **load).images
    dark = [image.reshape(40, 40, -1).max(axis=2) < 20 for image in (padded, stretched)]
    sides = [{mask.any(axis=axis).sum() for axis in (0, 1)} for mask in dark]
    assert sides[0] == {10}
    assert len(sides[1]) == 2
    expected = padded[20, 2] if width > height else padded[2, 20]
    assert (padded[[0, 0, -1, -1], [0, -1, 0, -1]] == expected).all()


def test_an_error_says_that_most_images_have_other_sizes(folder):
    (folder / "cat" / "0.png").unlink()
    save(folder / "cat" / "0.png", np.zeros((3, 4), dtype=np.uint8))
    with pytest.raises(ValueError, match="expected equal sizes, or pass image_shape"):
        load_image_folder(folder)


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("in_a_pipeline", [False, True])
def test_a_new_file_becomes_an_image_like_those_of_the_fit(
    tmp_path, n_channels, in_a_pipeline
):
    X = RNG.integers(256, size=(8, 6, 5, n_channels), dtype=np.uint8)
    model = ConvolutionFeatureTransformer("sobel")
    if in_a_pipeline:
        model = make_pipeline(model, DummyClassifier())
    model.fit(X, np.arange(8) % 2)
    path = tmp_path / "new.png"
    save(path, RNG.integers(256, size=(12, 10, 3), dtype=np.uint8))
    image = load_image(path, like=model)
    expected = load_image(path, (6, 5), as_gray=n_channels == 1)
    np.testing.assert_array_equal(image, expected, strict=True)
    assert image.shape == (1, 6, 5) + (3,) * (n_channels == 3)
    assert len(model.predict(image) if in_a_pipeline else model.transform(image)) == 1


def test_a_file_of_the_folder_gets_the_class_that_it_had_there(folder):
    X, y = load_image_folder(folder, return_X_y=True)
    model = ConvNetClassifier(
        channels=(8,), augmentation=None, max_iter=40, random_state=0
    ).fit(X, y)
    assert model.predict(load_image(folder / "dog" / "2.png", like=model)) == "dog"


def test_a_file_that_is_not_an_image_is_named(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("a text")
    with pytest.raises(ValueError, match=r"notes\.png cannot be used: cannot identify"):
        load_image(path)
    with pytest.raises(FileNotFoundError, match=r"missing\.png does not exist"):
        load_image(tmp_path / "missing.png")


@pytest.mark.parametrize("like", [DummyClassifier(), make_pipeline(DummyClassifier())])
def test_an_estimator_that_has_seen_no_image_shape_is_refused(folder, like):
    with pytest.raises(ValueError, match="has no attribute image_shape_"):
        load_image(folder / "dog" / "2.png", like=like)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # about odd metadata
def test_damaged_files_load_or_are_named(tmp_path, name):
    path = tmp_path / "class" / name
    save(path, PIXELS[0])
    original, errors = path.read_bytes(), []
    rng = np.random.default_rng(0)  # of its own: other tests draw from RNG too
    for _ in range(1000):
        content = bytearray(original)
        for at in rng.integers(len(content), size=rng.integers(1, 4)):
            content[at] = rng.integers(256)
        path.write_bytes(content)
        try:
            load_image_folder(tmp_path, on_error="raise")
        except ValueError as error:
            errors.append(str(error))
    assert 0 < len(errors) < 1000
    assert all(error.startswith(f"{path} cannot be used") for error in errors)
