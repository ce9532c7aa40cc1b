"""``sklearn-digits demo``: draw digits in the browser."""

import webbrowser
from argparse import Namespace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import as_file, files
from pathlib import Path
from threading import Thread
from typing import Any

from sklearn_digits._commands.values import port

LOOPBACK = "127.0.0.1"  # other machines cannot reach it
PAD = files("sklearn_digits").joinpath("_displays", "digit_pad")
PAGE = "digit_pad.html"


def add_parser(commands: Any) -> None:
    """Add the command to those that the parser knows."""
    parser = commands.add_parser(
        "demo",
        help="draw digits in the browser, and see what the network reads",
        description="Serve a page on which you draw digits, and open it in the "
        "browser. The network runs in the page. Nothing leaves this machine, and no "
        "other machine can reach the page. Ctrl-C ends it.",
    )
    parser.add_argument(
        "--port", type=port, default=0, help="port of the page (default: a free one)"
    )
    parser.add_argument(
        "--no-browser",
        action="store_true",
        help="print the address only, and open no browser",
    )
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Serve the page until Ctrl-C."""
    with as_file(PAD) as folder, _new_server(folder, options.port) as server:
        address = f"http://{LOOPBACK}:{server.server_port}/{PAGE}"
        try:
            print(f"The digit pad is at {address}. Ctrl-C ends it.", flush=True)
            if not options.no_browser:
                # A browser in the terminal returns only when it is left.
                Thread(target=webbrowser.open, args=[address], daemon=True).start()
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


class _PadHandler(SimpleHTTPRequestHandler):
    """Answer requests for the files of the page, and log nothing."""

    # On Windows, the registry may have other types for these.
    extensions_map = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".css": "text/css",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
    }

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def _new_server(folder: Path, number: int) -> ThreadingHTTPServer:
    """Return a server of the files in a folder, which listens already."""
    handler = partial(_PadHandler, directory=str(folder))
    try:
        return ThreadingHTTPServer((LOOPBACK, number), handler)
    except OSError as error:
        raise OSError(
            f"--port {number} cannot be used: {error.strerror}. Pass another one, or "
            "none, which takes a free one."
        ) from error
