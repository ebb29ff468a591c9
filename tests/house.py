"""The house rules: who may import whom, what the core may not touch, how long things may get.

A rule takes one source and yields (line, complaint). test_architecture.py runs each over the
whole project, and over small wrong files, which it must flag.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from tests.sources import (
    PACKAGES,
    Source,
    functions,
    imports,
    is_kernel,
    uses,
    within,
)

Complaints = Iterator[tuple[int, str]]
Rule = Callable[[Source], Complaints]

# What a package may import of ours. The composition roots may import everything.
ROOM_SEES = {
    "micropulse": ("micropulse",),
    "recorder": ("recorder", "micropulse"),
    "replay": ("replay", "recorder", "micropulse"),
    "strategies": ("micropulse.schema", "micropulse.record", "micropulse.jit"),
}
COMPOSITION_ROOTS = {  # nobody imports them
    "micropulse.cli": "the command line",
    "micropulse.testing": "the testing kit",
}
MAY_IMPORT_ROOTS = {
    "micropulse.__main__": "starts the command line",
    "replay.strategy_check": "asks the testing kit's questions, and tells the answers to people",
}
LOADER = "micropulse.strategy"  # imports a strategy by the name the user gives
UNSEEN_BY_FEATURES = ("micropulse.execution", "micropulse.account", "micropulse.core")

# All of micropulse is the deterministic core, but for these.
SHELL = {
    "micropulse.cli": "a composition root",
    "micropulse.testing": "a composition root: runs everything, in our tests and yours",
    "micropulse.__main__": "starts the command line",
    "micropulse.sinks": "writes what the core put out",
    "micropulse.run": "sets the core up and drives it",
    "micropulse.variants": "sets the core up for many variants and drives it",
    "micropulse.growing": "hands it one event at a time",
    "micropulse.params": "reads a parameter file",
    "micropulse.strategy": "finds the file of a strategy",
    "micropulse.strategy_errors": "reads its file, to name the line that is wrong",
    "micropulse.jit": "keeps the compile cache in a folder",
    "micropulse.fingerprint": "reads the sources that the cache is keyed by",
}
IMPURE_MODULES = (
    "asyncio", "datetime", "io", "multiprocessing", "os", "pathlib", "polars", "pyarrow",
    "random", "secrets", "shutil", "socket", "subprocess", "tempfile", "threading", "time",
    "uuid", "websocket",
)  # fmt: skip
IMPURE_BUILTINS = {"open", "print", "input", "eval", "exec", "id", "hash", "__import__"}

# numba and numpy add in different order; a C library's exp and log differ in the last bit.
REDUCTIONS = {"sum", "mean", "average", "std", "var", "dot", "prod", "cumsum", "nansum", "nanmean"}
INEXACT = {"exp", "expm1", "log", "log1p", "log2", "log10", "pow", "power", "sin", "cos", "tanh"}
COMPILERS = ("njit", "jit", "jitclass", "cfunc", "vectorize", "guvectorize", "stencil", "prange")

CLOCK = re.compile(
    r"time\.(time|monotonic|perf_counter|process_time|thread_time)(_ns)?"
    r"|datetime\.(datetime\.(now|utcnow|today)|date\.today)"
)
# Who may ask what time it is, and why nothing the core sees comes of it.
CLOCK_READERS = {
    "recorder.clock": "stamps what is received: the only clock that enters the log",
    "micropulse.jit": "clears caches that were not used for a month",
    "replay.pace": "waits until a recorded moment is due; the events are the same without it",
    "replay.live.follow": "looks at a tape every few ms, and says when its recorder is silent",
    "replay.page.following": "looks at tapes, and shows how old the last event is",
    "replay.page.player": "moves a recording on by the clock; the events are the same without it",
    "replay.page.server": "stamps a message for who measures how soon it is painted",
    "replay.screen.terminal": "draws four times a second",
    "replay.screen.watching": "shows how old the last event is",
    "replay.server.market": "waits until a frame is due on its sockets; the frames are the same",
}
SEEDED = {"random.Random", "numpy.random.default_rng", "numpy.random.SeedSequence"}
TYPES_OF_RANDOM = {"random.Random", "numpy.random.Generator", *SEEDED}
UNSEEDED = ("os.urandom", "secrets", "uuid.uuid1", "uuid.uuid4")

COLUMNS = 100
LINES, FUNCTION_LINES = 320, 70
TEST_LINES, TEST_FUNCTION_LINES = 400, 100
DRAWER = re.compile(r"(^|[/_])(utils?|commons?|helpers?)([/_.]|$)")


def imports_point_one_way(source: Source) -> Complaints:
    """recorder -> micropulse; replay -> recorder, micropulse; strategies -> the vocabulary."""
    room = source.module.partition(".")[0]
    if room not in ROOM_SEES or within(source.module, *COMPOSITION_ROOTS):
        return
    for line, name in imports(source):
        if within(name, "strategies") and source.module == LOADER:
            continue
        if within(name, *PACKAGES) and not within(name, *ROOM_SEES[room]):
            yield line, f"{source.module} may not import {name}"
        for root, what in COMPOSITION_ROOTS.items():
            if within(name, root) and not within(source.module, *MAY_IMPORT_ROOTS):
                yield line, f"nobody imports {what}: {name}"
        if within(source.module, "micropulse.features") and within(name, *UNSEEN_BY_FEATURES):
            yield line, f"a feature may not know {name}"


def core_is_pure(source: Source) -> Complaints:
    """The core has no clock, file, socket, thread or chance, and imports nobody who has."""
    if not within(source.module, "micropulse") or within(source.module, *SHELL):
        return
    for line, name in imports(source):
        if within(name, *IMPURE_MODULES, "numpy.random"):
            yield line, f"the core may not import {name}"
        if within(name, *SHELL) and not within(name, "micropulse.jit"):
            yield line, f"the core may not import {name}: {SHELL[shell_of(name)]}"
    for node, name in uses(source):
        if name in IMPURE_BUILTINS or name == "numpy.random":
            yield node.lineno, f"the core may not use {name}"


def shell_of(name: str) -> str:
    """The entry of SHELL that a dotted name lies in."""
    return next(place for place in SHELL if within(name, place))


def kernels_are_exact(source: Source) -> Complaints:
    """What is compiled gives the same bytes everywhere: + - x / and sqrt, in a written order."""
    if not within(source.module, "micropulse", "strategies"):
        return
    for function in functions(source):
        if not is_kernel(source, function):
            continue
        for node, name in uses(source, function):
            module, _, last = name.rpartition(".")
            if last in REDUCTIONS and (module or name == "sum"):
                yield node.lineno, f"{name} adds in an order of its own; write the loop"
            if last in INEXACT and module in ("math", "numpy", "cmath"):
                yield node.lineno, f"{name} differs between C libraries"
            if name in ("set", "frozenset"):
                yield node.lineno, "a set has no order"
        for part in ast.walk(function):
            if isinstance(part, ast.Set | ast.SetComp):
                yield part.lineno, "a set has no order"
            elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.MatMult):
                yield part.lineno, "@ adds in an order of its own; write the loop"
            elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.Pow):
                power = part.right
                if isinstance(power, ast.Constant) and isinstance(power.value, float):
                    yield part.lineno, "a power is inexact; use math.sqrt or a product"


def one_compiler(source: Source) -> Complaints:
    """Only @kernel compiles, without fastmath, threads, jitclass or cfunc."""
    for node, name in uses(source):
        module, _, last = name.rpartition(".")
        is_kernels_own = source.module == "micropulse.jit" and last == "njit"
        if within(module, "numba") and last in COMPILERS and not is_kernels_own:
            yield node.lineno, f"{name}: only @kernel of micropulse.jit compiles"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.keyword) and node.arg in ("fastmath", "parallel"):
            is_off = isinstance(node.value, ast.Constant) and node.value.value is False
            if not is_off:
                yield node.value.lineno, f"{node.arg} changes what is computed"


def clock_is_read_in_few_places(source: Source) -> Complaints:
    """Time enters through the log. Whoever asks the machine for it stands in CLOCK_READERS."""
    if not within(source.module, *CLOCK_READERS):
        for line, name in clock_uses(source):
            yield line, f"{name} outside {', '.join(CLOCK_READERS)}"


def clock_uses(source: Source) -> Complaints:
    """Where a file asks the machine what time it is."""
    for node, name in uses(source):
        if CLOCK.fullmatch(name):
            yield node.lineno, name


def chance_has_a_seed(source: Source) -> Complaints:
    """Every random thing can be had again."""
    for node, name in uses(source):
        drawn = within(name, "random", "numpy.random") and name not in ("random", "numpy.random")
        if within(name, *UNSEEDED) or (drawn and not within(name, *TYPES_OF_RANDOM)):
            yield node.lineno, f"{name} has no seed of its own"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and not node.args and not node.keywords:
            for called, name in uses(source, node.func):
                if called is node.func and name in SEEDED:
                    yield node.lineno, f"{name}() needs a seed"


def fits_a_screen(source: Source) -> Complaints:
    """Files, functions and lines stay short enough to be read."""
    room = source.path.partition("/")[0]
    ours = room in PACKAGES
    most = LINES if ours else TEST_LINES
    longest = FUNCTION_LINES if ours else TEST_FUNCTION_LINES
    lines = source.text.splitlines()
    if len(lines) > most:
        yield len(lines), f"{len(lines)} lines, at most {most}: which two rooms are these?"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            yield number, f"{len(line)} columns, at most {COLUMNS}"
    for function in functions(source):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > longest:
            yield function.lineno, f"{function.name} has {length} lines, at most {longest}"


def is_no_drawer(source: Source) -> Complaints:
    """A file is named for what is in it."""
    if DRAWER.search(source.path):
        yield 1, f"{source.path}: name it for what it holds"


RULES: tuple[Rule, ...] = (
    imports_point_one_way,
    core_is_pure,
    kernels_are_exact,
    one_compiler,
    clock_is_read_in_few_places,
    chance_has_a_seed,
    fits_a_screen,
    is_no_drawer,
)
