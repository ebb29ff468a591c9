"""A headless Chromium, driven over its DevTools socket; the network is off in it, unless it is to
visit a server of ours."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome")
ERRORS = ("Runtime.exceptionThrown", "Log.entryAdded")


def chromium() -> str | None:
    """The browser's path; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab. `complaints` is everything its console and its scripts had to say."""

    def __init__(self, socket: websocket.WebSocket, offline: bool = True) -> None:
        self._socket = socket
        self._last = 0
        self.complaints: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        if offline:
            nothing = dict.fromkeys(("latency", "downloadThroughput", "uploadThroughput"), 0)
            self.call("Network.emulateNetworkConditions", offline=True, **nothing)

    def call(self, method: str, **params: Any) -> Any:
        """Send one command and wait for its answer."""
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv())
            if said.get("id") == self._last:
                assert "error" not in said, said
                return said["result"]
            self._hear(said)

    def _hear(self, said: dict[str, Any]) -> None:
        if said.get("method") in ERRORS:
            self.complaints.append(json.dumps(said["params"])[:500])
        if said.get("method") == "Network.requestWillBeSent":
            self.requests.append(said["params"]["request"]["url"][:100])

    def open(self, path: Path, fragment: str = "", dark: bool = False, width: int = 1200) -> None:
        """Load a file and wait until it has drawn its charts."""
        self._look(dark, width, 800)
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=f"{path.resolve().as_uri()}{fragment}")
        self.until("document.documentElement?.dataset.ready === 'yes'")

    def visit(self, url: str, dark: bool = False, width: int = 1400, height: int = 900) -> None:
        """Load a page that is served, and wait until it has drawn; what was said before is gone."""
        self._look(dark, width, height)
        self.call("Page.navigate", url="about:blank")
        self.until("location.href === 'about:blank'")
        self.complaints.clear()  # of a server that is gone, say
        self.requests.clear()
        self.call("Page.navigate", url=url)
        self.until("document.documentElement?.dataset.drawn === 'yes'")

    def picture(self) -> bytes:
        """What is seen, as a PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _look(self, dark: bool, width: int, height: int) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    def value(self, expression: str) -> Any:
        """What an expression is in the page."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, expression: str, seconds: float = 30.0) -> None:
        """Wait until an expression is true in the page."""
        for _ in range(int(seconds / 0.05)):
            if self.value(f"Boolean({expression})"):
                return
            time.sleep(0.05)
        raise AssertionError(f"never true: {expression}; {self.complaints}")


@contextmanager
def tab(folder: Path, offline: bool = True) -> Iterator[Page]:
    """A new browser with a profile in `folder`; it is gone afterwards."""
    browser = chromium()
    assert browser is not None
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
               "--remote-allow-origins=*", f"--user-data-dir={folder}", "about:blank"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "DevTools listening on" in line)
            port = line.rpartition(" ")[2].split("/")[2].rpartition(":")[2]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
                tabs = json.load(answer)
            address = next(one for one in tabs if one["type"] == "page")["webSocketDebuggerUrl"]
            socket = websocket.create_connection(address, timeout=60)
            yield Page(socket, offline)
            socket.close()
        finally:
            process.kill()
