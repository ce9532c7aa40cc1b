"""The command line: train on a folder, predict files, serve the digit pad."""

import csv
import io
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
import warnings
import webbrowser
from argparse import Namespace
from http.server import ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread

import joblib
import numpy as np
import pytest
import skops.io
from drawings import draw_digit
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_digits import (
    ConvNetClassifier,
    ConvolutionFeatureTransformer,
    to_digit_image,
)
from sklearn_digits._commands import demo, train
from sklearn_digits._commands import predict as predict_command
from sklearn_digits._commands.main import main
from sklearn_digits._training.training_net import TrainingNet
from sklearn_digits.datasets import load_image, save_idx

NAMES = ["nought", "one, a stroke", "two"]
DIGITS = load_digits(n_class=3)
PIXELS = (15 * DIGITS.images).astype(np.uint8)


def save(path, pixels):
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(pixels).save(path)
    return path


def save_digits(folder, n):
    for i in range(n):
        save(folder / NAMES[DIGITS.target[i]] / f"{i:03}.png", PIXELS[i])
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with 150 pictures of three digits."""
    return save_digits(tmp_path_factory.mktemp("digits"), 150)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder with 30 pictures of three digits."""
    return save_digits(tmp_path_factory.mktemp("few_digits"), 30)


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    """The path of a model that reads three digits well."""
    path = tmp_path_factory.mktemp("model") / "digits.skops"
    assert main(["train", str(folder), "-o", str(path)]) == 0
    return path


@pytest.fixture
def new(tmp_path):
    """Nine pictures that no model has seen, and a text that is named as a picture."""
    files = [save(tmp_path / f"{i}.png", PIXELS[-i]) for i in range(1, 10)]
    broken = tmp_path / "broken.png"
    broken.write_text("not a picture")
    return [*files[:4], broken, *files[4:]]


def predict(capsys, *arguments):
    """Return the exit code of predict, its rows and its messages."""
    code = main(["predict", *map(str, arguments)])
    output, messages = capsys.readouterr()
    return code, list(csv.DictReader(io.StringIO(output))), messages


def stored_model(path):
    return skops.io.load(path, skops.io.get_untrusted_types(file=path))


def test_a_reader_that_stops_early_ends_predict_in_silence(model, new):
    command = [sys.executable, "-m", "sklearn_digits", "predict", str(model)]
    with subprocess.Popen(
        [*command, str(new[0])], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def fail(capsys, *arguments):
    """Return the message of a command that fails, and its exit code."""
    try:
        code = main([*map(str, arguments)])
    except SystemExit as error:
        code = error.code
    output, messages = capsys.readouterr()
    assert output == ""
    assert "Traceback" not in messages
    return code, messages


def without(monkeypatch, *modules):
    """Let the import of modules fail, and of what is in them."""
    for name in [*sys.modules]:
        if name.split(".")[0] in modules:
            monkeypatch.delitem(sys.modules, name)
    for name in modules:
        monkeypatch.setitem(sys.modules, name, None)


def test_new_files_are_predicted_and_a_broken_one_is_named(model, new, capsys):
    code, rows, messages = predict(capsys, model, *new)
    usable = [file for file in new if file.name != "broken.png"]
    assert code == 1
    assert [row["file"] for row in rows] == [str(file) for file in usable]
    right = [NAMES[DIGITS.target[-i]] for i in range(1, 10)]
    assert [row["label"] for row in rows] == right
    assert messages.startswith(f"error: {new[4]} cannot be used: cannot identify")
    assert len(messages.splitlines()) == 1
    assert predict(capsys, model, *usable)[::2] == (0, "")


def test_the_probabilities_of_all_classes_are_those_of_the_model(model, new, capsys):
    _, rows, _ = predict(capsys, model, *new, "--probabilities")
    stored = stored_model(model)
    expected = stored.predict_proba(PIXELS[:-10:-1])
    found = [[float(row[f"p_{name}"]) for name in stored.classes_] for row in rows]
    assert_allclose(found, expected, atol=1e-4)
    assert [float(row["probability"]) for row in rows] == [max(p) for p in found]


def test_the_report_tells_of_the_files_that_were_held_out(small, tmp_path, capsys):
    path = tmp_path / "weak.skops"
    code = main(["train", str(small), "-o", str(path), "--epochs=1", "--test-size=.6"])
    report = capsys.readouterr().out
    line = re.compile(
        r"^  (/.*\.png): read as (.*) with probability (.*)$", re.MULTILINE
    )
    files, labels, probabilities = zip(*line.findall(report), strict=True)
    more = re.search(r"png:.*\n  and (\d+) more", report)
    n_wrong = len(files) + (int(more[1]) if more else 0)
    assert code == 0
    assert 0 < len(files) <= 10
    assert "It learned from 12 pictures." in report
    assert stored_model(path).t_ == 12
    assert (
        f"Of the 18 pictures that were held out, it reads {1 - n_wrong / 18:.2%}"
        in report
    )
    _, rows, _ = predict(capsys, path, *files)
    assert [row["label"] for row in rows] == [*labels]
    assert_allclose(
        [float(row["probability"]) for row in rows],
        [float(probability) for probability in probabilities],
        atol=1e-3,
    )
    assert [*probabilities] == sorted(probabilities, reverse=True)
    names = [Path(file).parent.name for file in files]
    assert all(name != label for name, label in zip(names, labels, strict=True))
    assert f"{names[0]} read as {labels[0]}: " in report


def test_skipped_files_are_reported(small, tmp_path, capsys):
    broken = save(small / NAMES[0] / "zz.png", PIXELS[0])
    broken.write_bytes(broken.read_bytes()[:60])
    try:
        main(["train", str(small), "-o", str(tmp_path / "m.skops"), "--epochs=1"])
    finally:
        broken.unlink()
    output = capsys.readouterr().out
    assert f"Skipped files:\n  {broken}: " in output
    assert "Of the 6 pictures" in output


def test_the_same_seed_gives_the_same_model_and_report(small, tmp_path, new, capsys):
    def trained(name, *options):
        path = tmp_path / name
        assert main(["train", str(small), "-o", str(path), "--epochs=2", *options]) == 0
        report = capsys.readouterr().out.replace(name, "")
        return report, predict(capsys, path, *new, "--trust-pickle")[1]

    first = trained("1.skops")
    assert trained("2.joblib", "--seed=0") == first
    other = trained("3.pkl", "--seed=1")
    assert other[0] != first[0]
    everything = [trained(f"{i}.pkl", f"--seed={i}", "--test-size=0") for i in "45"]
    assert everything[0][1] != everything[1][1]


def test_the_seed_decides_which_files_are_held_out():
    def held_out(seed):
        options = Namespace(test_size=0.2, seed=seed)
        learned, others = train._split(DIGITS.target, options)
        assert sorted([*learned, *others]) == [*range(len(DIGITS.target))]
        return {*others}

    assert held_out(0) == held_out(0)
    assert held_out(0) != held_out(1)


def test_no_file_is_held_out_if_none_is_to_be(small, tmp_path, capsys):
    path = tmp_path / "m.skops"
    main(["train", str(small), "-o", str(path), "--epochs=1", "--test-size=0"])
    output = capsys.readouterr().out
    assert output == f"{path} holds the model. It learned from 30 pictures.\n"


@pytest.mark.parametrize("size", ["a tenth", "1", "-0.1", "nan"])
def test_a_share_that_is_none_is_named(small, tmp_path, capsys, size):
    with pytest.raises(SystemExit) as stopped:
        main(
            [
                "train",
                str(small),
                "-o",
                str(tmp_path / "m.skops"),
                f"--test-size={size}",
            ]
        )
    assert stopped.value.code == 2
    assert f"'{size}'; expected a number from 0 to below 1" in capsys.readouterr().err


def test_pictures_of_several_sizes_are_resized(small, tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(256, size=(20, 30), dtype=np.uint8)
    wide = save(small / NAMES[0] / "zz.png", pixels)
    shapes = {}
    try:
        for option in ("--color", "--pad", "--size=12x10"):
            path = tmp_path / f"{option}.joblib"
            main(["train", str(small), "-o", str(path), "--epochs=1", option])
            messages = capsys.readouterr().err
            assert ("different sizes" in messages) == (option != "--size=12x10")
            model = joblib.load(path)
            shapes[option] = model.image_shape_
            assert_array_equal(
                load_image(wide, like=model),
                load_image(
                    wide,
                    model.image_shape_[:2],
                    as_gray=option != "--color",
                    pad_to_aspect_ratio=option == "--pad",
                ),
            )
    finally:
        wide.unlink()
    assert shapes == {
        "--color": (32, 32, 3),
        "--pad": (28, 28, 1),
        "--size=12x10": (12, 10, 1),
    }


def test_new_files_may_have_another_size_and_colors(model, tmp_path, capsys):
    large = np.kron(PIXELS[0], np.ones((4, 4), dtype=np.uint8))
    files = [
        save(tmp_path / "large.png", large),
        save(tmp_path / "color.png", np.stack([large] * 3, axis=2)),
    ]
    code, rows, messages = predict(capsys, model, *files)
    assert (code, messages) == (0, "")
    assert [row["label"] for row in rows] == [NAMES[DIGITS.target[0]]] * 2


def test_a_drawing_is_made_like_the_digits_of_mnist(model, tmp_path, capsys):
    paper = (220 - 180 * draw_digit(2, shape=(150, 120))).astype(np.uint8)
    drawing = save(tmp_path / "drawing.png", paper)
    made = save(tmp_path / "made.png", to_digit_image(paper, (8, 8)))
    empty = save(tmp_path / "empty.png", np.full((50, 50), 255, dtype=np.uint8))
    code, [found], messages = predict(capsys, model, "--drawing", drawing, empty)
    _, [expected], _ = predict(capsys, model, made)
    assert found == {**expected, "file": str(drawing)}
    assert code == 1
    assert re.match(rf"error: {empty} cannot be used: .* shows nothing", messages)


def test_the_network_that_comes_along_reads_drawings(tmp_path, capsys):
    files = []
    for digit in range(10):
        paper = (220 - 180 * draw_digit(digit, shape=(150, 120))).astype(np.uint8)
        files.append(save(tmp_path / f"{digit}.png", paper))
    code, rows, messages = predict(capsys, "mnist", *files)
    assert (code, messages) == (0, "")
    assert [row["label"] for row in rows] == [*"0123456789"]
    assert predict(capsys, "mnist", "--drawing", *files)[1] == rows


def test_drawings_are_refused_for_a_model_of_color_images(tmp_path, new, capsys):
    clf = ConvNetClassifier(max_iter=1).fit(np.stack([PIXELS] * 3, 3), DIGITS.target)
    path = tmp_path / "m.skops"
    skops.io.dump(clf, path)
    code, message = fail(capsys, "predict", path, new[0], "--drawing")
    assert code == 1
    assert "images of 3 channels" in message


def test_a_pipeline_that_was_stored_in_python_predicts(tmp_path, new, capsys):
    pipeline = make_pipeline(ConvolutionFeatureTransformer(), LogisticRegression())
    pipeline.fit(PIXELS, DIGITS.target)
    skops.io.dump(pipeline, tmp_path / "m.skops")
    _, rows, _ = predict(capsys, tmp_path / "m.skops", *new[:4])
    expected = pipeline.predict(PIXELS[[-1, -2, -3, -4]])
    assert [int(row["label"]) for row in rows] == expected.tolist()


def add_unfitted(path):
    skops.io.dump(ConvNetClassifier(), path)


def add_transformer(path):
    skops.io.dump(ConvolutionFeatureTransformer().fit(PIXELS), path)


def add_text(path):
    path.write_text("a text")


def add_foreign(path):
    skops.io.dump(FunctionTransformer(joblib.dump), path)


def add_function_of_ours(path):
    skops.io.dump(FunctionTransformer(save_idx), path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "does not exist"),
        (add_unfitted, "holds a ConvNetClassifier; expected a fitted classifier"),
        (add_transformer, "holds a ConvolutionFeatureTransformer; expected a"),
        (add_text, "cannot be loaded: File is not a zip file"),
        (add_foreign, "cannot be loaded: Untrusted types .*joblib"),
        (add_function_of_ours, "cannot be loaded: Untrusted types .*save_idx"),
    ],
)
def test_what_is_no_model_is_refused(make, reason, tmp_path, new, capsys):
    path = tmp_path / "m.skops"
    make(path)
    code, message = fail(capsys, "predict", path, new[0])
    assert code == 1
    assert re.match(rf"error: .*{re.escape(str(path))}.* {reason}", message)


class Bomb:
    """A pickle of it makes a folder when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_runs_nothing_unless_it_is_trusted(tmp_path, new, capsys):
    path, mark = tmp_path / "m.pkl", tmp_path / "mark"
    joblib.dump(Bomb(str(mark)), path)
    code, message = fail(capsys, "predict", path, new[0])
    assert code == 1
    assert "m.pkl is a pickle" in message
    assert "--trust-pickle" in message
    assert not mark.exists()
    code, message = fail(capsys, "predict", path, new[0], "--trust-pickle")
    assert "holds a NoneType" in message
    assert mark.exists()


def test_an_existing_file_is_replaced_only_by_force(small, tmp_path, capsys):
    path = tmp_path / "m.skops"
    path.write_text("mine")
    code, message = fail(capsys, "train", small, "-o", path)
    assert code == 1
    assert "m.skops exists already. Pass --force" in message
    assert path.read_text() == "mine"
    assert main(["train", str(small), "-o", str(path), "--epochs=1", "--force"]) == 0
    assert path.read_bytes()[:2] == b"PK"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("missing/m.skops", "missing is not a folder"),
        ("folder.skops", "folder.skops is a folder"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_training(
    output, reason, small, tmp_path, capsys
):
    (tmp_path / "folder.skops").mkdir()
    code, message = fail(capsys, "train", small, "-o", tmp_path / output)
    assert code == 1
    assert reason in message


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "required: COMMAND"),
        (["paint"], "invalid choice: 'paint'"),
        (["predict", "m.onnx", "x"], "'m.onnx' has the suffix '.onnx'; expected one"),
        (["predict", "m", "x"], "of .skops, .joblib, .pkl, .pickle"),
        (["predict", "m.skops"], "required: FILE"),
        (["train", "x"], "required: -o/--output"),
        (["train", "x", "-o", "m.txt"], "--output: 'm.txt' has the suffix '.txt'"),
        (["train", "x", "-o", "m.pkl", "--size", "28"], "'28'; expected HEIGHTxWIDTH"),
        (["train", "x", "-o", "m.pkl", "--size", "0x5"], "--size: '0x5'"),
        (["train", "x", "-o", "m.pkl", "--epochs", "0"], "--epochs: '0'; expected a"),
        (["train", "x", "-o", "m.pkl", "--seed=-1"], "--seed: '-1'; expected a"),
        (["train", "x", "-o", "m.pkl", "--test-size", "1"], "--test-size: '1'; exp"),
        (["train", "x", "-o", "m.pkl", "--test-size", "nan"], "--test-size: 'nan'"),
        (["demo", "--port", "65536"], "--port: '65536'; expected a number from 0 to"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments, reason, capsys):
    code, message = fail(capsys, *arguments)
    assert code == 2
    assert reason in message


def one_picture(folder):
    save(folder / "a" / "0.png", PIXELS[0])
    save(folder / "a" / "1.png", PIXELS[1])
    save(folder / "b" / "2.png", PIXELS[2])


def one_class(folder):
    one_picture(folder)
    (folder / "b" / "2.png").unlink()


def many_classes(folder):
    for i in range(12):
        save(folder / f"{i // 2}" / f"{i}.png", PIXELS[i])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder.rmdir(), "is not a folder"),
        (lambda folder: None, "has no subfolders"),
        (lambda folder: (folder / "a").mkdir(), "holds no image that can be used"),
        (one_class, "usable pictures of the class 'a' only; expected two"),
        (one_picture, "The class 'b' has one usable picture; expected two"),
        (many_classes, "of 12 pictures holds out 3; expected one or more of each"),
    ],
)
def test_a_folder_that_cannot_be_learned_is_refused(make, reason, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    make(folder)
    code = main(["train", str(folder), "-o", str(tmp_path / "m.skops")])
    output, messages = capsys.readouterr()
    assert (code, output) == (1, "")
    assert re.search(rf"^error: .*{reason}", messages, re.MULTILINE)
    assert not (tmp_path / "m.skops").exists()


@pytest.mark.parametrize("missing", ["skops", "PIL"])
def test_a_missing_extra_is_named(missing, model, small, new, capsys, monkeypatch):
    without(monkeypatch, missing)
    line = {"skops": "pip install skops", "PIL": "pip install pillow"}[missing]
    for arguments in (
        ["train", small, "-o", small.parent / "m.skops"],
        ["predict", model, new[0]],
    ):
        code, message = fail(capsys, *arguments)
        assert code == 1
        assert f"not installed: {line}" in message


@pytest.mark.parametrize("has_rich", [True, False])
def test_progress_is_shown_with_and_without_rich(
    has_rich, small, tmp_path, capsys, monkeypatch
):
    if not has_rich:
        without(monkeypatch, "rich")
    path = tmp_path / "m.skops"
    assert main(["train", str(small), "-o", str(path), "--epochs=2"]) == 0
    output, messages = capsys.readouterr()
    assert ("100%" in messages) == has_rich
    assert ("Iteration 2, loss = " in messages) != has_rich
    assert output.startswith(f"{path} holds the model")
    assert stored_model(path).verbose is False


@pytest.mark.parametrize("where", ["training", "writing"])
def test_ctrl_c_leaves_no_half_file(where, small, tmp_path, capsys, monkeypatch):
    def press(*args, **kwargs):
        signal.raise_signal(signal.SIGINT)

    if where == "training":
        monkeypatch.setattr(train, "save_model", pytest.fail)
        monkeypatch.setattr(TrainingNet, "run_epoch", press)
    else:
        monkeypatch.setattr("os.fsync", press)
    path = tmp_path / "m.skops"
    assert main(["train", str(small), "-o", str(path), "--epochs=2"]) == 130
    output, messages = capsys.readouterr()
    assert output == ""
    assert messages.endswith("Stopped by Ctrl-C.\n")
    assert not [*tmp_path.iterdir()]


@pytest.mark.filterwarnings("default:look out")
def test_warnings_name_no_line_of_code(tmp_path, capsys, monkeypatch):
    def warn(*args):
        warnings.warn("look out", stacklevel=1)
        raise ValueError("that was all")

    monkeypatch.setattr(predict_command, "load_model", warn)
    code, messages = fail(capsys, "predict", "m.skops", "x.png")
    assert code == 1
    assert messages == "warning: look out\nerror: that was all\n"


def test_help_and_version_do_not_import_torch():
    code = (
        "import sys; from sklearn_digits._commands.main import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: assert not {'torch', 'sklearn', 'numpy'} & {*sys.modules}"
    )
    for option in ("--help", "--version"):
        subprocess.run([sys.executable, "-c", code, option], check=True)


@pytest.fixture
def pad(tmp_path, monkeypatch):
    """A page in the place of the digit pad."""
    tmp_path.joinpath(demo.PAGE).write_text("<p>a page</p>", "utf-8")
    tmp_path.joinpath("pad.js").write_text("1", "utf-8")
    monkeypatch.setattr(demo, "PAD", tmp_path)


def test_the_demo_serves_its_page_to_this_machine_only(pad, capsys, monkeypatch):
    opened = Queue()
    monkeypatch.setattr(webbrowser, "open", opened.put)

    def visit_then_press(server):
        assert server.server_address[0] == "127.0.0.1"
        thread = Thread(target=serve, args=[server])
        thread.start()
        address = opened.get(timeout=60)
        with urllib.request.urlopen(address) as answer:
            assert answer.read() == b"<p>a page</p>"
        with urllib.request.urlopen(address.replace(demo.PAGE, "pad.js")) as answer:
            assert answer.headers["content-type"].startswith("text/javascript")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address.replace(demo.PAGE, "../../etc/passwd"))
        server.shutdown()
        thread.join()
        raise KeyboardInterrupt

    serve = ThreadingHTTPServer.serve_forever
    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", visit_then_press)
    assert main(["demo"]) == 0
    output, messages = capsys.readouterr()
    assert re.match(r"The digit pad is at http://127.0.0.1:\d+/digit_pad.html", output)
    assert messages == ""


def test_no_browser_is_opened_if_none_is_to_be(pad, capsys, monkeypatch):
    def press(server):
        raise KeyboardInterrupt

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", press)
    monkeypatch.setattr(demo, "Thread", pytest.fail)
    assert main(["demo", "--no-browser"]) == 0
    assert "http://127.0.0.1:" in capsys.readouterr().out


def test_a_port_that_is_taken_is_named(pad, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, message = fail(capsys, "demo", "--no-browser", "--port", port)
    assert code == 1
    assert f"--port {port} cannot be used: Address already in use" in message


@pytest.mark.skipif(os.name != "posix", reason="sends Ctrl-C to a process")
def test_ctrl_c_ends_the_demo_well():
    command = [sys.executable, "-m", "sklearn_digits", "demo", "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert "http://127.0.0.1:" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("\n", "")
    assert process.returncode == 0
