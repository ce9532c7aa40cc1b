"""Digits, letters and scribbles drawn by strokes, on paper of any size."""

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


# Other ways to write a digit.
OTHER_STROKES = [
    (0, [[("arc", 0.5, 0.5, 0.45, 0.5, -60, 310)]]),
    (1, [[(0.5, 0.0), (0.5, 1.0)]]),
    (1, [[(0.25, 0.25), (0.52, 0.0), (0.52, 1.0)], [(0.25, 1.0), (0.8, 1.0)]]),
    (
        2,
        [
            [("arc", 0.5, 0.25, 0.36, 0.25, -160, 60), (0.15, 0.9)],
            [("arc", 0.25, 0.9, 0.12, 0.1, 0, 360), (0.6, 0.9), (0.95, 1.0)],
        ],
    ),
    (
        3,
        [
            [(0.15, 0.0), (0.8, 0.0), (0.45, 0.4)],
            [("arc", 0.42, 0.7, 0.4, 0.3, -85, 150)],
        ],
    ),
    (4, [[(0.1, 0.0), (0.1, 0.5), (0.9, 0.5)], [(0.75, 0.0), (0.75, 1.0)]]),
    (4, [[(0.7, 1.0), (0.7, 0.0), (0.05, 0.7), (0.95, 0.7)]]),
    (
        5,
        [
            [(0.2, 0.0), (0.2, 0.42), ("arc", 0.42, 0.68, 0.4, 0.32, -115, 150)],
            [(0.2, 0.0), (0.85, 0.0)],
        ],
    ),
    (
        6,
        [
            [
                ("arc", 0.85, 0.7, 0.7, 0.7, -100, -180),
                ("arc", 0.5, 0.72, 0.33, 0.28, 180, 520),
            ]
        ],
    ),
    (7, [[(0.1, 0.0), (0.9, 0.0), (0.45, 1.0)], [(0.35, 0.5), (0.85, 0.5)]]),
    (
        8,
        [
            [
                ("arc", 0.5, 0.25, 0.3, 0.25, -30, -270),
                ("arc", 0.5, 0.75, 0.36, 0.25, -90, 200),
                (0.8, 0.15),
            ]
        ],
    ),
    (
        9,
        [
            [
                ("arc", 0.5, 0.28, 0.33, 0.28, -20, 340),
                ("arc", 0.3, 0.5, 0.5, 0.5, -20, 90),
            ]
        ],
    ),
]

# Letters that look like no digit.
LETTERS = {
    "A": [[(0.0, 1.0), (0.5, 0.0), (1.0, 1.0)], [(0.2, 0.62), (0.8, 0.62)]],
    "E": [[(0.9, 0.0), (0.1, 0.0), (0.1, 1.0), (0.9, 1.0)], [(0.1, 0.5), (0.75, 0.5)]],
    "F": [[(0.9, 0.0), (0.1, 0.0), (0.1, 1.0)], [(0.1, 0.5), (0.75, 0.5)]],
    "H": [[(0.1, 0.0), (0.1, 1.0)], [(0.9, 0.0), (0.9, 1.0)], [(0.1, 0.5), (0.9, 0.5)]],
    "K": [
        [(0.1, 0.0), (0.1, 1.0)],
        [(0.9, 0.0), (0.1, 0.55)],
        [(0.3, 0.45), (0.95, 1.0)],
    ],
    "M": [[(0.0, 1.0), (0.1, 0.0), (0.5, 0.7), (0.9, 0.0), (1.0, 1.0)]],
    "N": [[(0.1, 1.0), (0.1, 0.0), (0.9, 1.0), (0.9, 0.0)]],
    "R": [
        [(0.1, 1.0), (0.1, 0.0), (0.5, 0.0)],
        [("arc", 0.5, 0.26, 0.38, 0.26, -90, 90), (0.1, 0.52)],
        [(0.45, 0.52), (0.95, 1.0)],
    ],
    "T": [[(0.0, 0.0), (1.0, 0.0)], [(0.5, 0.0), (0.5, 1.0)]],
    "V": [[(0.0, 0.0), (0.5, 1.0), (1.0, 0.0)]],
    "W": [[(0.0, 0.0), (0.25, 1.0), (0.5, 0.3), (0.75, 1.0), (1.0, 0.0)]],
    "X": [[(0.05, 0.0), (0.95, 1.0)], [(0.95, 0.0), (0.05, 1.0)]],
    "h": [
        [(0.1, 0.0), (0.1, 1.0)],
        [("arc", 0.5, 0.7, 0.38, 0.25, 180, 360), (0.88, 1.0)],
    ],
    "m": [
        [(0.05, 0.3), (0.05, 1.0)],
        [("arc", 0.27, 0.55, 0.22, 0.25, 180, 360), (0.49, 1.0)],
        [("arc", 0.71, 0.55, 0.22, 0.25, 180, 360), (0.93, 1.0)],
    ],
}

# Pictures of other things.
SHAPES = {
    "triangle": [[(0.0, 1.0), (0.5, 0.0), (1.0, 1.0), (0.0, 1.0)]],
    "square": [[(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]],
    "plus": [[(0.5, 0.0), (0.5, 1.0)], [(0.0, 0.5), (1.0, 0.5)]],
    "house": [
        [(0, 1), (0, 0.45), (0.5, 0), (1, 0.45), (1, 1), (0, 1)],
        [(0, 0.45), (1, 0.45)],
    ],
    "star": [
        [(0.2, 1.0), (0.5, 0.0), (0.8, 1.0), (0.0, 0.38), (1.0, 0.38), (0.2, 1.0)]
    ],
    "heart": [
        [
            (0.5, 1.0),
            ("arc", 0.25, 0.25, 0.25, 0.25, 150, 360),
            ("arc", 0.75, 0.25, 0.25, 0.25, 180, 390),
            (0.5, 1.0),
        ]
    ],
    "arrow": [[(0.0, 0.5), (1.0, 0.5)], [(0.65, 0.15), (1.0, 0.5), (0.65, 0.85)]],
    "face": [
        [("arc", 0.5, 0.5, 0.5, 0.5, 0, 360)],
        [(0.33, 0.35), (0.33, 0.4)],
        [(0.67, 0.35), (0.67, 0.4)],
        [("arc", 0.5, 0.55, 0.25, 0.2, 20, 160)],
    ],
}


def points_of(stroke):
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


def draw_strokes(strokes, shape=(100, 80), box=None, thickness=8.0, slant=0.0):
    """Return the ink of strokes, 0 on paper and 1 inside of them.

    Parameters
    ----------
    strokes : list of list of tuple
        As in STROKES.
    shape : tuple of 2 int
        Height and width of the paper.
    box : tuple of 4 float, default=None
        Top, left, height and width of the drawing; None leaves a margin.
    thickness : float
        Of the strokes, in pixels.
    slant : float
        Shift to the right of the top of the drawing, in widths.
    """
    height, width = shape
    if box is None:
        side = 0.6 * height
        box = (0.2 * height, (width - 0.7 * side) / 2, side, 0.7 * side)
    ink = np.zeros(shape)
    for stroke in strokes:
        x, y = points_of(stroke).T
        x = x + slant * (1 - y)
        x, y = box[1] + box[3] * x, box[0] + box[2] * y
        for x0, y0, x1, y1 in zip(x[:-1], y[:-1], x[1:], y[1:], strict=True):
            _draw_line(ink, (x0, y0), (x1, y1), thickness)
    return ink


def _draw_line(ink, start, end, thickness):
    """Add a straight line to ink, with round ends."""
    (x0, y0), (x1, y1), reach = start, end, thickness / 2 + 1
    top, left = max(0, int(min(y0, y1) - reach)), max(0, int(min(x0, x1) - reach))
    near = ink[top : int(max(y0, y1) + reach) + 2, left : int(max(x0, x1) + reach) + 2]
    rows, columns = np.ogrid[: near.shape[0], : near.shape[1]]
    down, right = rows + (top - y0), columns + (left - x0)
    along = right * (x1 - x0) + down * (y1 - y0)
    t = np.clip(along / max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-9), 0, 1)
    distance = np.hypot(right - t * (x1 - x0), down - t * (y1 - y0))
    np.maximum(near, np.clip(thickness / 2 + 0.5 - distance, 0, 1), out=near)


def draw_digit(digit, *args, **kwargs):
    """Return the ink of a digit; the other arguments are those of draw_strokes."""
    return draw_strokes(STROKES[digit], *args, **kwargs)


def draw_by_hand(strokes, rng, shape=(200, 200)):
    """Return the ink of strokes as another hand draws them each time.

    Size, place, slant, thickness and ratio vary, and the pen shakes.
    """
    height = rng.uniform(0.3, 0.85) * shape[0]
    width = min(height * rng.uniform(0.5, 0.95), 0.85 * shape[1])
    top = rng.uniform(0.05, 0.95) * (shape[0] - height)
    left = rng.uniform(0.05, 0.95) * (shape[1] - width)
    thickness = height * rng.uniform(0.03, 0.16)
    amount, phase = rng.uniform(-0.04, 0.04, (2, 2)), rng.uniform(0, 2 * np.pi, (2, 2))
    shaken = []
    for stroke in strokes:
        points = points_of(stroke)
        # Straight lines get points between, so that they can bend.
        places = np.arange(len(points))
        fine = (
            np.linspace(0, places[-1], 8 * places[-1] + 1)
            if places[-1] < 10
            else places
        )
        points = np.stack(
            [np.interp(fine, places, column) for column in points.T], axis=1
        )
        waves = np.sin(5 * points[:, np.newaxis] + phase)
        points = points + (amount * waves).sum(axis=1) + rng.uniform(-0.025, 0.025, 2)
        shaken.append([tuple(point) for point in points])
    box = (top, left, height, width)
    return draw_strokes(shaken, shape, box, thickness, rng.uniform(-0.15, 0.3))


def draw_digits(n_drawings, seed):
    """Return drawings of digits by many hands, and the digits."""
    rng = np.random.default_rng(seed)
    ways = [*STROKES.items(), *OTHER_STROKES]
    digits = [i % 10 for i in range(n_drawings)]
    drawings = []
    for digit in digits:
        own = [strokes for name, strokes in ways if name == digit]
        drawings.append(draw_by_hand(own[rng.integers(len(own))], rng))
    return drawings, np.array(digits)


def scribble(rng):
    """Return strokes that mean nothing: a spiral, a zigzag, a grid, or a tangle."""
    kind = rng.integers(4)
    t = np.linspace(0, 1, 120)
    if kind == 0:
        angle = t * rng.uniform(3, 5) * 2 * np.pi
        curve = 0.5 + 0.5 * t[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        return [[tuple(point) for point in curve]]
    if kind == 1:
        n = rng.integers(6, 12)
        return [[(i / n, rng.uniform(0, 0.3) + 0.7 * (i % 2)) for i in range(n + 1)]]
    if kind == 2:
        places = np.linspace(0, 1, rng.integers(3, 5))
        return [[(p, 0), (p, 1)] for p in places] + [[(0, p), (1, p)] for p in places]
    # Several turns, and more of them in one direction than in the other.
    frequency, phase = rng.uniform([3, 4.5], [4, 6]), rng.uniform(0, 2 * np.pi, 2)
    curve = 0.5 + 0.5 * np.sin(2 * np.pi * frequency * t[:, None] + phase)
    return [[tuple(point) for point in curve]]
