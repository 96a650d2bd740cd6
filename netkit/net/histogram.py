"""Times in bounded memory: exact extremes and mean, percentiles within 1 % (the idea of HdrHistogram).

A time in nanoseconds falls into one of 128 buckets for each power of two, so a run of any length takes a few kilobytes.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

SUB = 7  # bits of a value that are kept: 2**7 buckets a power of two, hence an error below 1/128


class Times(NamedTuple):
    """Statistics of times, seconds. jitter: RFC 3550 6.4.1, over round trips. All None without a sample."""

    samples: int
    min: float | None = None
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None
    jitter: float | None = None


class Histogram:
    """count is told last of a sample, so that Ctrl-C in the middle of it leaves none that the buckets do not hold."""

    def __init__(self) -> None:
        self.count = 0
        self._buckets: Counter[int] = Counter()
        self._sum = 0.0
        self._min = float("inf")
        self._max = 0.0
        self._jitter = 0.0
        self._last: float | None = None

    def add_many(self, seconds: float, number: int) -> None:
        """So many of one time; they count for everything but jitter."""
        self._buckets[bucket(int(seconds * 1e9))] += number
        self._sum += seconds * number
        if seconds < self._min:
            self._min = seconds
        if seconds > self._max:
            self._max = seconds
        self.count += number

    def add(self, seconds: float) -> None:
        self._buckets[bucket(int(seconds * 1e9))] += 1
        self._sum += seconds
        if seconds < self._min:
            self._min = seconds
        if seconds > self._max:
            self._max = seconds
        if self._last is not None:
            self._jitter += (abs(seconds - self._last) - self._jitter) / 16
        self._last = seconds
        self.count += 1

    def merge(self, other: "Histogram") -> None:
        """Count the samples of another one as well; jitter stays what it was, as their order is not known."""
        self._buckets.update(other._buckets)
        self._sum += other._sum
        self._min = min(self._min, other._min)
        self._max = max(self._max, other._max)
        self.count += other.count

    def percentile(self, share: float) -> float | None:
        """The time that this share of samples did not exceed; never outside the exact extremes."""
        if not self.count:
            return None
        wanted, seen = max(1, -int(-share * self.count // 1)), 0
        for index in sorted(self._buckets):
            seen += self._buckets[index]
            if seen >= wanted:
                return min(max(middle(index) / 1e9, self._min), self._max)
        raise AssertionError("unreachable: all buckets together hold `count`")

    def times(self) -> Times:
        if not self.count:
            return Times(0)
        p50, p90, p99, p999 = (self.percentile(share) for share in (0.5, 0.9, 0.99, 0.999))
        return Times(self.count, self._min, self._sum / self.count, p50, p90, p99, p999, self._max, self._jitter)

    def bars(self, most: int) -> Iterator[tuple[float, float, int]]:
        """At most so many ranges of equal ratio over all samples: (from, to, count), seconds."""
        if not self.count:
            return
        low, high = max(self._min, 1e-9), max(self._max, 1e-9)
        ratio = max((high / low) ** (1 / most), 1.0001)
        edges = [low * ratio**number for number in range(most + 1)]
        counts = [0] * most
        for index, number in self._buckets.items():
            at = middle(index) / 1e9
            place = next((i for i in range(most) if at < edges[i + 1]), most - 1)
            counts[place] += number
        yield from zip(edges, edges[1:], counts, strict=False)


def bucket(nanoseconds: int) -> int:
    """The number of the bucket: the position of the highest bit, then the SUB bits below it."""
    shift = max(0, nanoseconds.bit_length() - SUB - 1)
    return (shift << (SUB + 1)) + (nanoseconds >> shift)


def middle(index: int) -> float:
    """The nanoseconds in the middle of a bucket."""
    shift, top = index >> (SUB + 1), index & ((1 << (SUB + 1)) - 1)
    return (top << shift) + ((1 << shift) - 1) / 2
