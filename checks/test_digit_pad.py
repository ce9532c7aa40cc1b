"""Draw on the digit pad in Chromium as its users do, and compare it with Python."""

from pathlib import Path

import numpy as np
import pytest
from check_look import BROWSERS, find_browser
from drawings import LETTERS, STROKES, points_of, scribble
from numpy.testing import assert_allclose, assert_array_equal
from playwright import sync_api

import sklearn_digits
from sklearn_digits import load_pretrained, to_digit_image

FOLDER = Path(sklearn_digits.__file__).parent / "_displays" / "digit_pad"
DEVICES = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
        "device_scale_factor": 2,
    },
}
DIGITS = range(10)
PAPER, WINDOW, STRIDE = 200, 7, 3
STATE = """
async (pad) => {
  while (pad.image && !pad.drops) await new Promise((done) => setTimeout(done, 10));
  const array = (values) => values && [...values];
  const { sure, probabilities } = pad;
  const [ink, image, drops] = [pad.ink, pad.image, pad.drops].map(array);
  return { sure, ink, image, probabilities, drops };
}
"""
# Red, green, blue and opacity of a color, whatever the way it is written.
COLOR = """
(element, property) => {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = getComputedStyle(element)[property];
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}
"""


class Pad:
    """A digit pad in a browser that has no network: what is drawn, what is shown."""

    def __init__(self, browser, device, **options):
        self.complaints, self.device = [], device
        self.page = browser.new_page(**DEVICES[device], **options)
        self.page.route("**/*", self._answer)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.goto((FOLDER / "digit_pad.html").as_uri())
        self.paper = self.page.get_by_role("application")

    def _answer(self, route):
        if route.request.url.startswith(FOLDER.as_uri()):
            route.continue_()
        else:
            self.complaints.append(f"asks for {route.request.url}")
            route.abort()

    def draw(self, strokes, size=0.6):
        """Draw strokes in the middle of the paper, by mouse or by finger."""
        box = self.paper.bounding_box()
        place = np.array([box["x"], box["y"]]), np.array([box["width"], box["height"]])
        margin = (1 - size * np.array([0.75, 1])) / 2
        for stroke in strokes:
            shares = margin + size * np.array([0.75, 1]) * points_of(stroke)
            move = self._touch if self.device == "phone" else self._move_mouse
            move((place[0] + place[1] * shares).tolist())

    def _move_mouse(self, places):
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=3)
        self.page.mouse.up()

    def _touch(self, places):
        session = self.page.context.new_cdp_session(self.page)
        kinds = ["touchStart"] + ["touchMove"] * (len(places) - 1)
        for kind, (x, y) in zip(kinds, places, strict=True):
            touch = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
            session.send("Input.dispatchTouchEvent", touch)
        end = {"type": "touchEnd", "touchPoints": []}
        session.send("Input.dispatchTouchEvent", end)

    def state(self):
        """Return what the page has computed, once the map is there."""
        return self.page.locator("digit-pad").evaluate(STATE)

    def press(self, name):
        """Press a button."""
        self.page.get_by_role("button", name=name).click()

    @property
    def verdict(self):
        """What a screen reader is told."""
        return self.page.get_by_role("status").first.inner_text()

    @property
    def n_strokes(self):
        return self.paper.locator("path").count()

    def color(self, selector, name="color"):
        return self.page.locator(selector).first.evaluate(COLOR, name)


@pytest.fixture(scope="module")
def browser():
    executable = find_browser()
    if executable is None:
        pytest.skip(f"no browser: install one of {', '.join(BROWSERS)}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        yield browser
        browser.close()


@pytest.fixture(params=DEVICES)
def pad(browser, request):
    """A pad that nobody has drawn on; at the end, it must have no complaint."""
    pad = Pad(browser, request.param)
    yield pad
    assert pad.complaints == []
    pad.page.close()


@pytest.fixture(scope="module")
def classifier():
    return load_pretrained("mnist")


def occlusion(classifier, image):
    """The map that the page shows, computed by Python."""
    places = range(0, 28 - WINDOW + 1, STRIDE)
    covered, masks = [image], []
    for top in places:
        for left in places:
            mask = np.zeros((28, 28), dtype=bool)
            mask[top : top + WINDOW, left : left + WINDOW] = True
            masks.append(mask)
            covered.append(np.where(mask, 0, image).astype(np.uint8))
    whole, *parts = classifier.predict_proba(np.array(covered))
    drops = whole.max() - np.array(parts)[:, whole.argmax()]
    return np.tensordot(drops, masks, 1) / np.sum(masks, axis=0)


def check(state, classifier):
    """Compare what a page has computed with Python; return the probabilities."""
    ink = np.array(state["ink"], dtype=np.uint8).reshape(PAPER, PAPER)
    image = to_digit_image(ink)
    assert_array_equal(np.reshape(state["image"], (28, 28)), image)
    (probabilities,) = classifier.predict_proba(image[np.newaxis])
    assert_allclose(state["probabilities"], probabilities, atol=1e-4)
    assert state["sure"] == (probabilities.max() >= 0.95)
    drops = np.reshape(state["drops"], (28, 28))
    assert_allclose(drops, occlusion(classifier, image), atol=1e-4)
    return probabilities


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_is_read_as_python_reads_it(pad, digit, classifier):
    pad.draw(STROKES[digit])
    probabilities = check(pad.state(), classifier)
    assert probabilities.argmax() == digit
    assert f"It is a {digit}" in pad.verdict
    shown = pad.page.get_by_role("row").all_inner_texts()
    percents = [int(row.split()[-2]) for row in shown]
    assert_allclose(percents, 100 * probabilities, atol=1)


@pytest.mark.parametrize("letter", ["A", "K", "M", "W", "X"])
def test_a_letter_is_not_sure(pad, letter, classifier):
    pad.draw(LETTERS[letter])
    check(pad.state(), classifier)
    assert "Not sure" in pad.verdict


@pytest.mark.parametrize("seed", range(3))
def test_a_scribble_is_not_sure(pad, seed, classifier):
    pad.draw(scribble(np.random.default_rng(seed)))
    check(pad.state(), classifier)
    assert "Not sure" in pad.verdict


def test_empty_paper_is_not_sure(pad):
    assert "Not sure\nThe paper is empty." in pad.verdict
    pad.draw(STROKES[4])
    assert "It is a 4" in pad.verdict
    pad.press("Clear")
    assert "Not sure\nThe paper is empty." in pad.verdict


def test_paper_that_is_all_ink_is_not_sure(pad):
    rows = np.linspace(-0.5, 1.5, 60)
    pad.draw([[(x, y) for y in rows for x in (-0.5, 1.5)]])
    state = pad.state()
    ink = np.array(state["ink"], dtype=np.uint8).reshape(PAPER, PAPER)
    with pytest.raises(ValueError, match="shows nothing"):
        to_digit_image(ink)
    assert state["image"] is None
    assert "Not sure" in pad.verdict


@pytest.mark.parametrize("size", [0.15, 0.4, 1.1])
def test_drawings_of_any_size_are_prepared_as_python_does(pad, size, classifier):
    pad.draw(STROKES[5], size)
    check(pad.state(), classifier)


def test_dust_is_left_out_as_in_python(pad, classifier):
    pad.draw(STROKES[0], 1.0)
    pad.draw([[(0.5, 0.5), (0.501, 0.5)]])
    check(pad.state(), classifier)


def test_undo_takes_the_last_stroke_away(pad):
    pad.draw(STROKES[4])
    pad.press("Undo")
    assert pad.n_strokes == 1
    pad.press("Undo")
    assert "The paper is empty." in pad.verdict
    pad.press("Undo")
    assert pad.n_strokes == 0


def test_the_examples_are_digits_that_the_network_is_sure_of(pad):
    for digit in (3, 7, 6, 4, 2):
        pad.press("Example")
        assert f"It is a {digit}" in pad.verdict


def test_the_keyboard_draws(pad, classifier):
    press = pad.page.keyboard.press
    press("Tab")
    for key in ["ArrowUp"] * 7 + [" "] + ["ArrowDown"] * 14 + [" "]:
        press(key)
    assert check(pad.state(), classifier).argmax() == 1
    press("Backspace")
    assert "The paper is empty." in pad.verdict
    for key in (" ", "ArrowLeft", " ", "Delete"):
        press(key)
    assert pad.n_strokes == 0
    press("Tab")
    assert pad.page.get_by_role("button", name="Clear").evaluate(
        "button => button.matches(':focus-visible')"
    )


def test_the_keyboard_says_whether_the_pen_is_down(pad):
    pad.paper.focus()
    news = pad.page.get_by_role("status").last
    for text in ("Pen down.", "Pen up."):
        pad.page.keyboard.press(" ")
        assert news.inner_text() == text


def test_drawing_does_not_scroll_the_page(pad):
    pad.draw([[(0.5, 0.0), (0.5, 1.0)]])
    assert pad.page.evaluate("window.scrollY") == 0
    assert pad.n_strokes == 1


def test_nothing_reaches_beyond_the_page(pad):
    width = pad.page.evaluate("document.scrollingElement.scrollWidth")
    assert width <= DEVICES[pad.device]["viewport"]["width"]


def contrast(one, other):
    """Ratio of the luminances of two colors, as WCAG 2 defines it."""
    luminances = []
    for color in (one, other):
        share = np.array(color[:3]) / 255
        linear = np.where(
            share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4
        )
        luminances.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(luminances) / min(luminances)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_in_dark(browser, scheme):
    pad = Pad(browser, "desktop", color_scheme=scheme)
    pad.draw(STROKES[3])
    ground = pad.color("body", "backgroundColor")
    assert (sum(ground[:3]) > 384) == (scheme == "light")
    for selector in ("h1", ".digit", ".words strong", ".detail", ".keys", "figcaption"):
        assert contrast(pad.color(selector), ground) >= 4.5
    stroke = pad.color(".strokes", "stroke")
    assert contrast(stroke, pad.color(".paper", "backgroundColor")) >= 4.5
    pad.page.close()


def test_the_page_is_small():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 700_000
