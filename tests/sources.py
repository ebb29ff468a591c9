"""The project's own source files, parsed: what the tests of the house and of the docs read.

Nothing is imported or run, so a file can be judged that would not even start.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("micropulse", "recorder", "replay", "strategies")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the checkout's top, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def spelled(self) -> dict[str, str]:
        """What each imported name stands for: `np` for `numpy`."""
        names: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    full = alias.name if alias.asname else alias.name.partition(".")[0]
                    names[alias.asname or full] = full
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{home(self, node)}.{alias.name}"
        return names

    @property
    def module(self) -> str:
        """Its dotted name: `micropulse/features/__init__.py` is `micropulse.features`."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        """What a leading dot in its imports stands for."""
        if self.path.endswith("/__init__.py"):
            return self.module
        return self.module.rpartition(".")[0]


def sources(*folders: str) -> list[Source]:
    """Every Python file in these folders of the checkout, in the order of their paths."""
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return [Source(p.relative_to(ROOT).as_posix(), p.read_text(encoding="utf-8")) for p in paths]


def within(module: str, *places: str) -> bool:
    """Whether a dotted name is one of these places, or lies inside one."""
    return any(module == place or module.startswith(f"{place}.") for place in places)


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of all that is imported: `from a import b` is `a.b`.

    Imports inside functions and under TYPE_CHECKING count, and so do `import_module("a.b")` and
    `__import__("a.b")`.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{home(source, node)}.{a.name}") for a in node.names)
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            named = node.args[0]
            if called in ("import_module", "__import__") and isinstance(named, ast.Constant):
                yield node.lineno, str(named.value)


def home(source: Source, node: ast.ImportFrom) -> str:
    """The absolute name of the module that `from … import` reads."""
    if not node.level:
        return node.module or ""
    parts = source.package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base


def uses(source: Source, inside: ast.AST | None = None) -> Iterator[tuple[ast.expr, str]]:
    """(node, dotted name) of each name read, as its import spells it in full.

    After `import numpy as np`, `np.random.rand` is `numpy.random.rand`; a name that nothing
    imports is itself: `open`, `state.book.mid2`.
    """
    for node in ast.walk(inside or source.tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = dotted(node)
            root, dot, rest = name.partition(".")
            if name:
                yield node, source.spelled.get(root, root) + dot + rest


def dotted(node: ast.expr) -> str:
    """`a.b.c` of such a chain; empty when it starts with anything but a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def functions(source: Source) -> Iterator[FunctionNode]:
    """Every function of a file, methods and inner functions included."""
    for node in ast.walk(source.tree):
        if isinstance(node, FunctionNode):
            yield node


def is_kernel(source: Source, function: FunctionNode) -> bool:
    """Whether numba compiles it: it says so, or it belongs to a strategy."""
    names = (dotted(d.func if isinstance(d, ast.Call) else d) for d in function.decorator_list)
    marked = any(name.rpartition(".")[2] in ("kernel", "cold", "entry") for name in names)
    return marked or within(source.module, "strategies")
