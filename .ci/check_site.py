"""Look at every page of the built site as its readers do, and say what is wrong.

python .ci/check_site.py [FOLDER] [--pictures FOLDER]

Without a browser: each internal link has a page, and its anchor a place in it.
In Chromium, on a desktop and on a phone: no error in the console, no request that
leaves the site, no image missing, no horizontal scroll, no text cut off; and the
search lists the right page first.
"""

import argparse
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from check_search import search_faults
from playwright import sync_api

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SITE = "http://site.test/"
WIDTHS = {"desktop": 1280, "phone": 390}
LESSONS = 12

# Images below the fold are loaded late; they are wanted now.
LOOK = """
async () => {
  for (const image of document.images) image.loading = "eager";
  await Promise.allSettled([...document.images].map(image => image.decode()));
  const scrolls = element => element && element.tagName != "ARTICLE" && (
    ["auto", "scroll"].includes(getComputedStyle(element).overflowX)
    || scrolls(element.parentElement));
  const texts = document.querySelectorAll("article :is(h1, h2, p, dt, dd, li, img)");
  const cut = [...texts].filter(element => !scrolls(element)
    && element.getBoundingClientRect().right > window.innerWidth + 1);
  return {
    cut: cut.map(element => element.textContent.slice(0, 40)),
    missing: [...document.images].filter(i => !i.naturalWidth).map(i => i.src),
    width: document.scrollingElement.scrollWidth,
    pictures: document.querySelectorAll("article img").length,
  };
}
"""


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes.get("id"), attributes.get("name")}
        self.links += [
            attributes[key] for key in ("href", "src") if attributes.get(key)
        ]


def broken_links(folder, pages):
    """Yield a line for each internal link that leads nowhere."""
    parsed = {page: Page((folder / page).read_text("utf-8")) for page in pages}
    for page, content in parsed.items():
        for link in sorted(set(content.links)):
            if urlsplit(link).scheme or link.startswith("//"):
                continue
            target, anchor = urldefrag(unquote(urljoin(f"/{page}", link)))
            target = urlsplit(target).path.lstrip("/") or "index.html"
            if not (folder / target).is_file():
                yield f"{page}: no file for the link {link}"
            elif target in parsed and anchor not in parsed[target].anchors:
                yield f"{page}: no such place on the page: {link}"


class Reader:
    """A browser at the width of a device, given the site's files without a network."""

    def __init__(self, browser, folder, device):
        self.folder, self.device, self.faults = folder.resolve(), device, []
        self._complaints = []
        self.page = browser.new_page(
            viewport={"width": WIDTHS[device], "height": 900},
            is_mobile=device == "phone",
        )
        self.page.route("**/*", self._answer)
        self.page.on("pageerror", lambda e: self._complaints.append(f"exception: {e}"))
        self.page.on("console", self._hear)

    def _answer(self, route):
        url = route.request.url
        path = self.folder / unquote(urlsplit(url).path).lstrip("/")
        if not url.startswith(SITE):
            self._complaints.append(f"asks for {url}")
            route.abort()
        elif path.is_file():
            route.fulfill(path=path)
        else:
            route.fulfill(status=404)

    def _hear(self, message):
        if message.type in ("error", "warning"):
            place = message.location["url"]
            self._complaints.append(f"console: {message.text} {place}")

    def report(self, name, *faults):
        """Keep the faults of a page, and what the browser complained of meanwhile."""
        found = (*self._complaints, *faults)
        self.faults += [f"{name} ({self.device}): {fault}" for fault in found]
        self._complaints.clear()

    def look_at(self, name):
        """Open a page and note each thing that is wrong with it."""
        self.page.goto(SITE + name)
        seen = self.page.evaluate(LOOK)
        faults = [f"no image {source}" for source in seen["missing"]]
        if seen["width"] > WIDTHS[self.device]:
            faults.append(f"is {seen['width']} pixels wide, and scrolls to the side")
        if seen["cut"]:
            faults.append(f"cuts {len(seen['cut'])} elements: {seen['cut'][0]!r} …")
        if "/plot_" in name and not seen["pictures"]:
            faults.append("shows no picture")
        self.report(name, *faults)

    def search(self):
        """Note each word for which the search lists another page first."""
        self.report("search.html", *search_faults(self.page, SITE))


def look_at_all(folder, pages, pictures):
    """Return the faults that readers with a browser see, on all devices."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        sys.exit(f"No browser: install one of {', '.join(BROWSERS)}.")
    faults = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        for device in WIDTHS:
            reader = Reader(browser, folder, device)
            for name in pages:
                reader.look_at(name)
                if pictures:
                    file = f"{name.replace('/', '-')}.{device}.png"
                    reader.page.screenshot(path=pictures / file, full_page=True)
            reader.search()
            faults += reader.faults
        browser.close()
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default="docs/_build/html")
    parser.add_argument("--pictures", type=Path, help="where to save pages as PNGs")
    options = parser.parse_args()
    folder = options.folder
    files = (path.relative_to(folder) for path in folder.rglob("*.html"))
    pages = sorted(str(path) for path in files if not path.parts[0].startswith("_"))
    faults = list(broken_links(folder, pages))
    lessons = [page for page in pages if page.startswith("course/plot_")]
    if len(lessons) < LESSONS:
        faults.append(f"the course has {len(lessons)} lessons, expected {LESSONS}")
    faults += look_at_all(folder, pages, options.pictures)
    print(*faults, sep="\n")
    print(f"{len(pages)} pages, {len(faults)} faults.")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
