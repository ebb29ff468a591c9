"""What goes into the repository: nothing of the machine it was made on, and no secret."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.sources import ROOT

MACHINE = re.compile(
    rb"/root/|/home/[a-z]|/Users/[A-Za-z]|[A-Z]:\\Users|file:///"  # somebody's folders
    rb"|(pypi|pythonhosted|npmjs|debian)\.(org|io|com)"  # a registry's address
    rb"|--(extra-)?index-url|--find-links|index-url *=|PIP_[A-Z_]+="  # or a way to one
)
SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30}"
    rb"|(?i:api|secret)[_-]?(?i:key)[\"']? *[:=] *[\"'][A-Za-z0-9/+]{16,}"
)
MEGABYTE = 1_000_000


def tracked() -> dict[str, bytes]:
    """Every file that git has, or would take; this one, which must name the patterns, apart."""
    listing = subprocess.run(
        ("git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        capture_output=True,
        check=False,
    )
    names = [name for name in listing.stdout.decode().split("\0") if name]
    return {
        name: (ROOT / name).read_bytes()
        for name in names
        if name != "tests/test_tracked.py" and (ROOT / name).is_file()
    }


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout: there is no telling which files are tracked")
    return tracked()


def test_no_file_names_a_machine_or_a_registry(files: dict[str, bytes]) -> None:
    found = {name: match[0] for name, text in files.items() if (match := MACHINE.search(text))}
    assert files
    assert found == {}


def test_no_file_holds_a_secret(files: dict[str, bytes]) -> None:
    assert [name for name, text in files.items() if SECRET.search(text)] == []


def test_no_file_is_large(files: dict[str, bytes]) -> None:
    """Recordings stay out; a fixture is cut small."""
    assert {name: len(text) for name, text in files.items() if len(text) > MEGABYTE} == {}


@pytest.mark.parametrize(
    "text",
    [
        "/root/x", "/home/ada/x", "/Users/ada", "C:\\Users\\ada", "file:///srv/x",
        "https://pypi.org/simple", "files.pythonhosted.org", "--extra-index-url x",
        "--find-links=x", "index-url = x", "PIP_FIND_LINKS=x",
    ],
)  # fmt: skip
def test_a_machine_would_be_seen(text: str) -> None:
    assert MACHINE.search(text.encode())


@pytest.mark.parametrize("text", ["~/data", "index-url", "PyPI", "$HOME/x", "/home/"])
def test_plain_words_are_let_be(text: str) -> None:
    assert not MACHINE.search(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "AKIA" + "A1" * 8,
        "ghp_" + "a1" * 15,
        'api_key = "' + "a1" * 10 + '"',
        '"secretKey": "' + "a1" * 10 + '"',
    ],
)
def test_a_secret_would_be_seen(text: str) -> None:
    assert SECRET.search(text.encode())
