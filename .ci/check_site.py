"""Look at every page of the built site as its readers do, and say what is wrong.

python .ci/check_site.py [FOLDER] [--pictures FOLDER]

Without a browser: each internal link has a page, and its anchor a place in it.
In Chromium: no error in the console, and no request that leaves the site; on a desktop
and on a phone, light and dark, no word broken, no text cut off or faint, no picture
missing or blurred; and the search lists the right page first.
"""

import argparse
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from check_look import BROWSERS, find_browser, look_faults
from check_search import search_faults
from playwright import sync_api

SITE = "http://site.test/"
LESSONS = 15


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
    """A browser that is given the site's files without a network."""

    def __init__(self, browser, folder):
        self.folder, self.faults = folder.resolve(), []
        self._complaints = []
        self.page = browser.new_page()
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
        self.faults += [f"{name}: {fault}" for fault in found]
        self._complaints.clear()

    def look_at(self, name, pictures):
        """Open a page and note each thing that is wrong with it."""
        self.page.goto(SITE + name)
        faults = look_faults(self.page, pictures and pictures / name.replace("/", "-"))
        has_picture = "/plot_" in name or name.endswith("Display.html")
        if has_picture and not self.page.locator("article img").count():
            faults.append("shows no picture")
        self.report(name, *faults)

    def search(self):
        """Note each word for which the search lists another page first."""
        self.report("search.html", *search_faults(self.page, SITE))


def look_at_all(folder, pages, pictures):
    """Return the faults that readers with a browser see."""
    executable = find_browser()
    if executable is None:
        sys.exit(f"No browser: install one of {', '.join(BROWSERS)}.")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        reader = Reader(browser, folder)
        for name in pages:
            reader.look_at(name, pictures)
        reader.search()
        browser.close()
    return reader.faults


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
