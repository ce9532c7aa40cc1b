"""Chromium without a window, driven over a pipe by its DevTools protocol."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Chromium:
    """One page of a browser.

    Parameters
    ----------
    executable : str
        From :func:`find`.
    """

    def __init__(self, executable):
        self.profile = tempfile.mkdtemp()
        self.events = []
        self._unread = b""
        self._n_calls = 0
        theirs_in, self._write_end = os.pipe()
        self._read_end, theirs_out = os.pipe()
        # The browser listens on its file descriptor 3 and answers on 4; a shell gives
        # ours these numbers.
        self._process = subprocess.Popen(
            [
                "bash",
                "-c",
                f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}',
                "bash",
                executable,
                "--headless",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                f"--user-data-dir={self.profile}",
            ],
            pass_fds=(theirs_in, theirs_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._session = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call(
            "Target.attachToTarget", targetId=target, flatten=True
        )["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.terminate()
        self._process.wait()
        os.close(self._write_end)
        os.close(self._read_end)
        with contextlib.suppress(OSError):
            shutil.rmtree(self.profile)

    def resize(self, width, height):
        """Give the page a size, in CSS pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def open(self, url):
        """Load a page; return the events since, as a list of dict."""
        self.events.clear()
        self._call("Page.navigate", url=url)
        deadline = time.monotonic() + 60
        while not any(
            event["method"] == "Page.loadEventFired" for event in self.events
        ):
            self._read(deadline)
        return self.events

    def evaluate(self, script):
        """Return the value of a JavaScript expression, or what its promise becomes."""
        answer = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def photograph(self):
        """Return the whole page as the bytes of a PNG file."""
        shot = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def _call(self, method, **params):
        self._n_calls += 1
        message = {"id": self._n_calls, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write_end, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while (answer := self._read(deadline)).get("id") != self._n_calls:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _read(self, deadline):
        """Return the next message; keep it in `events` if it is one."""
        while b"\0" not in self._unread:
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self._read_end], [], [], left)[0]:
                raise TimeoutError("Chromium did not answer in a minute.")
            piece = os.read(self._read_end, 2**16)
            if not piece:
                raise RuntimeError("Chromium ended.")
            self._unread += piece
        message, self._unread = self._unread.split(b"\0", 1)
        message = json.loads(message)
        if "method" in message:
            self.events.append(message)
        return message


def find():
    """Return the path of a Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)
