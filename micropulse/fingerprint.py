"""What a compiled function depends on, as a hash: sources, frozen constants, versions.

numba freezes the global constants a function reads into its machine code. So the hash of a
strategy covers its source, the source of every user's module it can reach, and the VALUES of
their constants (which may have come from the environment).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

# Sources that never enter machine code: an edit there need not compile anything again.
NOT_COMPILED = {"cli", "sinks", "testing", "__pycache__"}

_SITE = tuple(
    sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)


@cache
def versions() -> str:
    """Python, numpy and numba: the same source is other machine code under others."""
    numba = importlib.metadata.version("numba")
    return f"python {sys.version_info[:3]} numpy {np.__version__} numba {numba}"


def sources(package: str) -> list[Path]:
    """The source files of an importable package that may be compiled in, in a fixed order."""
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations is not None
    root = Path(next(iter(spec.submodule_search_locations)))
    found = (path for path in root.rglob("*.py"))
    return sorted(path for path in found if not NOT_COMPILED & set(path.relative_to(root).parts))


@cache
def package_fingerprint(package: str, salt: str) -> str:
    """16 hex digits over the package's sources, the versions and `salt`."""
    digest = hashlib.sha256(f"{salt} {versions()}".encode())
    for path in sources(package):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def module_fingerprint(module: ModuleType, salt: str) -> str:
    """16 hex digits over a strategy, the users' modules it reaches, their constants, and `salt`."""
    digest = hashlib.sha256(salt.encode())
    for reached in sorted(_reachable(module), key=lambda reached: reached.__name__):
        digest.update(reached.__name__.encode() + b"\0" + source_of(reached))
        for name, value in sorted(vars(reached).items()):
            if not name.startswith("__"):
                for line in _constants(name, value, ()):
                    digest.update(line.encode() + b"\0")
    return digest.hexdigest()[:16]


def is_users(module: str) -> bool:
    """Whether a module is somebody's own code: not Python's, not installed, not our package."""
    if module.partition(".")[0] in ("micropulse", "numba", "numpy"):
        return False
    path = getattr(sys.modules.get(module), "__file__", None)
    if path is None or module.partition(".")[0] in sys.stdlib_module_names:
        return False
    return module.partition(".")[0] == "strategies" or not path.startswith(_SITE)


def source_hash(module: ModuleType) -> str:
    """sha256 of a strategy's file; of all files where it imports others of the user's."""
    files = [path.read_bytes() for path in module_sources(module)]
    if len(files) == 1:
        return hashlib.sha256(files[0]).hexdigest()
    hashes = [hashlib.sha256(file).hexdigest() for file in files]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def module_sources(module: ModuleType) -> list[Path]:
    """The files of a strategy and of the users' modules it reaches: its own first, then by name."""
    reached = sorted(_reachable(module), key=lambda one: (one is not module, one.__name__))
    return [Path(one.__file__) for one in reached if one.__file__ and Path(one.__file__).exists()]


def source_of(module: ModuleType) -> bytes:
    """The bytes of a module's file; empty when it has none."""
    path = getattr(module, "__file__", None)
    return Path(path).read_bytes() if path and Path(path).exists() else b""


def _reachable(module: ModuleType) -> list[ModuleType]:
    """The module and every user's module that its namespace leads to."""
    found: dict[str, ModuleType] = {}
    waiting = [module]
    while waiting:
        reached = waiting.pop()
        if reached.__name__ in found:
            continue
        found[reached.__name__] = reached
        for value in list(vars(reached).values()):
            name = value.__name__ if isinstance(value, ModuleType) else _home(value)
            if name in sys.modules and is_users(name):
                waiting.append(sys.modules[name])
    return list(found.values())


def _home(value: Any) -> str:
    """The module in which a function or class (compiled or not) was defined."""
    return str(getattr(getattr(value, "py_func", value), "__module__", None))


def _constants(path: str, value: Any, inside: tuple[int, ...]) -> Iterator[str]:
    """A line for each plain value that compiled code could have frozen."""
    value = getattr(value, "py_func", value)
    if id(value) in inside or len(inside) > 8:
        return
    inside = (*inside, id(value))
    if isinstance(value, _PLAIN):
        yield f"{path}={value!r}"
    elif isinstance(value, np.ndarray):
        yield f"{path}={value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
    elif isinstance(value, (tuple, list)):
        for i, item in enumerate(value):
            yield from _constants(f"{path}[{i}]", item, inside)
    elif isinstance(value, FunctionType) and is_users(value.__module__):
        for i, cell in enumerate(value.__closure__ or ()):
            yield from _constants(f"{path}<{i}>", cell.cell_contents, inside)
        yield from _constants(f"{path}()", value.__defaults__, inside)
    elif isinstance(value, type) and is_users(value.__module__):
        for name, item in sorted(vars(value).items()):
            if not name.startswith("__"):
                yield from _constants(f"{path}.{name}", item, inside)
