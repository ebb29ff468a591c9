"""The bytes of a file, plain, gzip or zstd (told by what it begins with), as far as they go.

A recorder that is killed leaves a packed file without its end, a bad disk one with a hole. All
that comes before the fault is given out, to the byte, and the fault is put into words.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

PIECE_BYTES = 32 * 1024  # read at once: gzip can make a thousand times as much of it
PLAIN_BYTES = 1024 * 1024

_FAULTS = (zlib.error, zstandard.ZstdError)


class Unpacked:
    """The unpacked bytes of one file, in pieces. Iterate it once, then read `problems`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        self.share = 0.0  # of the file that has been read
        self._size = max(1, path.stat().st_size)

    def __iter__(self) -> Iterator[bytes]:
        """Raises OSError when the file cannot be read."""
        with self.path.open("rb") as file:
            make = unpacker(file.read(4))
            file.seek(0)
            pieces = self._members(file, make) if make else self._plain(file)
            for piece in pieces:
                self.share = file.tell() / self._size
                yield piece

    def _plain(self, file: BinaryIO) -> Iterator[bytes]:
        while piece := file.read(PLAIN_BYTES):
            yield piece

    def _members(self, file: BinaryIO, make: Callable[[], Any]) -> Iterator[bytes]:
        """One packed member after the other; a file may hold several (segments put together)."""
        unpack, start, at, given = make(), 0, 0, 0
        piece = file.read(PIECE_BYTES)
        while piece:
            try:
                out = unpack.decompress(piece)
            except _FAULTS as error:
                yield from self._up_to_the_fault(file, make(), start, at, given)
                self._say_damaged(at, error)
                return
            yield out
            at, given = at + len(piece), given + len(out)
            rest = unpack.unused_data
            piece = (rest if unpack.eof else b"") + file.read(PIECE_BYTES)
            if unpack.eof:
                piece, padding = _without_padding(piece, file)
                at += padding - len(rest)
                if piece and unpacker(piece) is not make:
                    self._say_damaged(at, "no packed data begins there")
                    return
                unpack, start, given = make(), at, 0
        if at > start:
            self.problems.append(
                f"{self.path.name} is cut off inside its packed data, as when its writer was "
                "killed. What comes before the cut was read; copy the file again if there is more."
            )

    def _up_to_the_fault(
        self, file: BinaryIO, unpack: Any, start: int, at: int, given: int
    ) -> Iterator[bytes]:
        """What a member holds beyond its first `given` bytes, up to a fault somewhere behind `at`.

        An unpacker that fails keeps what it has made of the same piece to itself, so the member
        is unpacked once more, and byte by byte from there on.
        """
        file.seek(start)
        while piece := file.read(min(PIECE_BYTES, at - file.tell()) if file.tell() < at else 1):
            try:
                out = unpack.decompress(piece)
            except _FAULTS:
                return
            yield out[given:]
            given = max(0, given - len(out))

    def _say_damaged(self, at: int, error: object) -> None:
        self.problems.append(
            f"{self.path.name} is damaged: beyond about byte {at:,} it cannot be unpacked "
            f"({error}). What could be was read, but the damage may begin before it shows; take "
            "another copy of the file if there is one."
        )


def unpacker(start: bytes) -> Callable[[], Any] | None:
    """What unpacks a file that begins with these bytes; None for a plain one."""
    if start.startswith(b"\x1f\x8b"):
        return _gzip
    if start.startswith(b"\x28\xb5\x2f\xfd") or (
        start[1:4] == b"\x2a\x4d\x18" and 0x50 <= start[0] <= 0x5F
    ):
        return _zstd
    return None


def _without_padding(piece: bytes, file: BinaryIO) -> tuple[bytes, int]:
    """What follows the zeros at the start of `piece`, long enough to be told; how many zeros."""
    padding = 0
    while piece.startswith(b"\0") or 0 < len(piece) < 4:
        rest = piece.lstrip(b"\0")
        padding += len(piece) - len(rest)
        more = file.read(PIECE_BYTES)
        piece = rest + more
        if not more:
            break
    return piece, padding


def _gzip() -> Any:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)


def _zstd() -> Any:
    return zstandard.ZstdDecompressor().decompressobj()
