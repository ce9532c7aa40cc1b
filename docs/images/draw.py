"""Draw the pictures of the README and of the site's first page.

python docs/images/draw.py

``mistakes.png`` is what the first block of the README draws. The file keeps the code,
so that a test can tell whether the README still shows the code of its picture.
"""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

from sklearn_digits import (
    OcclusionDisplay,
    PixelGridDisplay,
    load_pretrained,
    to_digit_image,
)

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
    figure = plt.figure(figsize=(4, 4))
    ax = figure.add_axes((0, 0, 1, 1))
    PixelGridDisplay(load_digits().images[5]).plot(ax)
    ax.set_axis_off()
    figure.savefig(IMAGES / "pixels.png", dpi=150, metadata={"Software": None})


def draw_explanation():
    """Save a drawn four beside the map of the pixels that it is read by."""
    paper = Image.new("L", (300, 300), "white")
    pen = ImageDraw.Draw(paper)
    for stroke in ([(110, 40), (60, 160), (220, 160)], [(190, 80), (170, 260)]):
        pen.line(stroke, fill="black", width=22, joint="curve")
    X = to_digit_image(np.asarray(paper))[np.newaxis]
    figure, ax = plt.subplots(figsize=(4.5, 3), layout="constrained")
    OcclusionDisplay.from_estimator(load_pretrained("mnist"), X, ax=ax, colorbar=False)
    figure.savefig(IMAGES / "explanation.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    plt.switch_backend("agg")
    draw_mistakes()
    draw_pixels()
    draw_explanation()
