"""Train the classifier of digits that the package ships, and write its files.

PYTHONPATH=tests python examples/train_pretrained.py FOLDER --validate
PYTHONPATH=tests python examples/train_pretrained.py FOLDER

FOLDER holds MNIST's IDX files. In addition to MNIST's images, the network learns from
redrawings of them with thinner and thicker pens, and from letters and scribbles with
random labels, of which it cannot be sure. With ``--validate``, the last 10,000 training
images are held out, and nothing is written: the settings were chosen there. Without it,
all of them are learned, and the test set is read once.

It takes about twenty minutes on one core, and OpenCV, which the dependency
group "test" brings.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from drawings import LETTERS, SHAPES, draw_by_hand, draw_digits, scribble
from scipy import ndimage

import sklearn_digits
from sklearn_digits import ConvNetClassifier, load_pretrained, to_digit_image
from sklearn_digits._persistence.plain_files import write_plain
from sklearn_digits.datasets import fetch_mnist

SEED, EPOCHS, SURE = 0, 10, 0.95
CHANNELS = (32, 64, 128)
N_REDRAWN, N_OTHERS = 20_000, 30_000
SIDE = 112  # of the sheets that are drawn on, in pixels
# Characters that look like no digit; the tests have strokes of their own for letters.
CHARACTERS = "ACEFHKMNPRTUVWXYaehkmnrwx+#*@&%?=$<>"
HERSHEY_FONTS = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17]


def redraw(image, rng):
    """Return an image of MNIST's as another pen draws it: sharp, thinner or thicker."""
    ink = ndimage.zoom(image.astype(float), 4, order=1) > 128
    depth = ndimage.distance_transform_edt(ink)
    outside = ndimage.distance_transform_edt(~ink)
    growth = max(rng.uniform(-3, 7), 1 - depth.max())
    return outside - depth < growth


def draw_character(rng):
    """Return a printed letter or sign: stretched, slanted, and turned a little."""
    sheet = np.zeros((SIDE, SIDE), dtype=np.uint8)
    character = CHARACTERS[rng.integers(len(CHARACTERS))]
    font, thickness = int(rng.choice(HERSHEY_FONTS)), int(rng.integers(2, 14))
    size = 4.0 if font % 16 == 1 else 2.0
    (width, height), _ = cv2.getTextSize(character, font, size, thickness)
    corner = ((SIDE - width) // 2, (SIDE + height) // 2)
    cv2.putText(sheet, character, corner, font, size, 255, thickness, cv2.LINE_AA)
    cos, sin = np.cos(turn := rng.uniform(-0.25, 0.25)), np.sin(turn)
    shape = [[rng.uniform(0.5, 1), rng.uniform(-0.3, 0.3)], [0, 1]]
    matrix = np.array([[cos, -sin], [sin, cos]]) @ shape
    offset = (np.eye(2) - matrix) @ [SIDE / 2, SIDE / 2]
    return cv2.warpAffine(sheet, np.column_stack([matrix, offset]), (SIDE, SIDE))


def draw_scribble(rng):
    """Return one to three lines through random places, or a random filled shape."""
    sheet = np.zeros((SIDE, SIDE), dtype=np.uint8)
    filled, thickness = rng.random() < 0.15, int(rng.integers(3, 12))
    for _ in range(rng.integers(1, 4)):
        n = rng.integers(6, 14)
        places = rng.uniform(0.15, 0.85, (n, 2)) * SIDE
        if rng.random() < 0.6:  # rounded
            along = [np.linspace(0, n - 1, 20 * n)]
            places = np.column_stack(
                [ndimage.map_coordinates(p, along, mode="nearest") for p in places.T]
            )
        places = np.int32(places.round())
        if filled:
            hull = cv2.convexHull(places)
            cv2.fillPoly(sheet, [hull if rng.random() < 0.7 else places], 255)
        else:
            cv2.polylines(sheet, [places], False, 255, thickness, cv2.LINE_AA)
    return sheet


def closed_line(kind, rng):
    """Return points around the origin, at distances of about 1."""
    n_corners, turn = int(rng.integers(3, 6)), rng.uniform(0, 2 * np.pi)
    if kind == "polygon":  # a triangle or a square, or a star
        star = n_corners == 5 or rng.random() < 0.3
        angles = turn + np.linspace(
            0, 2 * np.pi, n_corners * (1 + star), endpoint=False
        )
        radius = rng.uniform(0.75, 1, len(angles))
        radius[1::2] *= 0.5 if star else 1
        return radius * np.array([np.cos(angles), np.sin(angles)])
    angles = np.linspace(0, 2 * np.pi, 100)
    radius = np.ones(100)
    if kind == "dented":
        radius += rng.uniform(0.3, 0.6) * np.cos(n_corners * angles + turn)
        radius -= rng.uniform(0, 0.5) * np.maximum(np.cos(angles + turn), 0) ** 3
    return radius * np.array([np.cos(angles), np.sin(angles)])


def draw_outline(rng):
    """Return a closed line; an ellipse, which could be a 0, has marks inside."""
    kind = rng.choice(["polygon", "dented", "ellipse"], p=[0.5, 0.3, 0.2])
    size, thickness = rng.uniform(18, 45, 2), int(rng.integers(3, 10))
    if kind == "ellipse":
        size, thickness = rng.uniform(35, 45, 2), int(rng.integers(4, 7))
    sheet = np.zeros((SIDE, SIDE), dtype=np.uint8)
    line = closed_line(kind, rng).T * size + SIDE / 2
    lines = [np.int32(line.round())]
    if kind == "ellipse" or rng.random() < 0.3:
        n_marks = rng.integers(2, 5)
        marks = rng.uniform(-0.55, 0.55, (n_marks, 1, 2)).repeat(2, axis=1)
        marks[:, 1] += rng.uniform(0.2, 0.4, (n_marks, 2)) * rng.choice([-1, 1], 2)
        lines.extend(np.int32(marks * size + SIDE / 2))
    cv2.polylines(sheet, lines[:1], True, 255, thickness, cv2.LINE_AA)
    cv2.polylines(sheet, lines[1:], False, 255, thickness, cv2.LINE_AA)
    return sheet


def place_side_by_side(images, rng):
    """Return two of MNIST's images as one."""
    pair = [image[:, image.any(axis=0)] for image in rng.choice(images, 2)]
    gap = np.zeros((28, rng.integers(1, 6)), dtype=np.uint8)
    row = np.pad(np.hstack([pair[0], gap, pair[1]]), 6)
    return ndimage.zoom(row.astype(float), 3, order=1)


def draw_others(n, images, rng):
    """Return images of what is not one digit."""
    ways = [draw_character, draw_scribble, draw_outline]
    ways.append(lambda rng: place_side_by_side(images, rng))
    kinds = rng.choice(4, n, p=[0.45, 0.25, 0.2, 0.1])
    return np.array([to_digit_image(ways[kind](rng)) for kind in kinds])


def training_set(images, digits, rng):
    """Return MNIST's images, redrawings, and others with random labels; labels."""
    chosen = rng.permutation(len(images))[:N_REDRAWN]
    redrawn = np.array([to_digit_image(redraw(images[i], rng)) for i in chosen])
    others = draw_others(N_OTHERS, images, rng)
    labels = rng.integers(10, size=N_OTHERS)
    X = np.concatenate([images, redrawn, others])
    return X, np.concatenate([digits, digits[chosen], labels])


def readable(drawings):
    """Return the images of drawings; some scribbles leave no paper to see."""
    images = []
    for drawing in drawings:
        try:
            images.append(to_digit_image(drawing))
        except ValueError:
            continue
    return np.array(images)


def percent(hits):
    """Return the share of hits."""
    return round(100 * float(np.mean(hits)), 2)


def figures(model, images, digits, n_drawings, seed):
    """Return how accurate a model is, and how often it is sure, as percentages."""
    rng = np.random.default_rng(seed)
    drawings, drawn = draw_digits(n_drawings, seed)
    letters = [draw_by_hand(LETTERS[k], rng) for k in LETTERS for _ in range(10)]
    shapes = [draw_by_hand(SHAPES[k], rng) for k in SHAPES for _ in range(10)]
    scribbles = [draw_by_hand(scribble(rng), rng) for _ in range(100)]
    sets = {
        "mnist": (images, digits),
        "drawn_digits": (readable(drawings), drawn),
        "letters": (readable(letters), None),
        "shapes": (readable(shapes), None),
        "scribbles": (readable(scribbles), None),
    }
    found = {}
    for name, (X, y) in sets.items():
        probabilities = model.predict_proba(X)
        sure = probabilities.max(axis=1) >= SURE
        found[f"{name}_sure"] = percent(sure)
        if y is not None:
            right = probabilities.argmax(axis=1) == y
            found[f"{name}_accuracy"] = percent(right)
            found[f"{name}_accuracy_where_sure"] = percent(right[sure])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="the IDX files of MNIST")
    parser.add_argument("--validate", action="store_true")
    options = parser.parse_args()
    train = fetch_mnist(data_home=options.folder, subset="train")
    n_train = 50_000 if options.validate else 60_000
    rng = np.random.default_rng(SEED)
    X, y = training_set(train.images[:n_train], train.target[:n_train], rng)
    model = ConvNetClassifier(
        CHANNELS, max_iter=EPOCHS, label_smoothing=0.05, mixup=0.0, random_state=SEED
    ).fit(X, y)
    if options.validate:
        held_out = train.images[n_train:], train.target[n_train:]
        print(figures(model, *held_out, n_drawings=600, seed=1))
        return
    path = Path(sklearn_digits.__file__).parent / "_classifiers/weights/mnist"
    card = {
        "title": "Handwritten digits, learned from MNIST",
        "trained_by": "examples/train_pretrained.py",
        "seed": SEED,
        "mnist_images": n_train,
        "redrawn_images": N_REDRAWN,
        "letters_and_scribbles": N_OTHERS,
        "sure_from": SURE,
        "measured_on": "MNIST's 10,000 test images; drawings of tests/drawings.py",
    }
    write_plain(model, path, card)  # the figures are those of what is stored
    test = fetch_mnist(data_home=options.folder, subset="test")
    stored = load_pretrained("mnist")
    card["percent"] = figures(stored, test.images, test.target, 200, seed=0)
    write_plain(model, path, card)
    print(card["percent"])


if __name__ == "__main__":
    main()
