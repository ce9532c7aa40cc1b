"""What the options take: numbers and sizes, checked before a command starts."""

import re
from argparse import ArgumentTypeError


def positive_integer(text: str) -> int:
    """Return a number of epochs."""
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r}; expected a whole number from 1 on")
    return int(text)


def seed(text: str) -> int:
    """Return the seed of a fit."""
    if not text.isdecimal() or int(text) >= 2**32:
        raise ArgumentTypeError(f"{text!r}; expected a whole number below 2**32")
    return int(text)


def port(text: str) -> int:
    """Return the number of a port; 0 means a free one."""
    if not text.isdecimal() or int(text) >= 2**16:
        raise ArgumentTypeError(f"{text!r}; expected a number from 0 to 65535")
    return int(text)


def share(text: str) -> float:
    """Return a share of the images, from 0 to less than 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise ArgumentTypeError(f"{text!r}; expected a number from 0 to below 1")
    return value


def image_size(text: str) -> tuple[int, int]:
    """Return (height, width) of a text such as "28x28"."""
    match = re.fullmatch(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})", text, re.ASCII)
    if match is None:
        raise ArgumentTypeError(
            f"{text!r}; expected HEIGHTxWIDTH in pixels, for example 28x28"
        )
    return int(match[1]), int(match[2])
