"""A moved 1 is taken for a 7 in pixels, and known again in pooled edges."""

import numpy as np
from numpy.testing import assert_array_equal
from shift_experiment import (
    MNIST_ROWS,
    MNIST_SHIFT,
    VIEWS,
    distances,
    find_pairs,
    load,
    move,
)


def nearer_to_itself(images, ones, sevens, shift, view):
    to_one, to_seven = distances(images, ones, sevens, shift, VIEWS[view])
    return to_one < to_seven


def test_moved_images_keep_what_stays_inside():
    images = np.arange(24).reshape(2, 3, 4)
    moved = move(images, 2)
    assert_array_equal(moved[:, :, 2:], images[:, :, :2])
    assert_array_equal(moved[:, :, :2], np.zeros((2, 3, 2)))


def test_each_one_gets_the_seven_that_it_looks_like_once_moved():
    images, labels, _, shift = load()
    ones, sevens = find_pairs(images, labels, shift, n=20)
    assert_array_equal(labels[ones], np.ones(20))
    candidates = np.flatnonzero(labels == 7)[:20]
    for one, seven in zip(ones, sevens, strict=True):
        away = [
            np.linalg.norm(move(images[one], shift) - images[row]) for row in candidates
        ]
        assert seven == candidates[np.argmin(away)]


def test_distances_of_pixels_are_euclidean():
    images, _, (one, seven), shift = load()
    moved = move(images[one], shift)
    expected = [np.linalg.norm(moved - images[row]) for row in (one, seven)]
    measured = distances(images, [one], [seven], shift)
    np.testing.assert_allclose(np.ravel(measured), expected)


def check_the_rows_to_look_at(images, labels, rows, shift):
    one, seven = rows
    assert (labels[one], labels[seven]) == (1, 7)
    ones, sevens = find_pairs(images, labels, shift)
    assert (one, seven) in zip(ones, sevens, strict=True)
    assert not nearer_to_itself(images, [one], [seven], shift, "pixels")
    assert nearer_to_itself(images, [one], [seven], shift, "pooled edges")


def test_small_digits_are_known_again_more_often_in_pooled_edges():
    images, labels, rows, shift = load()
    check_the_rows_to_look_at(images, labels, rows, shift)
    pairs = find_pairs(images, labels, shift)
    assert nearer_to_itself(images, *pairs, shift, "pixels").mean() < 0.4
    assert nearer_to_itself(images, *pairs, shift, "pooled edges").mean() > 0.7


def test_moved_ones_of_mnist_are_known_again_in_pooled_edges(mnist):
    images, labels, shift = mnist.train.images, mnist.train.target, MNIST_SHIFT
    check_the_rows_to_look_at(images, labels, MNIST_ROWS, shift)
    ones, sevens = find_pairs(images, labels, shift)
    assert len(ones) == 1000
    # Pooling does it, not the edges.
    for view, low, high in (
        ("pixels", 0, 0.02),
        ("edges", 0, 0.6),
        ("pooled edges", 0.97, 1),
    ):
        share = nearer_to_itself(images, ones, sevens, shift, view).mean()
        assert low <= share <= high, view
