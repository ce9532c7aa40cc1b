"""Time functions in turn, so that a machine that drifts is unfair to none of them."""

from statistics import median
from time import perf_counter


def in_turn(functions, n_rounds=5):
    """Time each function once a round, after one round that is not counted.

    Parameters
    ----------
    functions : dict of str to callable
        Called without arguments.
    n_rounds : int, default=5

    Returns
    -------
    seconds : dict of str to list of float
        One value a round.
    """
    seconds = {name: [] for name in functions}
    for round_ in range(n_rounds + 1):
        for name, function in functions.items():
            start = perf_counter()
            function()
            if round_:
                seconds[name].append(perf_counter() - start)
    return seconds


def ratio(seconds, reference):
    """Return median, minimum and maximum of the quotients, round by round."""
    quotients = [a / b for a, b in zip(seconds, reference, strict=True)]
    return median(quotients), min(quotients), max(quotients)
