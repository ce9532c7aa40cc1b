"""A 1, the same 1 moved aside, and a 7: which two does a distance take for one another?

Pixel by pixel, a thin stroke that has moved has nothing in common with itself. Pooled
edges have: a window wider than the move sees the stroke before and after.

python examples/shift_experiment.py                  # the 8x8 digits of scikit-learn
python examples/shift_experiment.py --data FOLDER    # MNIST, from its four IDX files
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import pairwise_distances_argmin
from sklearn.metrics.pairwise import paired_distances

from sklearn_digits import ConvolutionFeatureTransformer
from sklearn_digits.datasets import fetch_mnist

# A 1 and the 7 most like it once it has moved by so many columns, as rows of the data;
# of all such pairs, one whose distances are like those of most. The pixels of the 8x8
# digits are larger.
MNIST_ROWS, MNIST_SHIFT = (6609, 258), 2
DIGITS_ROWS, DIGITS_SHIFT = (349, 27), 1

VIEWS = {
    "pixels": None,
    "edges": ConvolutionFeatureTransformer("gabor", rectify="abs", power=0.5),
    "pooled edges": ConvolutionFeatureTransformer(
        "gabor", rectify="abs", pooling="mean", power=0.5
    ),
}


def load(folder=None):
    """Return images, labels, the two rows to look at, and how far to move."""
    if folder is None:
        digits = load_digits()
        return digits.images, digits.target, DIGITS_ROWS, DIGITS_SHIFT
    mnist = fetch_mnist(data_home=folder, subset="train")
    return mnist.images, mnist.target, MNIST_ROWS, MNIST_SHIFT


def move(images, shift):
    """Move images by whole columns to the right; zeros follow from the left."""
    moved = np.zeros_like(images)
    moved[..., shift:] = images[..., :-shift]
    return moved


def find_pairs(images, labels, shift, n=1000):
    """Return the rows of ones, and of the 7 that each looks like once it has moved.

    The first `n` ones, and for each the nearest of the first `n` sevens, in pixels.
    """
    ones, sevens = (np.flatnonzero(labels == label)[:n] for label in (1, 7))
    pixels = images.reshape(len(images), -1)
    moved = move(images[ones], shift).reshape(len(ones), -1)
    nearest = pairwise_distances_argmin(moved.astype(float), pixels[sevens])
    return ones, sevens[nearest]


def distances(images, ones, sevens, shift, transformer=None):
    """Return the distances of moved ones to themselves before, and to sevens.

    Of pixels, or of what a transformer makes of them.
    """

    def view(images):
        if transformer is None:
            return images.reshape(len(images), -1).astype(float)
        return transformer.fit_transform(images)

    moved = view(move(images[ones], shift))
    return tuple(paired_distances(moved, view(images[rows])) for rows in (ones, sevens))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="FOLDER", help="the IDX files of MNIST")
    images, labels, (one, seven), shift = load(parser.parse_args().data)
    ones, sevens = find_pairs(images, labels, shift)
    print(
        f"Of {len(ones)} ones moved by {shift}, those nearer to themselves than to a 7;"
    )
    print(
        f"distances of the one of row {one}, moved: to itself, to the 7 of row {seven}."
    )
    for name, transformer in VIEWS.items():
        to_one, to_seven = distances(images, ones, sevens, shift, transformer)
        [near], [far] = distances(images, [one], [seven], shift, transformer)
        share = np.mean(to_one < to_seven)
        print(f"  {name:12}  {share:6.1%}  {near:7.4g} {far:7.4g}")


if __name__ == "__main__":
    main()
