"""Measure in turn, so that a machine that drifts is unfair to no side."""

import ctypes
import gc
import threading
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, sleep

# Before each call, for the threads of the side before: pools spin for a while before
# they sleep, and take a core from the side that comes next.
PAUSE = 0.1


@dataclass
class Laps:
    """What one side of a benchmark did.

    Attributes
    ----------
    seconds : list of float
        One value a round.
    value : object
        What the last call returned.
    error : Exception or None
        Why this side was taken out of the benchmark.
    """

    seconds: list = field(default_factory=list)
    value: object = None
    error: Exception | None = None


def in_turn(functions, n_rounds=5, warm_up=True):
    """Time each function once a round: A B C, A B C, ...

    Parameters
    ----------
    functions : dict of str to callable
        Called without arguments. One that raises is out of the benchmark.
    n_rounds : int, default=5
    warm_up : bool, default=True
        Whether a round that is not counted comes first.

    Returns
    -------
    laps : dict of str to Laps
    """
    laps = {name: Laps() for name in functions}
    for round_ in range(n_rounds + warm_up):
        for name, function in functions.items():
            lap = laps[name]
            if lap.error is not None:
                continue
            sleep(PAUSE)
            start = perf_counter()
            try:
                lap.value = function()
            except Exception as error:
                lap.error = error
                continue
            if round_ >= warm_up:
                lap.seconds.append(perf_counter() - start)
    return laps


def epochs_in_turn(trainers, n_short, n_long, n_rounds=5):
    """Time an epoch of each trainer: a long fit less a short one, by the epochs.

    What a fit does once is left out on all sides.

    Parameters
    ----------
    trainers : dict of str to callable
        Called with the number of epochs.
    n_short, n_long : int
    n_rounds : int, default=5

    Returns
    -------
    laps : dict of str to Laps
        Seconds an epoch; the value is that of the last long fit.
    """
    functions = {
        (name, n_epochs): lambda train=train, n=n_epochs: train(n)
        for name, train in trainers.items()
        for n_epochs in (n_short, n_long)
    }
    laps = in_turn(functions, n_rounds)
    epochs = {}
    for name in trainers:
        short, long = laps[name, n_short], laps[name, n_long]
        error = short.error or long.error
        seconds = [] if error else _slopes(long, short, n_long - n_short)
        epochs[name] = Laps(seconds, long.value, error)
    return epochs


def _slopes(long, short, n_epochs):
    pairs = zip(long.seconds, short.seconds, strict=True)
    return [(a - b) / n_epochs for a, b in pairs]


def ratio(seconds, reference):
    """Return median, minimum and maximum of the quotients, round by round."""
    quotients = [a / b for a, b in zip(seconds, reference, strict=True)]
    return [median(quotients), min(quotients), max(quotients)]


def compare(laps, ours, unit, scale=1.0):
    """Return one row a side: its time, and its ratio to our side's.

    Parameters
    ----------
    laps : dict of str to Laps
    ours : str
        The side that the others are divided by.
    unit : str
        Name of the column of times.
    scale : float, default=1
        Units in a second.

    Returns
    -------
    rows : dict of str to dict
        A side that failed has its error instead.
    """
    rows = {}
    for name, lap in laps.items():
        if lap.error is not None:
            rows[name] = {"who": name, "failed": describe(lap.error)}
            continue
        rows[name] = {"who": name, unit: median(lap.seconds) * scale}
        if name != ours and laps[ours].error is None:
            rows[name]["time / ours"] = ratio(lap.seconds, laps[ours].seconds)
    return rows


def describe(error):
    """Return an exception as one short line."""
    first, *_ = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {first}"[:120]


class PeakMemory:
    """Watch this process's anonymous memory while a block runs (Linux only).

    Attributes
    ----------
    megabytes : float
        The most that the block held above what was held at its start.
    """

    def __enter__(self):
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        self._start = self._peak = anonymous_megabytes()
        self._running = True
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *exception):
        self._running = False
        self._watcher.join()
        self.megabytes = max(self._peak, anonymous_megabytes()) - self._start

    def _watch(self):
        while self._running:
            self._peak = max(self._peak, anonymous_megabytes())
            sleep(0.002)


def anonymous_megabytes():
    """Return the resident anonymous memory of this process, in 10^6 bytes."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024 / 1e6
    raise OSError("/proc/self/status does not say RssAnon; Linux 4.5 or newer does")
