"""The README: what it shows is what a reader gets."""

import contextlib
import io
import json
import math
import re
from pathlib import Path
from statistics import mean

import pytest
from sklearn.datasets import load_digits

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?ms)^```python\n(.*?)^```", README)
SHOWN = [re.findall(r"(?m)^print\(.*\)  # (.*)$", block) for block in BLOCKS]
NUMBER = re.compile(r"\d+\.\d+")


def rows(name):
    """Return the rows of a benchmark."""
    lines = (ROOT / f"docs/benchmarks/{name}.jsonl").read_text("utf-8").splitlines()
    return [row.get("row", row) for row in map(json.loads, lines)]


def select(name, **values):
    """Return the rows of a benchmark that hold these values."""
    return [
        row
        for row in rows(name)
        if all(row.get(key.replace("_", " ")) == value for key, value in values.items())
    ]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make a folder of the files that the README speaks of the current one."""
    image = pytest.importorskip("PIL.Image")
    monkeypatch.chdir(tmp_path)
    X, y = load_digits(return_X_y=True)
    for i in range(200):
        name = Path("digits", str(y[i]), f"{i}.png") if i != 7 else Path("new.png")
        name.parent.mkdir(exist_ok=True, parents=True)
        image.fromarray((X[i].reshape(8, 8) * 15).astype("uint8")).save(name)
    return tmp_path


@pytest.mark.slow
def test_each_block_of_the_readme_prints_what_stands_behind_it(folder):
    pytest.importorskip("matplotlib").use("agg")
    namespace = {"__name__": "readme"}
    for block, shown in zip(BLOCKS, SHOWN, strict=True):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(block, namespace)
        lines = printed.getvalue().splitlines()
        assert NUMBER.sub("#", "\n".join(lines)) == NUMBER.sub("#", "\n".join(shown))
        # Accuracies differ a little between machines.
        numbers = zip(
            NUMBER.findall(str(lines)), NUMBER.findall(str(shown)), strict=True
        )
        for real, expected in numbers:
            assert math.isclose(float(real), float(expected), rel_tol=0.01)


def test_each_print_of_the_readme_shows_its_output():
    printed = [len(re.findall(r"\bprint\(", block)) for block in BLOCKS]
    assert [len(outputs) for outputs in SHOWN] == printed
    assert sum(printed) >= 3


def test_the_readme_is_short_and_begins_with_the_installation():
    lines = README.splitlines()
    assert len(lines) <= 80
    [installed, *_] = [i for i, line in enumerate(lines, 1) if "pip install" in line]
    assert installed <= 15


def test_the_picture_of_the_readme_is_of_its_first_block():
    image = pytest.importorskip("PIL.Image")
    with image.open(ROOT / "docs/images/mistakes.png") as picture:
        code = picture.text["Description"]
    assert code == BLOCKS[0], "python docs/images/draw.py draws it again"


def test_the_first_page_of_the_site_shows_the_code_of_the_readme():
    assert f"```python\n{BLOCKS[0]}```" in (ROOT / "docs/index.md").read_text("utf-8")


def test_the_links_of_the_readme_lead_to_files():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_figures_of_the_readme_are_those_of_the_benchmarks():
    fits = select("suite", task="mnist all", candidate="ConvNetClassifier")
    [mlp] = select("suite", task="mnist all", candidate="scikit-learn MLP")
    peers = [
        select("convnet_accuracy", who=name)[-1]
        for name in ("skorch's MNIST example", "Keras' MNIST example, JAX")
    ]
    accuracies = [mean(fit["accuracy"] for fit in fits), mlp["accuracy"]]
    losses = [mean(fit["log-loss"] for fit in fits), mlp["log-loss"]]
    names = ("sklearn_digits", "scikit-learn", "skorch, stock loop", "Keras 3, JAX")
    epochs = [select("mlp_epoch", input="float32", who=name)[0] for name in names]
    memory = [select("memory", what="fit", who=name)[0] for name in names[:3]]
    expected = [
        [f"{100 * value:.2f} %" for value in accuracies]
        + [f"{peer['accuracy %']} %" for peer in peers],
        [f"{value:.3f}" for value in (*losses, *(peer["log-loss"] for peer in peers))],
        [f"{row['s an epoch']:.2f} s" for row in epochs],
        [*(f"{row['MB']:.0f} MB" for row in memory), "not measured"],
    ]
    table = re.findall(r"(?m)^\| .*\|$", README)[1:]
    cells = [line.replace("**", "").strip("| ").split(" | ")[1:] for line in table]
    assert cells == expected
    seconds = mean(fit["CPU s"] for fit in fits)
    assert f"{expected[0][0]} of MNIST's test images right, after" in " ".join(
        README.split()
    )
    assert f"{seconds:.0f} seconds" in README
