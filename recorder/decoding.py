"""A tape's own frames as events: the same for sealing, for reading a journal, and live."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from micropulse.events import Events, Frames, Int64s, joined, no_events
from micropulse.wire import Decoder
from recorder.folder import SESSION, manifests
from recorder.segment import FRAMES_AT_ONCE, only_frames, open_segment

Digits = tuple[int | None, int | None]  # of prices and of quantities


def decoded(symbol: str, digits: Digits, frames: Frames) -> tuple[Events, Int64s, Decoder]:
    """Events of the tape's own frames, the indices of those to keep as text, and the decoder."""
    decoder = Decoder(symbol, *digits)
    if symbol == SESSION:  # nobody's frames: only looked at, to say which are no JSON
        decoder.decode(frames)
        return no_events(), np.arange(len(frames.seq)), decoder
    parts, keep = [], [np.zeros(0, np.int64)]
    for at in range(0, max(1, len(frames.seq)), FRAMES_AT_ONCE):
        found = decoder.decode(only_frames(frames, slice(at, at + FRAMES_AT_ONCE)))
        parts.append(found.events)
        keep += [found.verbatim + at, found.others + at]
    return joined(parts), np.unique(np.concatenate(keep)), decoder


def scales(folder: Path) -> Digits:
    """(price, quantity) digits of a tape, as its sealed segments have them; None: not known yet."""
    for _, path in reversed(manifests(folder)):
        said = open_segment(path).said
        if said["px_decimals"] is not None:
            return said["px_decimals"], said["qty_decimals"]
    return None, None
