"""One entry of the journal: a frame as it was received, or what only the recorder knows.

    magic 4 | crc32 4 | length 4 | conn 2 | kind 1 | zero 1 | seq 8 | ts_recv 8 | payload

Little-endian. The checksum covers all behind itself. `kind` is 0 for a frame, else that of a
control event, whose payload is its value in eight bytes. The magic is what a reader looks for
behind damage.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

import numpy as np

from micropulse.events import Bytes, Frames, Int64s, frozen
from micropulse.jit import entry, kernel

MAGIC = b"MPJ1"
HEADER = struct.Struct("<4sIIhBBqq")
HEADER_BYTES = HEADER.size
PAYLOAD_BYTES_MAX = 64 * 1024 * 1024
FRAME = 0
_REST = struct.Struct("<IhBBqq")
_MAGIC_WORD = int.from_bytes(MAGIC, "little")
_COLUMNS = 6
START, STOP, SEQ, TS, CONN, KIND = range(_COLUMNS)


def pack(conn: int, kind: int, seq: int, ts_recv: int, payload: bytes) -> bytes:
    """The bytes of one entry."""
    rest = _REST.pack(len(payload), conn, kind, 0, seq, ts_recv)
    crc = zlib.crc32(payload, zlib.crc32(rest))
    return b"".join((MAGIC, crc.to_bytes(4, "little"), rest, payload))


class Damage(NamedTuple):
    """Bytes of a journal that are no entries: from `start` up to `stop`."""

    start: int
    stop: int


class Entries(NamedTuple):
    """What a journal holds. `table` is (6, n) int64: START, STOP of the payload, SEQ, TS, CONN,
    KIND; damaged stretches are left out and named."""

    text: Bytes
    table: Int64s
    damage: list[Damage]

    @property
    def n(self) -> int:
        """How many whole entries there are."""
        return int(self.table.shape[1])

    def frames(self) -> Frames:
        """The frames among them."""
        rows = self.table[:, self.table[KIND] == FRAME]
        start, stop, seq, ts = (frozen(rows[k]) for k in (START, STOP, SEQ, TS))
        return Frames(self.text, start, stop, seq, ts, frozen(rows[CONN], "i2"))

    def control(self) -> dict[str, list[int]]:
        """The columns of the control events among them."""
        rows = self.table[:, self.table[KIND] != FRAME]
        values = [
            int.from_bytes(self.text[a:b].tobytes(), "little", signed=True)
            for a, b in zip(rows[START], rows[STOP], strict=True)
        ]
        return {
            "seq": rows[SEQ].tolist(),
            "ts_recv": rows[TS].tolist(),
            "kind": rows[KIND].tolist(),
            "conn": rows[CONN].tolist(),
            "value": values,
        }


def read_entries(data: bytes) -> Entries:
    """All whole entries of a journal's bytes; behind damage it goes on at the next whole one."""
    text = frozen(np.frombuffer(data, np.uint8), "u1")
    parts, damage, at = [], [], 0
    while at < len(data):
        room = (len(data) - at) // HEADER_BYTES
        table = np.empty((_COLUMNS, room), np.int64)
        n, end = scan_entries(text, at, _CRC_TABLE, table)
        if n:
            parts.append(table[:, :n].copy() if n < room else table)
        if end == len(data):
            break
        resume = _next_entry(data, text, end + 1)
        damage.append(Damage(end, resume))
        at = resume
    joined = np.concatenate(parts, axis=1) if parts else np.empty((_COLUMNS, 0), np.int64)
    return Entries(text, joined, damage)


def is_torn(data: bytes, damage: Damage) -> bool:
    """Whether damage is the beginning of one entry that the end of the file cuts off, or bytes
    that never reached the disk (zeros): what a killed writer, or a power cut, leaves behind."""
    tail = data[damage.start : damage.stop]
    if damage.stop != len(data) or not tail.startswith(MAGIC[: len(tail)]):
        return damage.stop == len(data) and not tail.strip(b"\0")
    return len(tail) < HEADER_BYTES or len(tail) < HEADER_BYTES + HEADER.unpack_from(tail)[2]


def _next_entry(data: bytes, text: Bytes, at: int) -> int:
    """Where the next whole entry begins; the end of the data when there is none."""
    one = np.empty((_COLUMNS, 1), np.int64)
    while (at := data.find(MAGIC, at)) >= 0:
        if scan_entries(text, at, _CRC_TABLE, one)[0]:
            return at
        at += 1
    return len(data)


@entry
def scan_entries(text: Bytes, at: int, crc_table: Int64s, table: Int64s) -> tuple[int, int]:
    """(entries read into `table`, where the first that is not whole begins). Stops when `table`
    is full."""
    n = 0
    while n < table.shape[1] and at + HEADER_BYTES <= len(text):
        length = _word(text, at + 8)
        stop = at + HEADER_BYTES + length
        if _word(text, at) != _MAGIC_WORD or length > PAYLOAD_BYTES_MAX or stop > len(text):
            break
        if _crc32(text, at + 8, stop, crc_table) != _word(text, at + 4):
            break
        conn = int(text[at + 12]) | (int(text[at + 13]) << 8)
        table[START, n] = at + HEADER_BYTES
        table[STOP, n] = stop
        table[SEQ, n] = _word(text, at + 16) | (_word(text, at + 20) << 32)
        table[TS, n] = _word(text, at + 24) | (_word(text, at + 28) << 32)
        table[CONN, n] = conn - 65_536 if conn >= 32_768 else conn
        table[KIND, n] = int(text[at + 14])
        n += 1
        at = stop
    return n, at


@kernel
def _word(text: Bytes, at: int) -> int:
    """Four bytes, the lowest first."""
    low = int(text[at]) | (int(text[at + 1]) << 8)
    return low | (int(text[at + 2]) << 16) | (int(text[at + 3]) << 24)


@kernel
def _crc32(text: Bytes, start: int, stop: int, table: Int64s) -> int:
    """CRC-32 (ISO 3309, as zlib's) of text[start:stop], eight bytes a step (Intel's slicing by 8,
    2006)."""
    crc = 0xFFFFFFFF
    at = start
    while at + 8 <= stop:
        low = crc ^ _word(text, at)
        high = _word(text, at + 4)
        crc = (
            table[7, low & 255]
            ^ table[6, (low >> 8) & 255]
            ^ table[5, (low >> 16) & 255]
            ^ table[4, low >> 24]
            ^ table[3, high & 255]
            ^ table[2, (high >> 8) & 255]
            ^ table[1, (high >> 16) & 255]
            ^ table[0, high >> 24]
        )
        at += 8
    while at < stop:
        crc = table[0, (crc ^ int(text[at])) & 255] ^ (crc >> 8)
        at += 1
    return crc ^ 0xFFFFFFFF


def _crc_table() -> Int64s:
    """(8, 256): what a byte does to the checksum, and what it does k bytes later."""
    table: Int64s = np.zeros((8, 256), np.int64)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
        table[0, byte] = crc
    for k in range(1, 8):
        table[k] = table[0, table[k - 1] & 255] ^ (table[k - 1] >> 8)
    table.flags.writeable = False
    return table


_CRC_TABLE = _crc_table()
