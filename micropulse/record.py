"""Record: one annotated class is the dtype, the type hint and the documentation of a struct.

    class Level(Record):
        px: i8        # price, in the instrument's units
        qty: i8

    levels = Level.zeros(5)     # a structured array; levels[0].px reads and writes in place

The same attribute access works compiled by numba and as ordinary Python, so a kernel can be
stepped through with the JIT off. Fields lie in the order they are declared, without padding:
what is hashed, stored or compared is data and nothing else.
"""

from __future__ import annotations

from typing import (
    Annotated,
    Any,
    Generic,
    NamedTuple,
    Self,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)
from weakref import WeakKeyDictionary

import numpy as np

i8 = Annotated[int, "i8"]
f8 = Annotated[float, "f8"]
flag = Annotated[bool, "i8"]  # a truth kept in eight bytes, so that records have no holes


class Between(NamedTuple):
    """The range of a parameter: `obi_min: Annotated[f8, Between(0, 1)] = 0.2`. None is open."""

    least: float | None = None
    most: float | None = None


T = TypeVar("T")


class Array(Generic[T]):
    """The type of an array field: `Annotated[Array[Level], 5]` is five levels in a row."""

    def __getitem__(self, index: int) -> T:
        raise NotImplementedError("a hint for the type checker, never an instance")

    def __setitem__(self, index: int, value: T) -> None:
        raise NotImplementedError("a hint for the type checker, never an instance")

    def __len__(self) -> int:
        raise NotImplementedError("a hint for the type checker, never an instance")


class Record:
    """Base of every struct: fields are annotations, in memory order; class values are defaults."""

    @classmethod
    def dtype(cls) -> np.dtype[Any]:
        """The numpy dtype of this record. Raises TypeError for a name numpy needs itself."""
        if cls not in _DTYPES:
            _DTYPES[cls] = _dtype_of(cls)
        return _DTYPES[cls]

    @classmethod
    def zeros(cls, n: int) -> np.ndarray[Any, Any]:
        """`n` records of zero bytes, as one structured array."""
        return np.zeros(n, cls.dtype())

    @classmethod
    def new(cls, **values: Any) -> Self:
        """One record with its declared defaults, then `values`; a view into an array of one."""
        array = cls.zeros(1)
        fill_defaults(cls, array[0])
        for name, value in values.items():
            array[0][name] = value
        record: Self = array[0]
        return record


# Of a class as it stood when it was asked first: evaluating the annotations of all records anew
# for each Core took 10 ms. Weak, for a strategy that is loaded again is another class.
_DTYPES: WeakKeyDictionary[type[Record], np.dtype[Any]] = WeakKeyDictionary()
_HINTS: WeakKeyDictionary[type[Record], dict[str, Any]] = WeakKeyDictionary()


def _hints_of(cls: type[Record]) -> dict[str, Any]:
    """The annotation of each field, in memory order."""
    if cls not in _HINTS:
        _HINTS[cls] = get_type_hints(cls, include_extras=True)
    return _HINTS[cls]


def _dtype_of(cls: type[Record]) -> np.dtype[Any]:
    hints = _hints_of(cls)
    taken = sorted(set(hints) & set(dir(np.record)))
    if taken:
        raise TypeError(f"{cls.__name__}: {taken[0]!r} is a name of numpy's; rename the field")
    fields = [(name, *_field(hint)) for name, hint in hints.items()]
    dtype = np.dtype((np.record, fields))
    if dtype.itemsize % 8:
        raise TypeError(f"{cls.__name__}: {dtype.itemsize} bytes is no multiple of eight")
    return dtype


def fill_defaults(cls: type[Record], record: Any) -> None:
    """Write the defaults that `cls` and its nested records declare into `record`."""
    for name, hint in _hints_of(cls).items():
        if isinstance(hint, type) and issubclass(hint, Record):
            fill_defaults(hint, record[name])
        elif hasattr(cls, name):
            record[name] = getattr(cls, name)


def _field(hint: Any) -> tuple[Any, ...]:
    """The dtype of a field, and its shape when it is an array."""
    if isinstance(hint, type) and issubclass(hint, Record):
        return (hint.dtype(),)
    base, extra = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, None)
    if get_origin(base) is Array:
        (item,) = get_args(base)
        if issubclass(item, Record):
            return (item.dtype(), (extra,))
        return ({int: "i8", float: "f8"}[item], (extra,))
    if isinstance(extra, str):
        return (extra,)
    raise TypeError(f"{hint!r} is no field: use i8, f8, flag, a Record or Annotated[Array[...], n]")
