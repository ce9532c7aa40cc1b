"""The page of messages: each is told by the code above it, and not by that below."""

import copy
import re
import warnings
from functools import cache
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "errors.md"
BLOCK = re.compile(
    r"^```(\{code-block\} python|text|python)\n(.*?)^```", re.MULTILINE | re.DOTALL
)
START, *SECTIONS = re.split(r"^### ", PAGE.read_text("utf-8"), flags=re.MULTILINE)


@cache
def start():
    """Return the names that the first code of the page makes."""
    names: dict = {"__name__": "__main__"}
    exec(dict(BLOCK.findall(START))["python"], names)
    return names


def run(code):
    """Run the code of a section."""
    exec(compile(code, PAGE, "exec"), copy.copy(start()))


def told(code):
    """Return the warnings and the error that code ends in, as Python prints them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            run(code)
        except Exception as error:
            return [f"{type(error).__name__}: {error}"]
    return [f"{one.category.__name__}: {one.message}" for one in caught]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.splitlines()[0])
def test_code_tells_the_message_below_it_and_is_mended(section):
    (_, broken), (_, message), (_, mended) = BLOCK.findall(section)
    # "..." stands for what differs from one computer or run to another.
    parts = map(re.escape, " ".join(message.split()).split("..."))
    [line] = told(broken)
    assert re.fullmatch(".*".join(parts), " ".join(line.split()))
    run(mended)
