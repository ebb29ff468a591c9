"""The pages are followed word by word, as in a fresh clone, and reach what they promise.

Under "Word by word" each step says what a command will say and make, in code between "says" or
"makes" and the block; the commands are run in their order. `./mp serve` is a terminal of its own.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from typer.testing import CliRunner

from docs.generate import commands
from tests.sources import ROOT
from tests.test_docs import PAGES, page, section

GUIDES = ("strategies.md", "record.md", "compare.md", "live.md", "sweep.md", "testing.md")
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.S | re.M)
IN_A_PROCESS = ("record", "live", "test")  # signals, and processes beside them
ENDS_S = 180  # a cold cache compiles first


class Step(NamedTuple):
    """One step: files to save, promises, commands without `./mp`, each with its exit code."""

    saves: dict[str, str]
    says: list[str]
    makes: list[str]
    commands: list[tuple[list[str], int]]


def steps(text: str) -> Iterator[Step]:
    """The steps of a numbered list that have blocks: of commands, or of a file to save."""
    for item in re.split(r"^\d+\. ", text, flags=re.M)[1:]:
        words, *_ = re.split(r"^ *```", item, maxsplit=1, flags=re.M)
        blocks = [(b[1], textwrap.dedent(b[2])) for b in BLOCK.finditer(item)]
        lines = [line for kind, block in blocks if kind == "sh" for line in block.splitlines()]
        names = re.findall(r"\bas `([^`]+)`", words)
        saved = dict(zip(names, (text for kind, text in blocks if kind != "sh"), strict=False))
        if lines or saved:
            said, made = (promised(words, verb) for verb in ("says?", "makes"))
            yield Step(saved, said, made, [command(line) for line in lines])


def promised(words: str, verb: str) -> list[str]:
    """The words in code of each sentence part that begins with the verb, up to the next verb."""
    found = re.findall(rf"\b{verb}\b(.*?)(?=\bmakes\b|\bsays?\b|\Z)", words, re.S)
    return [code for part in found for code in re.findall(r"`([^`]+)`", part)]


def command(line: str) -> tuple[list[str], int]:
    """`./mp tape check tapes  # exit code 3` -> (["tape", "check", "tapes"], 3)."""
    program, *args = shlex.split(line, comments=True)
    assert program == "./mp", line
    code = re.search(r"# exit code (\d)", line)
    return args, int(code[1]) if code else 0


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what a fresh clone has of data, to work in."""
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data/sample.jsonl.gz", tmp_path / "data")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)  # what `./mp test` asks of a test
    monkeypatch.chdir(tmp_path)
    return tmp_path


def micropulse(args: list[str]) -> tuple[str, int]:
    """What a command says on both streams, and its exit code."""
    if args[0] not in IN_A_PROCESS:
        from micropulse.cli import app

        result = CliRunner().invoke(app, args, env={"COLUMNS": "200"})
        assert result.exception is None or isinstance(result.exception, SystemExit), args
        return result.output, result.exit_code
    program = ["pytest", *args[1:]] if args[0] == "test" else ["micropulse", *args]
    done = subprocess.run(
        [sys.executable, "-m", *program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=ENDS_S,
    )  # fmt: skip
    return done.stdout, done.returncode


@contextmanager
def served(args: list[str]) -> Iterator[tuple[str, str]]:
    """`./mp serve …` in its terminal, on a free port: (what it said, the port)."""
    with subprocess.Popen(
        [sys.executable, "-m", "micropulse", *args, "--port", "0"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            port = re.search(r"ws://127\.0\.0\.1:(\d+)", said)
            assert port, said
            yield said, port[1]
        finally:
            process.terminate()


@pytest.mark.parametrize("name", GUIDES)
def test_followed_word_by_word_a_page_reaches_its_promised_end(name: str, clone: Path) -> None:
    text = page(f"docs/{name}")
    if "`my_rule.py`" in text:
        rule = re.search(r"^```python\n(.*?)^```", text, re.S | re.M)
        assert rule is not None
        (clone / "my_rule.py").write_text(rule[1])
    found, port = list(steps(section(text, "Word by word"))), "8765"
    assert len(found) >= 3
    with ExitStack() as terminals:
        for step in found:
            for file, content in step.saves.items():
                (clone / file).write_text(content)
            said = ""
            for args, code in step.commands:
                if args[0] == "serve":
                    words, port = terminals.enter_context(served(args))
                else:
                    words, ended = micropulse([arg.replace(":8765", f":{port}") for arg in args])
                    assert ended == code, (args, words)
                said += words
            assert [words for words in step.says if words not in said] == [], said
            assert [path for path in step.makes if not (clone / path).is_file()] == []


def test_a_step_promises_what_it_says() -> None:
    text = (
        "1. No command.\n2. Do it. This says `a`, and `b`; it makes `c.html`:\n\n"
        "   ```sh\n   ./mp x --y 'z z'\n   ./mp w  # exit code 3\n   ```\n\n   Then rest.\n"
    )
    wanted = Step({}, ["a", "b"], ["c.html"], [(["x", "--y", "z z"], 0), (["w"], 3)])
    assert list(steps(text)) == [wanted]
    saved = "1. Save this as `a.toml`:\n\n   ```toml\n   x = 1\n   ```\n"
    assert list(steps(saved)) == [Step({"a.toml": "x = 1\n"}, [], [], [])]


def misspelt(text: str) -> Iterator[str]:
    """Lines of a page's blocks that the command line would refuse."""
    from micropulse.cli import app

    known = dict(commands(typer.main.get_command(app)))
    for block in BLOCK.finditer(text):
        for line in block[2].replace("\\\n", " ").splitlines() if block[1] == "sh" else ():
            words = shlex.split(line, comments=True)
            if (
                not words
                or words[0] not in ("./mp", "micropulse")
                or words[1:2] in (["test"], ["soak"])
            ):
                continue
            name = next((n for n in known if words[1:][: n.count(" ")] == n.split()[1:]), None)
            try:
                assert name, "no such command"
                known[name].make_context(name, words[1 + name.count(" ") :])
            except Exception as error:
                yield f"{line.strip()}: {error}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_command_line_takes_every_command_of_a_page(path: Path) -> None:
    assert list(misspelt(path.read_text(encoding="utf-8"))) == []


def test_a_command_that_would_be_refused_is_seen() -> None:
    text = "```sh\n./mp tape ls data --deep\n./mp fly\n./mp tape ls data  # here\n```\n"
    assert [line.partition(":")[0] for line in misspelt(text)] == [
        "./mp tape ls data --deep",
        "./mp fly",
    ]


# ---- other tools -----------------------------------------------------------------------------


def snippet(language: str, begins: str = "") -> str:
    """The first block of a language under "With other tools" that begins so."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", section(page("docs/tape.md"), "With other tools"),
                        re.S | re.M)  # fmt: skip
    return next(code for kind, code in blocks if kind == language and code.startswith(begins))


@pytest.fixture
def tape(clone: Path) -> Path:
    """The tape that the page makes first, from the page's own command."""
    for line in snippet("sh").splitlines():
        args, code = command(line)
        assert micropulse(args)[1] == code
    return clone


def needs(library: str) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed: its snippet is not run")


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_snippet_for_a_library_runs_as_it_stands(
    library: str, tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needs(library)
    made: dict[str, Any] = {}
    exec(snippet("python", f"import {library}"), made)
    assert len(capsys.readouterr().out.splitlines()) > 3
    trades = made["trades"].collect() if library == "polars" else made["trades"]
    assert len(trades) == 6_103


def test_the_snippet_for_duckdb_runs_as_it_stands(tape: Path) -> None:
    needs("duckdb")
    import duckdb

    rows = duckdb.sql(snippet("sql")).fetchall()
    assert {row[0] for row in rows} == {"BTCUSDT"}
    assert sum(row[3] for row in rows) == 6_070
