"""Digits drawn by strokes, as a hand would draw them, on paper of any size."""

import numpy as np

# Strokes of each digit as (x, y) points in a unit square, y pointing down. Curves are
# written as arcs: (center x, center y, radius x, radius y, from degrees, to degrees),
# degrees counted clockwise from the right.
STROKES = {
    0: [[("arc", 0.5, 0.5, 0.33, 0.5, -90, 270)]],
    1: [[(0.38, 0.12), (0.52, 0.0), (0.5, 1.0)]],
    2: [[("arc", 0.5, 0.28, 0.36, 0.28, -170, 50), (0.1, 1.0), (0.92, 0.97)]],
    3: [
        [
            ("arc", 0.45, 0.26, 0.33, 0.26, -150, 90),
            ("arc", 0.45, 0.75, 0.38, 0.25, -90, 150),
        ]
    ],
    4: [[(0.55, 0.0), (0.1, 0.62), (0.9, 0.62)], [(0.68, 0.3), (0.66, 1.0)]],
    5: [
        [(0.85, 0.0), (0.25, 0.02), (0.2, 0.45)],
        [("arc", 0.43, 0.68, 0.4, 0.32, -130, 140)],
    ],
    6: [[(0.7, 0.0), ("arc", 0.5, 0.7, 0.34, 0.3, -160, 200), (0.17, 0.6)]],
    7: [[(0.08, 0.04), (0.9, 0.0), (0.38, 1.0)]],
    8: [
        [("arc", 0.5, 0.25, 0.27, 0.25, -90, 270)],
        [("arc", 0.5, 0.75, 0.34, 0.25, -90, 270)],
    ],
    9: [[("arc", 0.48, 0.28, 0.32, 0.28, 0, 360), (0.8, 0.3), (0.68, 1.0)]],
}


def _points(stroke):
    """Return the points of a stroke, arcs as many short lines."""
    points = []
    for part in stroke:
        if part[0] != "arc":
            points.append(part)
            continue
        _, x, y, radius_x, radius_y, start, end = part
        angles = np.deg2rad(np.linspace(start, end, 40))
        points += zip(
            x + radius_x * np.cos(angles), y + radius_y * np.sin(angles), strict=True
        )
    return np.array(points, dtype=float)


def draw_digit(digit, shape=(100, 80), box=None, thickness=8.0, slant=0.0):
    """Return the ink of a digit, 0 on paper and 1 inside its strokes.

    Parameters
    ----------
    digit : int
    shape : tuple of 2 int
        Height and width of the paper.
    box : tuple of 4 float, default=None
        Top, left, height and width of the digit; None leaves a margin.
    thickness : float
        Of the strokes, in pixels.
    slant : float
        Shift to the right of the top of the digit, in widths.
    """
    height, width = shape
    if box is None:
        side = 0.6 * height
        box = (0.2 * height, (width - 0.7 * side) / 2, side, 0.7 * side)
    rows, columns = np.mgrid[:height, :width]
    distance = np.full(shape, np.inf)
    for stroke in STROKES[digit]:
        x, y = _points(stroke).T
        x = x + slant * (1 - y)
        x, y = box[1] + box[3] * x, box[0] + box[2] * y
        for x0, y0, x1, y1 in zip(x[:-1], y[:-1], x[1:], y[1:], strict=True):
            length = (x1 - x0) ** 2 + (y1 - y0) ** 2
            along = (columns - x0) * (x1 - x0) + (rows - y0) * (y1 - y0)
            t = np.clip(along / max(length, 1e-9), 0, 1)
            to_line = np.hypot(columns - x0 - t * (x1 - x0), rows - y0 - t * (y1 - y0))
            np.minimum(distance, to_line, out=distance)
    return np.clip(thickness / 2 + 0.5 - distance, 0, 1)
