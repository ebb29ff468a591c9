"""What is released: a wheel that is whole, needs what it says, and has the changelog's version."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

import micropulse
from tests.installed import built, files_of, unpacked
from tests.sources import PACKAGES, ROOT, Source, imports, sources, within

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LICENCES = ("LICENSE", "replay/page/web/uPlot.LICENSE.txt")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", tmp_path_factory.mktemp("wheel"))


# ---- one version -------------------------------------------------------------------------------


class Tags(NamedTuple):
    """The version tags of a repository, those of the commit that is checked out, and what the
    changelog was when this version was tagged."""

    all: tuple[str, ...] = ()
    here: tuple[str, ...] = ()
    changelog: str | None = None


def disagreements(version: str, changelog: str, tags: Tags) -> Iterator[str]:
    """Where version, changelog and tags say different things."""
    titles = re.findall(r"^## (.+)$", changelog, re.M)
    heads = [re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)", title) for title in titles]
    found = [(head[1], head[2]) for head in heads if head]
    if not found or len(found) < len(titles):
        yield f"not a version and a date: {titles}"
        return
    if found[0][0] != version:
        yield f"the newest changes are those of {found[0][0]}, the version is {version}"
    for newer, older in pairwise(found):
        if _number(newer[0]) <= _number(older[0]) or newer[1] < older[1]:
            yield f"{newer} stands above {older}"
    for tag in tags.all:
        if tag.removeprefix("v") not in dict(found):
            yield f"{tag} is tagged and has no changes"
    if tags.here and f"v{version}" not in tags.here:
        yield f"{version} is tagged {', '.join(tags.here)}"
    if tags.changelog is not None and _first(tags.changelog) != _first(changelog):
        yield f"{version} is released; what is new belongs to the next version"


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _first(changelog: str) -> str:
    """The newest section."""
    return changelog.split("\n## ")[1].strip()


def git(*words: str) -> str | None:
    """What git says; None where it fails."""
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def test_version_changelog_and_tags_agree() -> None:
    version, tag = micropulse.__version__, ("tag", "--list", "v[0-9]*")
    here = git(*tag, "--points-at", "HEAD")
    if git("diff", "--quiet", "HEAD", "--", "micropulse/__init__.py") is None:
        here = None  # the next version has begun, and is not committed yet
    tags = Tags(
        tuple((git(*tag) or "").split()),
        tuple((here or "").split()),
        git("show", f"v{version}:CHANGELOG.md"),
    )
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert list(disagreements(version, text, tags)) == []


TWO = "# Changes\n\n## 0.2.0 (2026-02-01)\n\n- b\n\n## 0.1.0 (2026-01-01)\n\n- a\n"


@pytest.mark.parametrize(
    ("version", "text", "tags", "said"),
    [
        ("0.2.0", TWO, Tags(("v0.1.0", "v0.2.0"), ("v0.2.0",), TWO), None),
        ("0.2.0", TWO, Tags(("v0.1.0",)), None),
        ("0.3.0", TWO, Tags(), "newest changes"),
        ("0.2.0", TWO.replace("0.1.0", "0.10.0"), Tags(), "stands above"),
        ("0.2.0", TWO.replace("2026-01", "2026-03"), Tags(), "stands above"),
        ("0.2.0", TWO.replace("0.2.0 (2026-02-01)", "Unreleased"), Tags(), "not a version"),
        ("0.2.0", "# Changes\n", Tags(), "not a version"),
        ("0.2.0", TWO, Tags(("v0.1.1",)), "has no changes"),
        ("0.2.0", TWO, Tags(("v0.1.0",), ("v0.1.0",)), "is tagged v0.1.0"),
        ("0.2.0", TWO.replace("- b", "- b\n- c"), Tags(("v0.2.0",), (), TWO), "is released"),
    ],
)
def test_a_disagreement_is_seen(version: str, text: str, tags: Tags, said: str | None) -> None:
    found = list(disagreements(version, text, tags))
    assert len(found) == (said is not None), found
    assert said is None or said in found[0]


# ---- the wheel ---------------------------------------------------------------------------------


def test_the_wheel_holds_the_four_packages_whole_and_nothing_else(wheel: Path) -> None:
    """With every page, style, program and licence that lies in them: what is read at run time."""
    files = files_of(wheel)
    about = f"micropulse-{micropulse.__version__}.dist-info/"
    licences = {f"{about}licenses/{name}": (ROOT / name).read_bytes() for name in LICENCES}
    made = {f"{about}{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    found = {name: text for name, text in files.items() if name not in made}
    assert made < set(files)
    assert found == licences | {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def test_the_wheel_of_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    checkout = unpacked(built("sdist", tmp_path), tmp_path)
    again = built("wheel", tmp_path, checkout)
    assert again.name == wheel.name
    assert files_of(again) == files_of(wheel)
    held = {path.name for path in checkout.iterdir()}
    assert {"mp", "requirements.lock", "tests", "docs", "data", "CHANGELOG.md"} <= held
    assert not {".git", ".ci", "runs"} & held
    assert not [name for name in held if name.startswith(".venv")]


# ---- what it needs -----------------------------------------------------------------------------

EXTRAS = {  # who needs more than every user has, and says so
    "distributed": ("replay.sweep.workers",),
    "hypothesis": ("micropulse.testing",),
    "pytest": ("micropulse.testing.plugin",),
}


def undeclared(source: Source, declared: set[str]) -> Iterator[str]:
    """What a file imports and neither Python, we, nor pyproject.toml's dependencies have."""
    for line, name in imports(source):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names | set(PACKAGES) | declared:
            if not within(source.module, *EXTRAS.get(top, ("nobody",))):
                yield f"{source.path}:{line}: {name}"


@pytest.fixture(scope="module")
def declared() -> set[str]:
    """The modules of what `dependencies` names: `websocket` of websocket-client."""
    names = {re.split(r"[<>=]", text)[0] for text in PROJECT["dependencies"]}
    provided = packages_distributions().items()
    return {top for top, homes in provided if {h.lower().replace("_", "-") for h in homes} & names}


def test_what_is_imported_is_declared(declared: set[str]) -> None:
    found = [name for source in sources(*PACKAGES) for name in undeclared(source, declared)]
    assert found == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("replay/a.py", "import duckdb"),
        ("replay/a.py", "def f():\n  from hypothesis import find"),
        ("recorder/a.py", "import tests.running"),
        ("micropulse/a.py", "import packaging.version"),  # only somebody else's dependency
    ],
)
def test_an_undeclared_import_is_seen(path: str, text: str, declared: set[str]) -> None:
    assert len(list(undeclared(Source(path, text), declared))) == 1
