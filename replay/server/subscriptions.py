"""What a client says on an open socket, and the answer it gets: SUBSCRIBE, UNSUBSCRIBE, LIST_….

The answer says that the message was understood. It does not say that frames will come.
"""

from __future__ import annotations

from typing import Any

import msgspec

from replay.server.routes import is_stream

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS")

# The codes of Binance's errors.
BAD_REQUEST, BAD_JSON = 2, 3


def answer(message: str | bytes, subscribed: dict[str, None]) -> bytes:
    """The answer to a message, as wire text; `subscribed` (the names, in order) is changed."""
    try:
        asked = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refusal(BAD_JSON, f"Invalid JSON: {error}", None)
    if not isinstance(asked, dict):
        return _refusal(BAD_REQUEST, "Invalid request: it must be an object", None)
    number = asked.get("id")
    if not _is_number(number) and not isinstance(number, str | None):
        why = "Invalid request: request ID must be an unsigned integer"
        return _refusal(BAD_REQUEST, why, None)
    method = asked.get("method")
    if method not in METHODS:
        known = ", ".join(f"`{name}`" for name in METHODS)
        what = "missing field `method`" if method is None else f"unknown variant `{method}`"
        return _refusal(BAD_REQUEST, f"Invalid request: {what}, expected one of {known}", number)
    if method == "LIST_SUBSCRIPTIONS":
        return msgspec.json.encode({"result": list(subscribed), "id": number})
    why = _changed(asked.get("params"), subscribed, add=method == "SUBSCRIBE")
    if why:
        return _refusal(BAD_REQUEST, f"Invalid request: {why}", number)
    return msgspec.json.encode({"result": None, "id": number})


def _changed(streams: Any, subscribed: dict[str, None], add: bool) -> str:
    """Why the streams cannot be added or taken away; empty when it is done."""
    if not isinstance(streams, list) or not all(isinstance(name, str) for name in streams):
        return "params must be an array of strings"
    if not streams:
        return "streams must have non-zero length"
    if not all(is_stream(name) for name in streams):
        return "unknown stream"
    for name in streams:
        if add:
            subscribed[name] = None
        else:
            subscribed.pop(name, None)
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _refusal(code: int, why: str, number: Any) -> bytes:
    error: dict[str, Any] = {"error": {"code": code, "msg": why}}
    return msgspec.json.encode(error if number is None else error | {"id": number})
