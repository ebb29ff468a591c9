"""The wire: Binance frame text to Events and back, to the byte. Pure; the face of its parts.

    decoder = Decoder("BTCUSDT")                  # or Decoder(): the first symbol it meets
    decoded = decoder.decode(frames)              # -> Events, and the frames to keep as text
    frames = encode(decoded.events, decoder.layouts, decoder.px_decimals, decoder.qty_decimals)

    layouts = [standard_layout("btcusdt@depth5@100ms", 2, 3),          # today's form of the wire,
               standard_layout("btcusdt@trade", 2, 3),                 # X is MARKET,
               standard_layout("btcusdt@trade", 2, 3, x="NA")]         # and an NA row
    frames = encode(events, layouts, 2, 3)        # a row's `layout` is the index in this list

Decoded are partial books, `<symbol>@depth{5|10|20}` with or without `@<n>ms`, `<symbol>@trade`
and `<symbol>@markPrice` with or without `@1s`, in the wrapped form `{"stream":…,"data":{…}}`.
Every other frame is passed on as it is. The order of a book's levels is not checked: what it means
is the core's business.

The parts: `layout` (the text around the numbers), `forms` (those that are documented), `scan` and
`spell` (the kernels), `reading` (a frame read by name, when no layout fits), `blocks` (where rows
are put together).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from micropulse.blocks import Blocks
from micropulse.events import DEPTHS, MARK_DECIMALS, Events, Frames, Int64s, frozen
from micropulse.forms import is_documented, standard_layout
from micropulse.instrument import KNOWN_DECIMALS
from micropulse.layout import (
    AMOUNT_DIGITS,
    BYTES_MAX,
    ROW,
    Program,
    digits_behind,
    layout_of,
    program,
    slot_of,
)
from micropulse.reading import (
    MARKS,
    NEITHER,
    Claim,
    NotJsonError,
    Reading,
    WireError,
    claim_of,
    read,
)
from micropulse.scan import PASS_COLUMNS, PASSED, VERBATIM, scan
from micropulse.spell import spell

__all__ = ["COUNTS", "Decoded", "Decoder", "WireError", "encode", "standard_layout"]

# A symbol needs about a dozen layouts. The limits keep a source that never repeats itself (a new
# key whose value differs in each frame) from filling memory and from trying thousands of them.
LAYOUTS_MAX = 64
LAYOUT_CHARS_MAX = 4_096
HEADS_MAX = 1_024  # as many streams as a connection can have
HEAD_BYTES_MAX = 256

COUNTS = {
    "decoded": "frames that became events",
    "fallback": "decoded, in a form that is not documented: the slow path read them",
    "inexact": "decoded and kept as text: their numbers are not written the usual way",
    "layouts_full": "decoded and kept as text: no room for another layout",
    "undecoded": "said to be a partial book, a trade or a mark price, and broken",
    "not_json": "no JSON at all",
    "too_many_digits": "numbers with more digits than the symbol's scale",
    "other_frames": "other streams, unwrapped frames, answers: passed on as they are",
    "other_symbols": "frames of other symbols",
}


class Decoded(NamedTuple):
    """What became of a batch of frames."""

    events: Events
    verbatim: Int64s  # indices of the frames to be kept as text
    others: Int64s  # indices of the frames of other symbols, which are nobody's here


class Decoder:
    """Frames of one symbol to events; learns what it meets, and counts what is odd.

    Any split of the frames into batches gives the same rows. A row's `layout` is an index in
    `layouts`, or -1 when only the frame itself gives back its text. A batch has as many level
    columns as the deepest stream met so far (5 at least).
    """

    def __init__(
        self,
        symbol: str | None = None,
        px_decimals: int | None = None,
        qty_decimals: int | None = None,
    ) -> None:
        """Scales that are not given come from the first frame with real digits, and then stay.

        They are never below what is known of the symbol (BTCUSDT: 2 and 3). Frames with fewer
        digits are scaled up, frames with more are kept as text.
        """
        self.symbol = symbol.upper() if symbol else None
        self.px_decimals = px_decimals
        self.qty_decimals = qty_decimals
        self.layouts: list[str] = []
        self.counts = dict.fromkeys(COUNTS, 0)
        self.last_error = ""  # of the last frame counted as undecoded
        self._levels = min(DEPTHS)
        self._heads: dict[bytes, int] = {}
        self._make_ready()

    def decode(self, frames: Frames) -> Decoded:
        """The events of `frames`, and the indices of those to keep as text. Never raises on input.

        `ts_recv`, `seq` and `conn` are copied from the frames.
        """
        frames = Frames(*(_read_only(column) for column in frames))
        blocks = self.new_blocks(len(frames.start))
        self.decode_into(blocks, frames)
        self.count(blocks)
        return Decoded(blocks.events(), *blocks.noted())

    def new_blocks(self, n: int) -> Blocks:
        """Room for `n` events."""
        return Blocks(n, self._levels)

    def decode_into(self, blocks: Blocks, frames: Frames, scan: Any = scan) -> None:
        """Add the events of `frames`, whose columns are read-only, to blocks that have room."""
        n, at = len(frames.start), 0
        while (at := scan(*frames, at, *self.known(), *blocks.rows())) < n:
            self._decode_slowly(frames, at, blocks)
            at += 1

    def known(self) -> tuple[Any, ...]:
        """What `scan` is told of all that has been learned."""
        return self._ready

    def count(self, blocks: Blocks) -> None:
        """Count what is in blocks that are done."""
        cursor = blocks.cursor
        self.counts["decoded"] += int(cursor[:VERBATIM].sum())
        self.counts["other_frames"] += int(cursor[PASSED])
        self.counts["other_symbols"] += int(cursor[PASSED + 1])

    def _decode_slowly(self, frames: Frames, n: int, blocks: Blocks) -> None:
        """The frame that no layout fits: read it by name, and learn from it."""
        frame = frames.text[frames.start[n] : frames.stop[n]].tobytes()
        odd, reading = self._read(frame)
        scales = self._scales(reading) if reading else None
        if reading is None or scales is None:
            odd = odd or "too_many_digits"
            self.counts[odd] += 1
            blocks.note(n, other=odd == "other_symbols")
            return
        self.symbol = reading.claim.symbol
        if reading.claim.depth > self._levels:
            self._levels = reading.claim.depth
            blocks.deepen(self._levels)
            self._make_ready()
        layout = self._learn_layout(frame, reading)
        blocks.add(frames, n, reading, layout, scales)
        if layout < 0:
            blocks.note(n)

    def _read(self, frame: bytes) -> tuple[str, Reading | None]:
        """("", the frame read by name), or (what it is counted as, None)."""
        try:
            claim = claim_of(frame)
            if self.symbol is not None and claim.symbol not in (None, self.symbol):
                self._learn_head(claim, 1)
                return "other_symbols", None
            if claim.table == NEITHER:
                self._learn_head(claim, 0)
                return "other_frames", None
            return "", read(frame, claim)
        except NotJsonError:
            return "not_json", None
        except WireError as error:
            self.last_error = str(error)
            return "undecoded", None

    def _scales(self, reading: Reading) -> tuple[int, int] | None:
        """The symbol's digits, as this frame sets or confirms them; None when it has too many.

        A frame whose numbers are all a bare 0 (an NA row, an empty book) sets nothing. Mark prices
        have digits of their own.
        """
        if reading.claim.table == MARKS:
            return self._mark_scales(reading)
        prices = [text for texts in reading.prices.values() for text in texts]
        sizes = [text for texts in reading.sizes.values() for text in texts]
        known = KNOWN_DECIMALS.get(reading.claim.symbol or "", (0, 0))
        scales = []
        for texts, scale, least in (
            (prices, self.px_decimals, known[0]),
            (sizes, self.qty_decimals, known[1]),
        ):
            shown = max(map(digits_behind, texts), default=0)
            scale = max(shown, least) if scale is None else scale
            if not _fit(texts, scale):
                return None
            scales.append(scale)
        if any(text != "0" for text in prices + sizes):
            new = (self.px_decimals, self.qty_decimals) != (scales[0], scales[1])
            self.px_decimals, self.qty_decimals = scales
            if new:
                self._make_ready()
        return scales[0], scales[1]

    def _mark_scales(self, reading: Reading) -> tuple[int, int] | None:
        texts = [text for part in (reading.prices, reading.sizes) for (text,) in part.values()]
        return (MARK_DECIMALS, MARK_DECIMALS) if _fit(texts, MARK_DECIMALS) else None

    def _learn_layout(self, frame: bytes, reading: Reading) -> int:
        """The id of the frame's layout, a new one if need be; -1 when it has or gets none."""
        layout = layout_of(frame, reading, self.px_decimals or 0, self.qty_decimals or 0)
        if layout is None or not is_documented(layout, reading):
            self.counts["fallback"] += 1
        if layout is None:
            self.counts["inexact"] += 1
            return -1
        if layout not in self.layouts:
            if len(self.layouts) == LAYOUTS_MAX or len(layout) > LAYOUT_CHARS_MAX:
                self.counts["layouts_full"] += 1
                return -1
            self.layouts.append(layout)
            self._make_ready()
        return self.layouts.index(layout)

    def _learn_head(self, claim: Claim, other: int) -> None:
        """Frames that begin like this one are passed by the kernel from now on."""
        room = len(self._heads) < HEADS_MAX and len(claim.head) <= HEAD_BYTES_MAX
        if claim.head and room and self.symbol is not None:
            self._heads[claim.head] = other
            self._make_ready()

    def _make_ready(self) -> None:
        """What `scan` needs of all that has been learned.

        Without scales no layout is tried: the frame that sets them must be read slowly.
        """
        px, qty, layouts = self.px_decimals, self.qty_decimals, self.layouts
        if px is None or qty is None:
            px, qty, layouts = 0, 0, []
        made = program(layouts, px, qty, self._levels)
        heads, at = [], len(made.literals)
        for head, other in self._heads.items():
            heads.append((at, at + len(head), other))
            at += len(head)
        literals = np.frombuffer(made.literals.tobytes() + b"".join(self._heads), np.uint8)
        passes = frozen(np.array(heads, np.int64).reshape(-1, PASS_COLUMNS))
        self._ready = frozen(literals, "u1"), made.ops, made.heads, passes


def encode(events: Events, layouts: Sequence[str], px_decimals: int, qty_decimals: int) -> Frames:
    """The wire text of every row with a layout, in the order of `seq`, as `Frames`.

    Raises ValueError for a layout that is none, WireError for a row that its layout cannot say.
    """
    made = program(layouts, px_decimals, qty_decimals, len(events.depth.bid_px))
    blocks = Blocks.of(events)
    used = np.concatenate([table.layout for table in events[:3]])
    used = used[(used >= 0) & (used < len(layouts))]
    size, n = int(made.heads[used, BYTES_MAX].sum()), len(used)
    text = np.empty(size, np.uint8)
    start, stop, seq, ts_recv = (np.empty(n, np.int64) for _ in range(4))
    conn, failed = np.empty(n, np.int16), np.zeros(3, np.int64)
    given: Any = (*made, *blocks.tables(), *blocks.cursor[:VERBATIM].tolist(), failed)
    if spell(text, start, stop, seq, ts_recv, conn, *given) < 0:
        raise WireError(_why_not(failed.tolist(), made, blocks.levels))
    end = int(stop[-1]) if n else 0
    start, stop, seq, ts_recv = (frozen(column) for column in (start, stop, seq, ts_recv))
    return Frames(frozen(text[:end], "u1"), start, stop, seq, ts_recv, frozen(conn, "i2"))


def _fit(texts: Sequence[str], scale: int) -> bool:
    """Whether decimals of the wire can be said as integers at a scale."""
    shown = max(map(digits_behind, texts), default=0)
    before = max((len(text.partition(".")[0].lstrip("-0")) for text in texts), default=0)
    return shown <= scale and max(before, 1) <= AMOUNT_DIGITS - scale


def _why_not(failed: Sequence[int], made: Program, levels: int) -> str:
    seq, layout, op = failed
    if layout >= len(made.heads):
        return f"seq {seq}: layout {layout} is none of the {len(made.heads)} given"
    if op < 0:
        return f"seq {seq}: layout {layout} is of another table, kind or depth"
    slot = slot_of(int(made.ops[op, ROW]), levels)
    return f"$.data.{slot}: seq {seq} has a value there that layout {layout} cannot say"


def _read_only(column: Any) -> Any:
    return frozen(column, column.dtype) if column.flags.writeable else column
