"""The exchange's REST side, asked once at the start: the rules of the symbols, and its clock.

What is fetched lies beside the tapes, `<symbol folder>/exchangeInfo-<date>.json`: Binance's own
answer, of the one symbol. REST is not needed to record: what goes wrong is a warning.
"""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from micropulse.instrument import KNOWN_LIMITS, LIMITS_DATE
from recorder.clock import MachineClock
from recorder.folder import TapeError, date_of, tape_folder
from recorder.socket import DialError, tls_context

REST_OF = {
    "fstream.binance.com": "https://fapi.binance.com",
    "fstream.binancefuture.com": "https://testnet.binancefuture.com",
}
BODY_BYTES_MAX = 64 * 1024 * 1024  # exchangeInfo of all symbols is about 1 MB

_FAILURES = (
    OSError, http.client.HTTPException, DialError, ValueError, KeyError, TypeError,
)  # fmt: skip


class Asked(NamedTuple):
    """What REST said: sentences for the log, and by how many ms the exchange's clock is ahead."""

    notes: tuple[str, ...]
    problems: tuple[str, ...]
    ahead_ms: float | None


def rest_host(url: str) -> str:
    """https://fapi.binance.com for the exchange's sockets; else the very host of the URL."""
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "wss" else "http"
    return REST_OF.get(parts.hostname or "", f"{scheme}://{parts.netloc}")


def ask_exchange(
    host: str,
    symbols: tuple[str, ...],
    data: Path,
    clock: MachineClock,
    timeout_s: float = 10.0,
    ca_file: Path | None = None,
) -> Asked:
    """Fetch server time and exchangeInfo; write the files. Blocks; never raises for the network."""

    def get(path: str) -> Any:
        context = tls_context(ca_file) if host.startswith("https:") else None
        with urllib.request.urlopen(host + path, timeout=timeout_s, context=context) as answer:
            return json.loads(answer.read(BODY_BYTES_MAX))

    notes: list[str] = []
    problems: list[str] = []
    ahead_ms: float | None = None
    try:
        ahead_ms = _clock_ahead_ms(get, clock)
        notes.append(f"the exchange's clock is {ahead_ms:+.0f} ms from this machine's")
    except _FAILURES as error:
        problems.append(f"{host} did not tell its time: {error}. Nothing depends on it.")
    try:
        info = get("/fapi/v1/exchangeInfo")
        known = {entry["symbol"]: entry for entry in info["symbols"]}
    except _FAILURES as error:
        problems.append(f"{host} gave no exchangeInfo: {error}. {_defaults(symbols)}")
        return Asked(tuple(notes), tuple(problems), ahead_ms)
    for symbol in symbols:
        if symbol not in known:
            problems.append(
                f"{host} knows no {symbol}: nothing will come of it. Is it spelled right, and a "
                "USD-M perpetual?"
            )
            continue
        try:
            path = _keep(data, symbol, info | {"symbols": [known[symbol]]}, clock)
        except (OSError, TapeError) as error:
            problems.append(f"exchangeInfo of {symbol} is not kept: {error}.")
        else:
            notes.append(f"limits of {symbol} in {path}")
    return Asked(tuple(notes), tuple(problems), ahead_ms)


def _clock_ahead_ms(get: Callable[[str], Any], clock: MachineClock) -> float:
    """serverTime − the middle of the question's own time, in ms."""
    get("/fapi/v1/time")  # the first answer also waits for names and handshakes
    before = clock.wall()
    server_ms = int(get("/fapi/v1/time")["serverTime"])
    return server_ms - (before + clock.wall()) / 2e6


def _keep(data: Path, symbol: str, info: dict[str, Any], clock: MachineClock) -> Path:
    """Write the day's file anew; it appears whole."""
    folder = tape_folder(data, symbol)
    path = folder / f"exchangeInfo-{date_of(clock.wall())}.json"
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(info) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def _defaults(symbols: tuple[str, ...]) -> str:
    known = [symbol for symbol in symbols if symbol in KNOWN_LIMITS]
    unknown = [symbol for symbol in symbols if symbol not in KNOWN_LIMITS]
    said = []
    if known:
        said.append(f"{', '.join(known)}: the limits of {LIMITS_DATE} stand in.")
    if unknown:
        said.append(f"{', '.join(unknown)}: limits stay unknown, and are assumed.")
    return " ".join(said)
