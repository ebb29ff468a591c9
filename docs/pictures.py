"""Makes the pictures of docs/page.md: `python -m docs.pictures RECORDING`, from the checkout's top.

Those that are there were made from the real minutes around 2024-08-09 00:00 UTC. It needs Chromium.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.browser import tab

HERE = Path(__file__).parent / "pictures"
WIDTH, HEIGHT = 1_060, 640
SECONDS = 60  # in view
# (name, seconds after the recording's first event, dark)
PICTURES = (("page-dark", 270.7, True), ("page-light", 157.0, False))


def main(recording: str) -> None:
    """Serve the recording, and take each picture."""
    command = [sys.executable, "-m", "micropulse", "replay", recording, "--page"]
    with tempfile.TemporaryDirectory() as folder:
        serving = subprocess.Popen(
            [*command, "--page-port", "0"], stderr=subprocess.PIPE, text=True
        )
        assert serving.stderr is not None
        address = serving.stderr.readline().split()[-1]
        with tab(Path(folder), offline=False) as page:
            for name, seconds, dark in PICTURES:
                page.visit(address, dark=dark, width=WIDTH, height=HEIGHT)
                page.until("micropulse.store.miniature")
                start = page.value("micropulse.store.hello.base_ms")
                ms = int(start + 1_000 * seconds)
                page.value(f"location.hash = 't={ms}'")
                page.value(f"document.querySelector('[data-s=\"{SECONDS}\"]').click()")
                page.until(f"Math.abs(micropulse.store.player.ms - {ms}) < 500")
                time.sleep(1.0)
                (HERE / f"{name}.png").write_bytes(page.picture())
        serving.send_signal(signal.SIGINT)
        serving.wait()


main(sys.argv[1])
