"""Where it was measured, and with what."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.start import ROOT

PACKAGES = ("numpy", "numba", "pyarrow", "polars")
GIB_KIB = 2**20


def machine() -> str:
    """Processor, cores, memory and system in words."""
    cpu = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    total = Path("/proc/meminfo").read_text(encoding="utf-8").split()[1]
    return (
        f"{cpu}, {os.cpu_count()} cores, {int(total) / GIB_KIB:.0f} GiB, "
        f"{platform.system()} {platform.machine()}"
    )


def software() -> str:
    """Python and the packages that ours and hftbacktest stand on."""
    parts = [f"{name} {version(name)}" for name in PACKAGES]
    return ", ".join([f"Python {platform.python_version()}", *parts])


def version_of(package: str, python: str) -> str:
    """The version of a package that an interpreter has; empty when it has none."""
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    try:
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)
    except OSError:  # there is no such interpreter
        return ""
    return done.stdout.strip()


def commit() -> str:
    """Of the checkout, and whether it has changes."""
    head, changes = (
        subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain"))
    )
    return head.strip() + (" with changes" if changes.strip() else "")


def today() -> str:
    """The date, UTC."""
    return time.strftime("%Y-%m-%d", time.gmtime())
