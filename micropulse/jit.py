"""@kernel: numba, with a compile cache that cannot be stale.

numba's own `cache=True` watches only the file in which a function stands: edit a function it
calls and the old machine code runs on, silently. Here the cache folder is named after a hash of
all that can be compiled in (see fingerprint.py), so that an edit anywhere is another folder.

    kernels of a package    <cache>/<hash of the package's and of our sources>
    the loop of a strategy  <cache>/<that, and the strategy's fingerprint>

A function outside a package that we hash (a user's file, a test) is compiled but not cached;
inlined into the loop it is cached with the loop.

The folder is $MICROPULSE_CACHE, else $XDG_CACHE_HOME/micropulse, else ~/.cache/micropulse.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar, cast

import numpy as np
from numba import config, njit, typeof, types

from micropulse.fingerprint import is_users, module_fingerprint, package_fingerprint

Function = TypeVar("Function", bound=Callable[..., Any])

OURS = ("micropulse", "recorder", "replay", "strategies")
UNUSED_DAYS = 30

_bound: dict[str, Any] = {}
_folder: list[str] = []


def kernel(function: Function) -> Function:
    """Compile a function that compiled functions call. Called from Python it raises TypeError.

    Without the GIL, floats exact (no fastmath), inlined where it is called (a fifth of the core's
    time). A kernel looks before it divides: compiled, nothing else would notice a zero. With
    NUMBA_DISABLE_JIT=1 it stays the Python function it is: a debugger and an oracle.
    """
    return _compile_in_folder(function, from_python=False)


def cold(function: Function) -> Function:
    """A kernel that few events need: a call, so that its code stands once and not in the way."""
    return _compile_in_folder(function, from_python=False, inline=False)


def entry(function: Function) -> Function:
    """A kernel that Python calls. The wrapper that takes its arguments apart costs a fifth of the
    time to compile, so only the few doors to compiled code have one."""
    return _compile_in_folder(function, from_python=True)


def plugin(name: str) -> Any:
    """The function that stands in this place: bound by `load_core` to a strategy's."""
    return _bound.get(name)


def straight(function: Any, *args: Any) -> Any:
    """The compiled code of an entry for arguments of the types of `args`, called without a look at
    what it is given: 1 us for a batch of events instead of 11. Other types crash the process."""
    if config.DISABLE_JIT:
        return function
    return function.compile(tuple(types.unliteral(typeof(arg)) for arg in args))


def load_core(strategy: ModuleType, loop: str = "core") -> ModuleType:
    """micropulse.core (or .many) with `decide` of `strategy` compiled into its loop.

    Executes core.py anew under a name that holds the fingerprint of all that is compiled in, and
    keeps it in `sys.modules`, where numba looks when it reads its cache.
    """
    key = module_fingerprint(strategy, package_fingerprint("micropulse", _settings()))
    name = f"micropulse.{loop}_{key}"
    if name in sys.modules:
        return sys.modules[name]
    importlib.import_module(f"micropulse.{loop}")  # so that what it imports goes to its own folder
    source = Path(__file__).with_name(f"{loop}.py")
    spec = importlib.util.spec_from_file_location(name, source)
    assert spec is not None and spec.loader is not None
    if config.DISABLE_JIT:
        np.seterr(divide="raise")  # a strategy's division by zero fails, as it does compiled
    module = importlib.util.module_from_spec(spec)
    _compile_called(strategy, "decide", set())
    with _loading(_make_folder(key), decide=strategy.decide):
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return module


def _compile_in_folder(function: Function, from_python: bool, inline: bool = True) -> Function:
    folder = _folder[-1] if _folder else _package_folder(function.__module__.partition(".")[0])
    if folder is None:
        return _compiled(function, False, from_python, inline=inline)
    before, config.CACHE_DIR = config.CACHE_DIR, folder
    try:
        return _compiled(function, True, from_python, inline=inline)
    finally:
        config.CACHE_DIR = before


def _compiled(
    function: Function,
    cache: bool,
    from_python: bool,
    error_model: str = "numpy",
    inline: bool = True,
) -> Function:
    """njit, without numba's habit of compiling anew for every literal argument: `f(x, 1)` and
    `f(x, 2)` would be two compilations, here half of all."""
    if config.DISABLE_JIT:
        return function
    bare = not from_python
    options: dict[str, Any] = {"no_cpython_wrapper": bare, "no_cfunc_wrapper": bare, "_nrt": False}
    options |= {"forceinline": bare and inline, "error_model": error_model}
    compiled: Any = njit(nogil=True, cache=cache, **options)(function)
    template = compiled.get_call_template
    compiled.get_call_template = lambda args, kws: template(
        tuple(types.unliteral(arg) for arg in args),
        {name: types.unliteral(arg) for name, arg in kws.items()},
    )
    if bare:
        _refuse_python(compiled)
    return cast(Function, compiled)


def _refuse_python(compiled: Any) -> None:
    """Without a wrapper a call from Python would crash the process: make it an error instead."""

    def refuse(*args: Any, **kws: Any) -> None:
        name = compiled.py_func.__qualname__
        raise TypeError(
            f"{name} is a kernel: only compiled code calls it. Call {name}.py_func for the Python "
            "function, or call it from a function of your own that is an @entry."
        )

    def keep(result: Any) -> None:
        compiled.overloads[tuple(result.signature.args)] = result

    compiled.add_overload = keep
    compiled._compile_for_args = refuse


@contextmanager
def _loading(folder: str | None, **bound: Any) -> Iterator[None]:
    """While a core is executed: its kernels go to `folder`, its plugins are `bound`."""
    _bound.update(bound)
    if folder is not None:
        _folder.append(folder)
    try:
        yield
    finally:
        _bound.clear()
        if folder is not None:
            _folder.pop()


def _compile_called(module: ModuleType, name: str, seen: set[str]) -> None:
    """Compile a plain function of a module, and what it calls by name: a strategy is ordinary
    Python, needs no decorators, and raises ZeroDivisionError as Python does."""
    function = getattr(module, name)
    if config.DISABLE_JIT or f"{module.__name__}.{name}" in seen:
        return
    seen.add(f"{module.__name__}.{name}")
    if not isinstance(function, FunctionType):
        return
    for called in function.__code__.co_names:
        value = function.__globals__.get(called)
        if isinstance(value, FunctionType) and is_users(value.__module__):
            _compile_called(sys.modules[function.__module__], called, seen)
        elif isinstance(value, ModuleType) and is_users(value.__name__):
            for attribute in set(function.__code__.co_names) & set(vars(value)):
                _compile_called(value, attribute, seen)
    setattr(module, name, _compiled(function, False, False, "python"))


def _settings() -> str:
    """numba's own switches that change the machine code and that its cache does not know of."""
    return f"{config.BOUNDSCHECK} {config.OPT} {config.DISABLE_JIT}"


@cache
def _package_folder(package: str) -> str | None:
    if package not in OURS:
        return None
    key = package_fingerprint("micropulse", _settings())
    return _make_folder(key if package == "micropulse" else package_fingerprint(package, key))


@cache
def _cache_home() -> Path:
    """The folder of all caches; a temporary one, said, where that cannot be written."""
    chosen = os.environ.get("MICROPULSE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = Path(chosen).expanduser() if chosen else Path(base).expanduser() / "micropulse"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not os.access(home, os.W_OK):
            raise PermissionError(home)
    except OSError as error:
        home = Path(tempfile.mkdtemp(prefix="micropulse-"))
        warnings.warn(
            f"The compile cache cannot be written ({error}): every start compiles anew. "
            "Point MICROPULSE_CACHE to a folder that can be written.",
            stacklevel=2,
        )
    return home


def _make_folder(key: str) -> str:
    """The folder of one key; making a new one clears away those unused for a month."""
    folder = _cache_home() / key
    if not folder.exists():
        _clear_unused()
        folder.mkdir(exist_ok=True)
    os.utime(folder)
    return str(folder)


def _clear_unused() -> None:
    oldest = time.time() - UNUSED_DAYS * 86_400
    for folder in _cache_home().iterdir():
        try:
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:  # another process was quicker
            continue
