"""The site: its code runs, and it leaves nothing out."""

import re
import runpy
from pathlib import Path

import pytest

import sklearn_digits
from sklearn_digits import datasets

ROOT = Path(__file__).parents[1]
DOCS, EXAMPLES = ROOT / "docs", ROOT / "examples"
# What a page says in ```python runs; what only another library or a cluster could run
# stands in {code-block}.
CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = {
    str(path.relative_to(DOCS)): "\n".join(blocks)
    for path in sorted(DOCS.rglob("*.md"))
    if (blocks := CODE.findall(path.read_text(encoding="utf-8")))
}


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs_from_top_to_bottom(page):
    pytest.importorskip("matplotlib").use("agg")
    exec(compile(PAGES[page], page, "exec"), {"__name__": "__main__"})


def test_everything_public_is_on_the_api_page():
    text = (DOCS / "api.rst").read_text(encoding="utf-8")
    listed = set(re.findall(r"^   (\w+)$", text, re.MULTILINE))
    assert listed == {*sklearn_digits.__all__, *datasets.__all__, "to_onnx"}


def test_the_course_has_fifteen_short_lessons():
    lessons = sorted(EXAMPLES.glob("plot_*.py"))
    assert [path.name[5:7] for path in lessons] == [f"{i:02}" for i in range(1, 16)]
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in lessons}
    assert not {name: length for name, length in lengths.items() if length >= 60}


def test_each_page_of_the_guide_has_a_card_with_a_small_picture():
    pages = {path.stem for path in (DOCS / "guide").glob("*.md")} - {"index"}
    index = (DOCS / "guide" / "index.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^:link: (\w+)$", index, re.MULTILINE)) == pages
    assert set(re.findall(r"^:img-top: .*/(\w+).svg$", index, re.MULTILINE)) == pages


def test_the_pictures_of_the_guide_are_those_that_their_script_draws():
    cards = runpy.run_path(str(DOCS / "images" / "make_cards.py"))
    drawn = {name: cards["as_svg"](parts) for name, parts in cards["PICTURES"].items()}
    files = (DOCS / "images" / "cards").glob("*.svg")
    assert drawn == {file.stem: file.read_text(encoding="utf-8") for file in files}
    assert max(map(len, drawn.values())) < 10_000
