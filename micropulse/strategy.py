"""Finding a strategy: one of ours by name, or a file of the user's by path."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from micropulse.record import Record
from micropulse.schema import REASONS, STRATEGY_FAILED

NEEDED = ("Params", "Memory", "decide")


class StrategyError(Exception):
    """A strategy that cannot be found or has not the three names a strategy needs."""


def load_strategy(name: str) -> ModuleType:
    """The module of `wall_break`, or of `path/to/my_rule.py`. Raises StrategyError."""
    path = Path(name)
    module = _from_file(path) if name.endswith(".py") or path.is_file() else _from_package(name)
    missing = [needed for needed in NEEDED if not hasattr(module, needed)]
    if missing:
        raise StrategyError(
            f"{name} has no {' and no '.join(missing)}. A strategy is a module with Params and "
            "Memory (records) and decide(features, position, memory, params, intent)."
        )
    for record in (module.Params, module.Memory):
        if not (isinstance(record, type) and issubclass(record, Record)):
            raise StrategyError(
                f"{name}: {record!r} is no Record. Declare `class Params(Record)` and "
                "`class Memory(Record)` with annotated fields (micropulse.record)."
            )
    _check_decide(name, module)
    for reason in getattr(module, "Reason", ()):
        if not 0 <= int(reason) < REASONS:
            raise StrategyError(
                f"{name}: Reason.{reason.name} is {int(reason)}; reasons are from 0, which is "
                f"none, to {REASONS - 1}."
            )
    return module


def _check_decide(name: str, module: ModuleType) -> None:
    decide = getattr(module.decide, "py_func", module.decide)
    try:
        inspect.signature(decide).bind(*range(5))
    except TypeError as error:
        line = inspect.getsourcelines(decide)[1] if inspect.isfunction(decide) else 1
        raise StrategyError(
            f"{module.__file__}:{line}: decide is called with five arguments, (features, position, "
            f"memory, params, intent), and {name}'s takes others ({error})."
        ) from None


def reason_name(strategy: ModuleType, reason: int) -> str:
    """The name of a reason, lower case; its number where the strategy has no `Reason`."""
    if reason == STRATEGY_FAILED:
        return "strategy_failed"
    names = getattr(strategy, "Reason", None)
    try:
        return str(names(reason).name).lower() if names else str(reason)
    except ValueError:
        return str(reason)


def strategy_name(strategy: ModuleType) -> str:
    """What people call it: the module's or the file's name."""
    return Path(strategy.__file__ or strategy.__name__).stem


def _from_package(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"strategies.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"strategies.{name}":
            raise
    package = importlib.import_module("strategies")
    known = ", ".join(sorted(module.name for module in pkgutil.iter_modules(package.__path__)))
    raise StrategyError(
        f"There is no strategy {name!r}. The shipped ones are {known}; a file of your own is given "
        "by its path, as in --strategy my_rule.py."
    )


def _from_file(path: Path) -> ModuleType:
    """Import a file under a name of its own; what stands beside it can be imported by it."""
    path = path.resolve()
    if not path.is_file():
        raise StrategyError(f"There is no file {path}. Check the path of --strategy.")
    # Named by its text: compiled code remembers the name, and a copy elsewhere is the same code.
    name = f"strategy_{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} cannot be imported: it is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise StrategyError(f"{path} fails when it is imported: {error!r}") from error
    finally:
        sys.path.remove(str(path.parent))
    return module
