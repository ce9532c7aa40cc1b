"""Look at an opened page in each window and theme that its readers have.

`look.js` says what is looked for: broken words, cut texts, faint texts, bad pictures.
"""

import shutil
from pathlib import Path

BROWSERS = "chromium", "chromium-browser", "google-chrome", "chrome"
WIDTHS = 1400, 390  # pixels of a desktop and of a phone
THEMES = "light", "dark"
LOOK = Path(__file__).with_name("look.js").read_text("utf-8")

# Images below the fold are loaded late, and tables open on a click; all are wanted now.
# Colors that fade would be measured halfway.
SHOW_ALL = """
async () => {
  const style = document.createElement("style");
  style.textContent = "* { animation: none !important; transition: none !important; }";
  document.head.append(style);
  for (const details of document.querySelectorAll("article details"))
    details.open = true;
  for (const image of document.images) image.loading = "eager";
  await Promise.allSettled([...document.images].map(image => image.decode()));
}
"""
SET_THEME = "theme => document.documentElement.dataset.theme = theme"


def find_browser():
    """Return the path of the system's Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def views(page):
    """Show all of an opened page in each window and theme, and yield their names."""
    page.evaluate(SHOW_ALL)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for theme in THEMES:
            page.evaluate(SET_THEME, theme)
            yield f"{width}-{theme}"


def look_faults(page, pictures=None):
    """Return a line for each fault of a page, with the views that show it.

    `pictures` begins the names of the PNGs that are saved, one a view.
    """
    seen = {}
    for view in views(page):
        for fault in page.evaluate(LOOK):
            line = f"{fault['kind']} in #{fault['place']}: {fault['what']}"
            seen.setdefault(line, {})[view] = True
        if pictures:
            page.screenshot(path=f"{pictures}.{view}.png", full_page=True)
    return [f"{line} ({', '.join(views)})" for line, views in seen.items()]
