"""The command ``sklearn-digits``: which commands it has, and how they end."""

import os
import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any

from sklearn_digits._commands import demo, predict, train
from sklearn_digits._persistence.version import __version__

STOPPED = 130  # the exit code of what Ctrl-C ended, as shells have it
EXIT_CODES = (
    "Exit codes: 0 if all went well, 1 if something failed, 2 if the command line is "
    f"wrong, {STOPPED} after Ctrl-C."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and report mistakes of the user without a traceback.

    Parameters
    ----------
    arguments : sequence of str or None
        The words of the command line; None takes those of the process.

    Returns
    -------
    exit_code : int

    Raises
    ------
    SystemExit
        After ``--help`` and ``--version``, and if the command line is wrong.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # Names of files may hold what the terminal, or its encoding, does not know.
        sys.stdout.reconfigure(errors="backslashreplace")
    options = _build_parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            exit_code = options.run(options)
            sys.stdout.flush()
            return exit_code
        except KeyboardInterrupt:
            print("Stopped by Ctrl-C.", file=sys.stderr)
            return STOPPED
        except BrokenPipeError:  # of `| head`: nothing else can be written
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (ImportError, OSError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1


def _build_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="sklearn-digits",
        description="Train a classifier on a folder of pictures, predict the classes "
        "of other pictures, or draw digits that a trained network reads.",
        epilog=EXIT_CODES,
    )
    parser.add_argument(
        "--version", action="version", version=f"sklearn-digits {__version__}"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (demo, predict, train):
        command.add_parser(commands)
    return parser


def _show_warning(message: Warning | str, *details: Any, **more: Any) -> None:
    """Print a warning without the line of code that it names."""
    print(f"warning: {message}", file=sys.stderr)
