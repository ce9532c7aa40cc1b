"""Look at every page of the built site as its readers do, and say what is wrong.

python .ci/check_site.py [FOLDER] [--pictures FOLDER]

Without a browser: each internal link has a page, and its anchor a place in it.
In Chromium, on a desktop and on a phone: no error in the console, no request that
leaves the site, no image missing, no horizontal scroll, no text cut off; and the
search finds a class.
"""

import argparse
import functools
import http.server
import sys
import threading
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import chromium

WIDTHS = {"desktop": 1280, "phone": 390}
SOUGHT = "ConvNetClassifier"
LESSONS = 12

# Images below the fold are loaded late; they are wanted now.
LOOK = """
(async () => {
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
})()
"""
FOUND = """
[...document.querySelectorAll("#search-results li a")].map(a => a.textContent).join(" ")
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


class Server(http.server.ThreadingHTTPServer):
    """Serve a folder on the loopback."""

    daemon_threads = True

    def __init__(self, folder):
        handler = functools.partial(Quiet, directory=str(folder))
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


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


def complaints(events, site):
    """Yield what the browser reported while it loaded a page."""
    for event in events:
        params = event["params"]
        match event["method"]:
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                thrown = details.get("exception", {}).get("description")
                yield f"exception: {thrown or details['text']}"
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                values = [str(arg.get("value", "?")) for arg in params["args"]]
                yield f"console: {' '.join(values)}"
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                yield f"log: {params['entry']['text']} {params['entry'].get('url')}"
            case "Network.requestWillBeSent":
                url = params["request"]["url"]
                if not url.startswith((site, "data:", "blob:")):
                    yield f"asks for {url}"


def look_at(browser, site, page, device):
    """Yield a line for each thing wrong with a page at the width of a device."""
    events = browser.open(site + page)
    seen = browser.evaluate(LOOK)
    faults = [*complaints(events, site), *(f"no image {i}" for i in seen["missing"])]
    if seen["width"] > WIDTHS[device]:
        faults.append(f"is {seen['width']} pixels wide, and scrolls to the side")
    if seen["cut"]:
        faults.append(f"cuts {len(seen['cut'])} elements: {seen['cut'][0]!r} …")
    if "/plot_" in page and not seen["pictures"]:
        faults.append("shows no picture")
    for fault in faults:
        yield f"{page} ({device}): {fault}"


def search(browser, site):
    """Yield a line if the search does not find what it should."""
    events = browser.open(f"{site}search.html?q={SOUGHT}")
    deadline = time.monotonic() + 30
    while SOUGHT not in browser.evaluate(FOUND):
        if time.monotonic() > deadline:
            yield f"search.html: does not find {SOUGHT}"
            break
        time.sleep(0.2)
    for complaint in complaints(events, site):
        yield f"search.html: {complaint}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default="docs/_build/html")
    parser.add_argument(
        "--pictures", type=Path, help="where to save pages as PNG files"
    )
    options = parser.parse_args()
    folder = options.folder
    files = (path.relative_to(folder) for path in folder.rglob("*.html"))
    pages = sorted(str(path) for path in files if not path.parts[0].startswith("_"))
    faults = list(broken_links(folder, pages))
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    lessons = [page for page in pages if page.startswith("course/plot_")]
    if len(lessons) < LESSONS:
        faults.append(f"the course has {len(lessons)} lessons, expected {LESSONS}")
    executable = chromium.find()
    if executable:
        site = Server(folder).url
        with chromium.Chromium(executable) as browser:
            for device, width in WIDTHS.items():
                browser.resize(width, 900)
                for page in pages:
                    faults += look_at(browser, site, page, device)
                    if options.pictures:
                        name = f"{page.replace('/', '-')}.{device}.png"
                        (options.pictures / name).write_bytes(browser.photograph())
                faults += search(browser, site)
    else:
        print(f"SKIPPED: no browser; none of {', '.join(chromium.NAMES)} is installed.")
    print(*faults, sep="\n")
    print(f"{len(pages)} pages, {len(faults)} faults.")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
