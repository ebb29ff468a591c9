"""MicroPulse as a user has it: the wheel, in an environment with what it asks for and no more.

It needs no network: what the wheel asks for are links to the packages of this environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterable
from importlib.metadata import PathDistribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.sources import ROOT


def built(target: str, into: Path, checkout: Path = ROOT) -> Path:
    """The `wheel` or `sdist` of a checkout."""
    words = (sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into))
    subprocess.run(words, cwd=checkout, check=True, capture_output=True)
    return next(into.glob("*.whl" if target == "wheel" else "*.tar.gz"))


def unpacked(sdist: Path, into: Path) -> Path:
    """The checkout that an sdist holds."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    return into / sdist.name.removesuffix(".tar.gz")


def files_of(wheel: Path) -> dict[str, bytes]:
    """Name -> bytes of all that a wheel holds."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def asked_for(requirements: Iterable[str], extra: str = "") -> set[str]:
    """The distributions that these need, and those that they need in turn."""
    found: set[str] = set()
    waiting = [(text, extra) for text in requirements]
    while waiting:
        text, extra = waiting.pop()
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        for inner in ("", *wanted.extras):
            if f"{wanted.name}[{inner}]" not in found:
                found.add(f"{wanted.name}[{inner}]")
                needs = distribution(wanted.name).requires or ()
                waiting += [(need, inner) for need in needs]
    return {name.partition("[")[0] for name in found}


def link(names: Iterable[str], site: Path) -> None:
    """Make installed distributions importable from another folder."""
    site.mkdir(exist_ok=True)
    for name in names:
        found = distribution(name)
        tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
        assert tops, f"{name} does not say what its files are"
        for top in tops:
            if not (site / top).is_symlink():
                (site / top).symlink_to(Path(str(found.locate_file(top))).resolve())


class Installed:
    """An environment with the wheel, unpacked as pip does it. One stands in `folder`; `bin` has the
    command."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        home = folder / "environment"
        venv.create(home, symlinks=True)
        self.folder, self.bin = folder, home / "bin"
        self.site = Path(self.python("import sysconfig; print(sysconfig.get_path('purelib'))"))
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.site)
        about = PathDistribution(next(self.site.glob("micropulse-*.dist-info")))
        for command in about.entry_points.select(group="console_scripts"):
            script = self.bin / command.name
            start = f"import sys; from {command.module} import {command.attr} as start"
            text = f"#!{self.bin}/python\n{start}; sys.exit(start())\n"
            script.write_text(text, encoding="utf-8")
            script.chmod(0o755)
        self.requires = about.requires or []
        link(asked_for(self.requires), self.site)

    def run(self, program: str, *words: str, code: int = 0, **environment: str) -> str:
        """What a program of the environment says on both streams, without the checkout."""
        done = subprocess.run(
            [self.bin / program, *words],
            cwd=self.folder,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == code, done.stdout
        return done.stdout.strip()

    def python(self, text: str, **environment: str) -> str:
        """What a few lines of Python print."""
        return self.run("python", "-c", text, **environment)

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of who runs the tests; without the JIT, which needs a minute to warm up."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        own = {"HOME": str(self.folder), "NUMBA_DISABLE_JIT": "1", "COLUMNS": "200"}
        path = f"{self.bin}{os.pathsep}{kept.get('PATH', '')}"
        return kept | own | {"PATH": path} | more
