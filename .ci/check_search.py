"""Ask the search of the built site for one word at a time, as its readers do.

Each word stands beside the page that must be found first.
"""

from contextlib import suppress

from playwright import sync_api

FIRST = {
    "explain": "guide/explaining.html",
    "imbalanced": "guide/imbalanced.html",
    "csv": "guide/csv.html",
    "folder": "guide/folder.html",
    "gpu": "guide/gpu.html",
    "onnx": "guide/deploying.html",
    "server": "guide/servers.html",
    "validation": "guide/validation.html",
    "features": "guide/features.html",
    "handwriting": "guide/handwriting.html",
    "save": "guide/saving.html",
    "load": "guide/saving.html",
    "callbacks": "guide/callbacks.html",
    "augmentation": "guide/augmentation.html",
    "memory": "guide/memory.html",
    "reproducible": "guide/reproducibility.html",
    "error": "guide/errors.html",
    "warning": "guide/errors.html",
    "photo": "guide/handwriting.html",
    "mixup": "guide/augmentation.html",
    "stopping": "guide/validation.html",
    "threads": "guide/threads.html",
    "pipeline": "guide/composites.html",
    "class_weight": "guide/imbalanced.html",
    "ConvNetClassifier": "api/sklearn_digits.ConvNetClassifier.html",
}


def found_pages(page, site, word):
    """Return the addresses of the pages that a search lists, best first."""
    page.goto(f"{site}search.html?q={word}")
    status = page.locator("#search-results .search-summary", has_text="Search finished")
    with suppress(sync_api.TimeoutError):
        status.wait_for()
    # The pages that are found are loaded as well, for their first lines.
    page.wait_for_load_state("networkidle")
    links = page.locator("#search-results li > a")
    hrefs = links.evaluate_all("found => found.map(link => link.getAttribute('href'))")
    return [href.partition("#")[0] for href in hrefs]


def search_faults(page, site):
    """Yield a line for each word whose page does not come first."""
    for word, expected in FIRST.items():
        first = next(iter(found_pages(page, site, word)), None)
        if first != expected:
            yield f"search for {word!r} finds {first} first, expected {expected}"
