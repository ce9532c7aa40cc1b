"""The check of the site's looks finds each defect, and no fault without one."""

import runpy
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.slow

CHECK = runpy.run_path(str(Path(__file__).parents[1] / ".ci" / "check_look.py"))
BROWSER = CHECK["find_browser"]()
ONE_LINE = "width: 4em; overflow: hidden; white-space: nowrap"
NARROW = "width: 8ch; font-family: monospace; overflow-wrap: anywhere"
# A picture of one pixel, black.
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4"
    "nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
GOOD = {
    "a name at an underscore": f'<p style="{NARROW}">learn_<wbr>rate_<wbr>init</p>',
    "a word at a hyphen": f'<p style="{NARROW}">abcdef-ghijkl</p>',
    "a word at an element wbr": f'<p style="{NARROW}">ConvNet<wbr>Layer</p>',
    "a word at a soft hyphen": f'<p style="{NARROW}">convo&shy;lution</p>',
    "code that scrolls": '<pre style="overflow: auto; width: 9ch">a = b + c + d</pre>',
    "text for screen readers": '<p style="width: 1px; overflow: hidden">Skip all</p>',
    "muted text": '<p style="color: #666; background: white">muted</p>',
    "a small picture": f'<img src="{PIXEL}" alt="A pixel." width="1">',
}
BAD = {
    "a name in a narrow column": ("broken", f'<p style="{NARROW}">learning_rate</p>'),
    "a hidden end": ("cut", f'<p style="{ONE_LINE}">one two three</p>'),
    "an ellipsis": (
        "cut",
        f'<p style="{ONE_LINE}; text-overflow: ellipsis">four five six</p>',
    ),
    "lines below the edge": (
        "cut",
        '<p style="height: 1em; line-height: 1; overflow: hidden">one<br>two</p>',
    ),
    "a list that scrolls to the side": (
        "cut",
        '<ul style="width: 5em; overflow-y: auto"><li>predict_log_proba</ul>',
    ),
    "a wide table": (
        "cut",
        '<div style="overflow: auto"><table style="width: 2000px"><td>1</table></div>',
    ),
    "a line beyond the window": ("cut", '<p style="width: 2000px">wide</p>'),
    "light gray on white": ("faint", '<p style="color: #999">gray</p>'),
    "black text in the dark": (
        "faint",
        "<style>[data-theme=dark] body { background: #111 }</style><p>ink</p>",
    ),
    "a transparent text": ("faint", '<p style="opacity: 0.4">ghost</p>'),
    "a picture without a file": ("picture", '<img src="none.png" alt="None.">'),
    "a blurred picture": ("picture", f'<img src="{PIXEL}" alt="A pixel." width="40">'),
}


@pytest.fixture(scope="module")
def look():
    """Return what finds the kinds of the faults of some HTML."""
    if BROWSER is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER)
        page = browser.new_page()

        def kinds(html):
            page.set_content(html)
            return {fault.split()[0] for fault in CHECK["look_faults"](page)}

        yield kinds
        browser.close()


@pytest.mark.parametrize("name", BAD)
def test_a_page_with_a_defect_has_that_fault_alone(look, name):
    kind, html = BAD[name]
    assert look(html) == {kind}


@pytest.mark.parametrize("name", GOOD)
def test_a_page_without_a_defect_has_no_fault(look, name):
    assert look(GOOD[name]) == set()
