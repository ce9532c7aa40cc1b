"""Draw the pictures on the first page of the guide: one small SVG for each page.

python docs/images/make_cards.py

The colors are readable on white and on black, so one file serves both themes.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

FOLDER = Path(__file__).parent / "cards"
WIDTH, HEIGHT = 180, 100
GRAY, ORANGE, BLUE = "#7d8896", "#e06a2c", "#3f86cc"
IMAGES = load_digits().images / 16


def rect(x, y, width, height, color=GRAY, opacity=1.0, radius=0):
    """A filled rectangle."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'rx="{radius}" fill="{color}" fill-opacity="{opacity:g}"/>'
    )


def line(path, color=GRAY, width=4, fill="none"):
    """A path of SVG, drawn with a round pen."""
    return (
        f'<path d="{path}" fill="{fill}" stroke="{color}" stroke-width="{width}" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


def dot(x, y, radius=6, color=GRAY):
    """A filled circle."""
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{color}"/>'


def box(x, y, width, height, color=GRAY):
    """The outline of a rectangle."""
    return line(f"M{x} {y}h{width}v{height}h{-width}z", color)


def arrow(x, y, length=22, color=GRAY):
    """An arrow to the right."""
    return line(f"M{x} {y}h{length}m-8 -8l8 8l-8 8", color)


def digit(number, x, y, side=80, color=GRAY, turn=0):
    """An image of 8x8 pixels, whose ink is opaque."""
    step = side / 8
    pixels = [
        rect(x + step * j, y + step * i, step, step, color, round(value, 2))
        for (i, j), value in np.ndenumerate(IMAGES[number])
        if value
    ]
    middle = f"{x + side / 2:g} {y + side / 2:g}"
    return f'<g transform="rotate({turn} {middle})">{"".join(pixels)}</g>'


def explained():
    """A 9 whose loop speaks for it, and whose foot against it."""
    found = IMAGES[9]
    return [
        rect(50 + 10 * j, 10 + 10 * i, 10, 10, ORANGE if i < 4 else BLUE, value)
        for (i, j), value in np.ndenumerate(found.round(2))
        if value
    ]


def clusters():
    """Points of three classes."""
    rng = np.random.default_rng(0)
    centers = {GRAY: (45, 60), ORANGE: (95, 30), BLUE: (140, 68)}
    return [
        dot(*(rng.normal(center, (11, 9)).round(1)), 4, color)
        for color, center in centers.items()
        for _ in range(9)
    ]


def chip(x, y, side, color=GRAY):
    """A processor, with pins on its four sides."""
    pins = "".join(
        f"M{x + offset} {y}v-9M{x + offset} {y + side}v9"
        f"M{x} {y + offset}h-9M{x + side} {y + offset}h9"
        for offset in (side // 4, side // 2, side - side // 4)
    )
    return line(pins, color) + box(x, y, side, side, color)


def table():
    """A table whose first column holds the labels."""
    return [
        rect(34 + 23 * j, 14 + 18 * i, 19, 13, BLUE if j == 0 else GRAY, shade, 2)
        for i, row in enumerate(IMAGES[3][1:5, 1:6])
        for j, shade in enumerate([1, *(0.25 + 0.75 * row[1:]).round(2)])
    ]


PICTURES = {
    "choosing": [
        line("M30 50C70 50 60 22 92 22M30 50C70 50 60 78 92 78"),
        dot(30, 50, 9, ORANGE),
        digit(3, 104, 2, 40, BLUE),
        *(rect(104 + 14 * i, 72, 10, 12, GRAY, 1 - 0.25 * i) for i in range(4)),
    ],
    "images": [box(45, 5, 90, 90), digit(3, 50, 10, 80, BLUE)],
    "csv": table(),
    "folder": [
        line("M40 84V18h34l9 12h57v54z"),
        digit(7, 68, 37, 40, ORANGE),
    ],
    "memory": [
        *(
            rect(24 + 17 * j, 8 + 17 * i, 13, 13, ORANGE if i == 2 else GRAY, 1, 2)
            for i in range(5)
            for j in range(8)
        ),
        box(18, 37, 144, 22, BLUE),
    ],
    "handwriting": [
        line("M24 30C36 22 52 26 68 24C58 44 50 60 44 80", ORANGE, 6),
        arrow(82, 52),
        digit(7, 108, 16, 64, BLUE),
    ],
    "augmentation": [
        digit(4, 4, 26, 48, GRAY),
        digit(4, 64, 20, 54, BLUE, 20),
        digit(4, 128, 34, 42, ORANGE, -20),
    ],
    "validation": [
        line("M24 10V88H162"),
        line("M34 24C50 70 90 78 152 80"),
        line("M34 30C60 74 90 62 152 36", ORANGE),
        dot(75, 58, 7, BLUE),
    ],
    "imbalanced": [
        rect(38, 18, 28, 70, GRAY, 1, 2),
        rect(76, 26, 28, 62, BLUE, 1, 2),
        rect(114, 78, 28, 10, ORANGE, 1, 2),
    ],
    "tuning": [
        *(line(f"M34 {y}H146") for y in (24, 50, 76)),
        dot(64, 24, 9, BLUE),
        dot(118, 50, 9, ORANGE),
        dot(84, 76, 9, BLUE),
    ],
    "callbacks": [
        line("M20 62H160"),
        *(dot(30 + 30 * i, 62, 7) for i in range(5)),
        line("M90 44V14l26 10l-26 10", ORANGE),
        dot(90, 62, 9, ORANGE),
    ],
    "reproducibility": [
        digit(5, 8, 20, 60, BLUE),
        line("M80 42h20M80 58h20"),
        digit(5, 112, 20, 60, BLUE),
    ],
    "gpu": [chip(60, 20, 60), rect(76, 36, 28, 28, ORANGE, 1, 3)],
    "scaling": [
        line("M44 50L122 18M44 50H122M44 50L122 82"),
        dot(44, 50, 12, ORANGE),
        *(dot(130, y, 9, BLUE) for y in (18, 50, 82)),
    ],
    "data_parallel": [
        chip(22, 32, 36, BLUE),
        chip(122, 32, 36, BLUE),
        line("M76 42h28m-8 -8l8 8l-8 8M104 66h-28m8 -8l-8 8l8 8", ORANGE),
    ],
    "composites": [
        *(box(x, 34, 36, 32, color) for x, color in ((8, GRAY), (72, BLUE))),
        box(136, 34, 36, 32, ORANGE),
        arrow(48, 50, 16),
        arrow(112, 50, 16),
    ],
    "explaining": explained(),
    "trust": [
        line("M24 10V88H162"),
        line("M28 16C44 60 80 78 156 82", ORANGE),
        line("M28 16C70 22 110 44 156 74", BLUE),
    ],
    "features": clusters(),
    "saving": [
        line("M90 14V60m-16 -14l16 16l16 -16", ORANGE),
        line("M44 62v24h92V62"),
    ],
    "deploying": [
        box(22, 26, 46, 46),
        digit(2, 30, 34, 30, BLUE),
        arrow(80, 49, 24, ORANGE),
        line("M118 8h40v84h-40zM134 82h8"),
        digit(2, 122, 30, 32, BLUE),
    ],
    "reports": [
        line("M50 8h56l24 24v60h-80zM106 8v24h24", BLUE),
        *(line(f"M66 {y}h48") for y in (50, 64, 78)),
        line("M66 32l8 8l14 -16", ORANGE),
    ],
    "servers": [
        *(box(46, y, 88, 20) for y in (12, 40, 68)),
        *(dot(60, y, 4, color) for y, color in ((22, BLUE), (50, ORANGE), (78, BLUE))),
        *(line(f"M78 {y}h44") for y in (22, 50, 78)),
    ],
    "threads": [
        line(f"M20 {y}C60 {y - 22} 100 {y + 22} 160 {y}", color)
        for y, color in ((24, GRAY), (50, BLUE), (76, ORANGE))
    ],
    "command_line": [
        line("M26 10h128v80h-128zM26 28h128"),
        line("M42 46l12 11l-12 11", ORANGE),
        line("M66 70h26", BLUE),
    ],
    "errors": [
        line("M90 10L142 90H38z", ORANGE, 5),
        line("M90 38V62", GRAY, 7),
        dot(90, 77, 4.5),
    ],
}


def as_svg(parts):
    """Return a whole file."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}">{"".join(parts)}</svg>\n'
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, parts in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(as_svg(parts), encoding="utf-8")
