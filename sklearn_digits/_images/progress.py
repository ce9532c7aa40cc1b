"""A progress bar for work that goes through many images."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def show_progress(items: Sequence[Item], name: str, verbose: bool) -> Iterable[Item]:
    """Return `items` to iterate over, with a progress bar if it is asked for.

    Parameters
    ----------
    items : sequence
    name : str
        What the bar counts.
    verbose : bool
        Whether to show the bar.

    Raises
    ------
    ImportError
        If a bar is asked for, and rich, which draws it, is not installed.
    """
    if not verbose:
        return items
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError as error:
        raise ImportError(
            "verbose=True shows a progress bar with rich, which is not installed: pip "
            "install rich, or pass verbose=False."
        ) from error
    return track(items, name, console=Console(stderr=True))
