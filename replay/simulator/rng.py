"""Random numbers whose bytes depend on nothing but the seed.

Generator, `exp` and `log` are written out here with + - x / alone, so that a market of a given
seed is the same on every machine and with every version of numpy, numba and the C library.
"""

from __future__ import annotations

import math

from micropulse.jit import kernel
from micropulse.record import Record, i8

MASK32 = 0xFFFFFFFF
LN2 = 0.6931471805599453
SQRT_HALF = 0.7071067811865476


class Rng(Record):
    """xoshiro128++ (Blackman and Vigna): four 32-bit words, each kept in an i8."""

    s0: i8
    s1: i8
    s2: i8
    s3: i8


def seed_rng(rng: Rng, seed: int, purpose: int) -> None:
    """Fill `rng` from the seed; another `purpose` gives another, unrelated sequence."""
    state = (seed * 0x9E3779B97F4A7C15 + purpose * 0xD1B54A32D192ED03) % 2**64
    words = []
    for _ in range(4):  # splitmix64, as its authors advise for seeding
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        words.append((z ^ (z >> 31)) & MASK32)
    rng.s0, rng.s1, rng.s2, rng.s3 = words


@kernel
def uniform(rng: Rng) -> float:
    """A number in (0, 1), never 0 and never 1."""
    s0, s1, s2, s3 = rng.s0, rng.s1, rng.s2, rng.s3
    total = (s0 + s3) & MASK32
    word = ((((total << 7) & MASK32) | (total >> 25)) + s0) & MASK32
    shifted = (s1 << 9) & MASK32
    s2 ^= s0
    s3 ^= s1
    rng.s1 = s1 ^ s2
    rng.s0 = s0 ^ s3
    rng.s2 = s2 ^ shifted
    rng.s3 = ((s3 << 11) & MASK32) | (s3 >> 21)
    return (word + 0.5) / 4294967296.0


@kernel
def exp(x: float) -> float:
    """e to the x, to about 1e-13; x is held within -80..80."""
    x = min(max(x, -80.0), 80.0)
    twos = math.floor(x / LN2 + 0.5)
    r = x - twos * LN2
    value = 1.0
    for k in range(12, 0, -1):  # Taylor on |r| < 0.35
        value = 1.0 + r * value / k
    for _ in range(abs(int(twos))):
        value = value * 2.0 if twos > 0 else value * 0.5
    return value


@kernel
def log(x: float) -> float:
    """The natural logarithm of x > 0, to about 1e-13."""
    twos = 0
    while x < SQRT_HALF:
        x *= 2.0
        twos -= 1
    while x > 2.0 * SQRT_HALF:
        x *= 0.5
        twos += 1
    z = (x - 1.0) / (x + 1.0)
    square = z * z
    series = 0.0
    for k in range(17, 0, -2):  # log x = 2 atanh z on |z| < 0.172
        series = series * square + 1.0 / k
    return 2.0 * z * series + twos * LN2


@kernel
def exponential(rng: Rng) -> float:
    """Exponential with mean 1."""
    return -log(uniform(rng))


@kernel
def normal(rng: Rng) -> float:
    """Standard normal, by Marsaglia's polar method (it needs no sine)."""
    while True:
        x = 2.0 * uniform(rng) - 1.0
        y = 2.0 * uniform(rng) - 1.0
        square = x * x + y * y
        if 0.0 < square < 1.0:
            return x * math.sqrt(-2.0 * log(square) / square)


@kernel
def noise(rng: Rng) -> float:
    """Mean 0, deviation 1, uniform: as good as a normal wherever many are added, and cheaper."""
    return (uniform(rng) - 0.5) * 3.4641016151377544


@kernel
def lognormal(rng: Rng, median: float, sigma: float) -> float:
    """Ln-normal with this median and deviation of the logarithm."""
    return median * exp(sigma * normal(rng))


@kernel
def geometric(rng: Rng, mean: float) -> int:
    """1, 2, 3… with about this mean (an exponential, rounded up)."""
    return 1 + int(exponential(rng) * (mean - 0.5)) if mean > 1.0 else 1
