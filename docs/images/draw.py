"""Draw the pictures of the README and of the site's first page.

python docs/images/draw.py

``mistakes.png`` is what the first block of the README draws. The file keeps the code,
so that a test can tell whether the README still shows the code of its picture.
"""

import re
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sklearn_digits import PixelGridDisplay

IMAGES = Path(__file__).parent


def first_block():
    """Return the first block of Python in the README."""
    readme = (IMAGES.parents[1] / "README.md").read_text(encoding="utf-8")
    return re.search(r"(?ms)^```python\n(.*?)^```", readme)[1]


def draw_mistakes():
    """Run the README's code, and save its picture."""
    code = first_block()
    exec(code, {})
    metadata = {"Description": code, "Software": None}
    plt.gcf().savefig(IMAGES / "mistakes.png", dpi=150, metadata=metadata)


def draw_pixels():
    """Save a digit with the gray values of its pixels, for the course."""
    _, ax = plt.subplots(figsize=(4, 4), layout="constrained")
    PixelGridDisplay(load_digits().images[5]).plot(ax)
    ax.figure.savefig(IMAGES / "pixels.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    plt.switch_backend("agg")
    draw_mistakes()
    draw_pixels()
