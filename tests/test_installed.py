"""MicroPulse as `pip install` leaves it: no checkout, no dev tools, the files it reads with it."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tomllib
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import micropulse
from tests.installed import Installed, asked_for, built, link
from tests.sources import PACKAGES, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SUPPORTED = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
OTHERS = [version for version in SUPPORTED if version != f"3.{sys.version_info.minor}"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    return Installed(folder, built("wheel", folder / "dist"))


@pytest.fixture(scope="module")
def night(installed: Installed) -> str:
    """Some seconds of the sample, beside the environment."""
    with gzip.open(ROOT / "data" / "sample.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = [line for line, _ in zip(file, range(200), strict=False)]
    (installed.folder / "night.jsonl").write_text("".join(lines), encoding="utf-8")
    return "night.jsonl"


# ---- what it needs -----------------------------------------------------------------------------


def test_an_extra_brings_what_it_is_for(installed: Installed) -> None:
    plain = asked_for(installed.requires)
    assert asked_for(installed.requires, "testing") >= plain | {"hypothesis", "pytest"}
    assert asked_for(installed.requires, "cluster") >= plain | {"distributed"}
    assert not {"hypothesis", "pytest", "distributed", "hatchling", "mypy"} & plain


IMPORT_ALL = """
import importlib.util, json, pkgutil, sys
assert not any(importlib.util.find_spec(name) for name in ("tests", "docs", "benchmarks"))
failed = {}
for package in sys.argv[1:]:
    path = importlib.import_module(package).__path__
    for found in pkgutil.walk_packages(path, f"{package}."):
        if found.name.endswith(".__main__"):  # is a command
            continue
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            failed[found.name] = str(error)
print(json.dumps(failed))
"""


def test_every_module_can_be_imported_without_dev_tools(installed: Installed) -> None:
    failed = json.loads(installed.run("python", "-c", IMPORT_ALL, *PACKAGES))
    plugin = failed.pop("micropulse.testing.plugin")
    assert plugin == "No module named 'pytest'"  # which alone asks for it
    drawing = ("drawn", "markets", "needs_hypothesis")
    assert set(failed) == {f"micropulse.testing.{name}" for name in drawing}
    assert all("pip install 'micropulse[testing]'" in said for said in failed.values())


def test_a_cluster_without_its_package_says_how_to_get_it(installed: Installed, night: str) -> None:
    grid = installed.folder / "grid.toml"
    grid.write_text('[sweep]\nstrategy = "idle"\n', encoding="utf-8")
    words = ("--grid", grid.name, "--dask", "tcp://127.0.0.1:1")
    said = installed.run("micropulse", "sweep", night, *words, code=1)
    assert "pip install 'micropulse[cluster]'" in said


TESTS = """
import pytest
from micropulse.testing import all_properties

@pytest.mark.recording("night.jsonl")
def test_it_reads(recording):
    assert recording.events.n > 150

def test_what_is_missing_is_said():
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'micropulse\\[testing\\]'"):
        all_properties("idle", "night.jsonl")
"""


def test_the_plugin_needs_pytest_alone(installed: Installed, night: str) -> None:
    link(asked_for(["pytest"]), installed.folder / "beside")
    (installed.folder / "test_rules.py").write_text(TESTS, encoding="utf-8")
    words = ("-m", "pytest", "--strict-markers", "-p", "no:cacheprovider", "test_rules.py")
    said = installed.run("python", *words, PYTHONPATH=str(installed.folder / "beside"))
    assert "2 passed" in said


# ---- what it does ------------------------------------------------------------------------------


def test_the_command_is_there_and_says_its_version(installed: Installed) -> None:
    assert installed.run("micropulse", "--version") == micropulse.__version__


def test_a_recording_becomes_a_run_and_a_report(installed: Installed, night: str) -> None:
    words = ("backtest", night, "--strategy", "obi_revert", "-o", "run", "--json")
    assert json.loads(installed.run("micropulse", *words))["events"] > 150
    installed.run("micropulse", "report", "run")
    page = (installed.folder / "run" / "report.html").read_text(encoding="utf-8")
    for name in ("report/page.js", "report/drill_down.js", "html/look.js", "html/look.css"):
        assert (ROOT / "replay" / name).read_text(encoding="utf-8") in page


def test_the_page_is_served_with_all_its_files(installed: Installed, night: str) -> None:
    words = [installed.bin / "micropulse", "replay", night, "--page", "--page-port", "0"]
    where, environment = installed.folder, installed.environment()
    with subprocess.Popen(
        words, cwd=where, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            said = re.search(r"http://\S+", process.stderr.readline())
            assert said is not None
            with closing(HTTPConnection(urlsplit(said[0]).netloc, timeout=30)) as page:
                for path in sorted((ROOT / "replay/page/web").iterdir()):
                    page.request("GET", f"/{path.name}")
                    assert page.getresponse().read() == path.read_bytes(), path.name
        finally:
            process.terminate()


# ---- completion --------------------------------------------------------------------------------

COMPLETE = """
eval "$(micropulse --show-completion)"
for line in "$@"; do
    IFS=, read -ra COMP_WORDS <<< "$line"
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _micropulse_completion micropulse
    echo "${COMPREPLY[*]}"
done
"""


def test_bash_completes_commands_options_and_our_strategies(installed: Installed) -> None:
    offered = {
        "micropulse,back": "backtest",
        "micropulse,tape,re": "recover",
        "micropulse,sweep,day.gz,--wor": "--workers",
        "micropulse,backtest,day.gz,--strategy,wa": "wall_break",
        "micropulse,check,obi": "obi_revert",
        "micropulse,tape,export,tapes,--format,c": "csv",
        "micropulse,report,ru": "",  # files: bash's own
        "micropulse,backtest,day.gz,--strategy,my_": "",
    }
    words = ("bash", "--norc", "-c", COMPLETE, "bash", *offered)
    where, environment = installed.folder, installed.environment()
    said = subprocess.run(words, cwd=where, env=environment, capture_output=True, text=True)
    assert said.stdout.splitlines() == list(offered.values()), said.stderr


# ---- other Pythons -----------------------------------------------------------------------------

READ_ALL = """
import pathlib, sys
for package in sys.argv[1:]:
    for path in pathlib.Path(package).rglob("*.py"):
        compile(path.read_bytes(), path, "exec")
"""


def test_the_supported_pythons_are_those_that_mp_looks_for() -> None:
    tried = re.findall(r"\bpython(3\.\d+)", (ROOT / "mp").read_text(encoding="utf-8"))
    assert sorted(set(tried)) == SUPPORTED
    assert PROJECT["requires-python"] == f">={SUPPORTED[0]}"


def answers(python: Path | str, version: str) -> bool:
    """Whether it is a Python of that version: version managers leave names that are none."""
    asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        return subprocess.run(asked, capture_output=True, text=True).stdout.strip() == version
    except OSError:
        return False


@pytest.mark.parametrize("version", OTHERS)
def test_each_other_python_that_is_here_runs_the_command(
    version: str, installed: Installed
) -> None:
    """Their packages are another Python's, but what `--help` imports of them is plain Python."""
    python = f"python{version}"
    if not answers(python, version):
        pytest.skip(f"no {python} that answers is on the PATH")
    where, environment = installed.folder, installed.environment(PYTHONPATH=str(installed.site))
    packages = [str(installed.site / package) for package in PACKAGES]
    for words in (("-W", "error", "-c", READ_ALL, *packages), ("-m", "micropulse", "--help")):
        done = subprocess.run(
            [python, "-B", *words], cwd=where, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", OTHERS)
def test_another_python_gives_the_same_run(version: str, installed: Installed, night: str) -> None:
    python = ROOT / f".venv-python{version}" / "bin" / "python"
    if not answers(python, version):
        pytest.skip(f"MP_PYTHON=python{version} ./mp --version makes the environment for it")
    words = ("backtest", night, "--strategy", "obi_revert", "--json")
    other = subprocess.run(
        [python, "-m", "micropulse", *words, "-o", f"run-{version}"],
        cwd=installed.folder,
        env=installed.environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    here = installed.run("micropulse", *words, "-o", "run-here")
    assert json.loads(other.stdout)["digest"] == json.loads(here)["digest"]


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("mp", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        ["sh", "mp", "--version"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "MP_PYTHON": "python3.99"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "as python3.99" in done.stderr
    assert not list(tmp_path.glob(".venv*"))
