"""Files that are there as a whole or not at all."""

import os
import secrets
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_atomically(path):
    """Open a file that takes the place of `path` once it is complete.

    Until then, and for ever if writing fails or the machine does, `path` is what it
    was before.

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
    path = Path(path)
    draft = path.with_name(f"{path.name}-{secrets.token_hex(8)}.tmp")
    try:
        with open(draft, "xb") as file:
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
