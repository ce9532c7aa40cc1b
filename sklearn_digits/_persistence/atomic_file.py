"""Files that are there as a whole or not at all."""

import errno
import os
import secrets
import stat
from contextlib import contextmanager
from pathlib import Path

from sklearn_digits._warnings import warn_user

# File systems take names of 255 bytes; a character may be four.
LONGEST_STEM = 50


@contextmanager
def written_atomically(path):
    """Open a file that takes the place of `path` once it is complete.

    Until then, and for ever if writing fails or the machine does, `path` is what it
    was before. It keeps its permissions. A symbolic link stays one: what it points to
    is replaced. Pipes and devices are written to as they are.

    Parameters
    ----------
    path : str or path-like

    Yields
    ------
    file : binary file
        To be written to.

    Raises
    ------
    OSError
        Naming `path`, if it cannot be written.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        with _opened_in_place(path) as file:
            yield file
        return
    draft = path.with_name(f"{path.name[:LONGEST_STEM]}-{secrets.token_hex(8)}.tmp")
    try:
        with open(draft, "xb") as file:
            if path.exists():  # before there is anything to read
                draft.chmod(stat.S_IMODE(path.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno:
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise
    if os.name == "posix":  # elsewhere directories cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _opened_in_place(path):
    """Open a pipe or a device for writing, without waiting for somebody who reads."""
    try:
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        warn_user(f"Nobody reads from the pipe {path}: what is written to it is lost.")
        return open(os.devnull, "wb")
    os.set_blocking(descriptor, True)
    return open(descriptor, "wb")
