"""Shapes that the images may have, if rows of pixels are not gray squares."""

from math import isqrt

# Images are seldom longer than this many times their other side.
LONGEST = 3


def describe_factorings(n_features: int) -> str:
    """Return which images rows of `n_features` may hold, as sentences for a warning.

    Parameters
    ----------
    n_features : int

    Returns
    -------
    sentences : str
        The most square shapes of images that have so many pixels, and the square image
        that has one pixel less or more, where there are any.
    """
    sentences = []
    if shapes := _shapes(n_features):
        listed = " or ".join(f"image_shape={shape}" for shape in shapes)
        sentences.append(f"They may be images of {listed}.")
    if square := _square(n_features - 1):
        sentences.append(
            f"{n_features} is one more than {square}: is a label column left in?"
        )
    elif square := _square(n_features + 1):
        sentences.append(
            f"{n_features} is one less than {square}: is a column missing?"
        )
    elif not shapes:
        sentences.append("Were columns left out, for example by feature selection?")
    return " ".join(sentences)


def _shapes(n_features: int) -> list[tuple[int, ...]]:
    """Return the most square shapes of gray images, and that of a color square."""
    shapes: list[tuple[int, ...]] = []
    height = next(h for h in range(isqrt(n_features), 0, -1) if n_features % h == 0)
    width = n_features // height
    if 1 < height < width < LONGEST * height:
        shapes += [(height, width), (width, height)]
    side = isqrt(n_features // 3)
    if side > 1 and 3 * side * side == n_features:
        shapes.append((side, side, 3))
    return shapes


def _square(n_features: int) -> str:
    """Return the square image of so many features, such as "28x28", or nothing."""
    for n_channels, suffix in ((1, ""), (3, "x3")):
        side = isqrt(n_features // n_channels)
        if side >= 5 and n_channels * side * side == n_features:
            return f"{side}x{side}{suffix}"
    return ""
