"""The site: its code runs, and it leaves nothing out."""

import re
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
