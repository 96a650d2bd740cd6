"""Who may come in: how many at once, how many from one host, how often; and the log of those who may not.

A refusal is never silent, and a flood of them never floods the log: the first of a reason is reported at once, those
of the next second in sum.
"""

from collections.abc import Callable

from netkit.net.loop import Loop

SUM_SECONDS = 1.0
MOST_HOSTS = 65536  # with a bucket of their own; above it the oldest are forgotten, which errs for the client

OnRefused = Callable[[str, str, str, int], None]  # reason, transport, peer, how many


class Gate:
    """max_conns, per_host: connections at once. rate: connections, or datagrams, a second from one host; burst: the
    seconds' worth of them that may come at once."""

    def __init__(self, max_conns: int, per_host: int | None, rate: float | None, *, burst: float = 1.0) -> None:
        self.max_conns = max_conns
        self.per_host = per_host
        self.rate = rate
        self._burst = burst
        self.open = 0
        self._hosts: dict[str, int] = {}
        self._buckets: dict[object, tuple[float, float]] = {}  # host: (tokens, when)

    def enter(self, host: str, now: float) -> str | None:
        """Let a connection in, or say why not. host: "" (a unix socket) counts for the total alone."""
        if self.open >= self.max_conns:
            return "max_conns"
        if host:
            if self.per_host is not None and self._hosts.get(host, 0) >= self.per_host:
                return "per_host"
            if not self.passes(host, now):
                return "rate"
        self.admit(host)
        return None

    def admit(self, host: str) -> None:
        """Count one that is in already."""
        self.open += 1
        if host:
            self._hosts[host] = self._hosts.get(host, 0) + 1

    def leave(self, host: str) -> None:
        self.open -= 1
        if host:
            left = self._hosts[host] - 1
            if left:
                self._hosts[host] = left
            else:
                del self._hosts[host]

    def passes(self, host: object, now: float) -> bool:
        """Whether this one is within the rate: a token bucket that holds `burst` seconds' worth, and at least one."""
        if self.rate is None:
            return True
        most = max(self.rate * self._burst, 1.0)
        tokens, when = self._buckets.pop(host, (most, now))  # taken out and put back: the dict stays in order of use
        tokens = min(most, tokens + (now - when) * self.rate)
        if len(self._buckets) >= MOST_HOSTS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[host] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1


class Refusals:
    """Counts refusals and reports them, in sum where they are many."""

    def __init__(self, loop: Loop, count: Callable[[str, int], None], report: OnRefused) -> None:
        self._loop = loop
        self._count = count
        self._report = report
        self._sums: dict[tuple[str, str], tuple[int, str]] = {}

    def add(self, reason: str, transport: str, peer: str, number: int = 1) -> None:
        self._count(reason, number)
        key = (reason, transport)
        if key in self._sums:
            self._sums[key] = (self._sums[key][0] + number, peer)
            return
        self._sums[key] = (0, "")
        self._report(reason, transport, peer, number)
        self._loop.later(SUM_SECONDS, lambda: self._sum_up(key))

    def _sum_up(self, key: tuple[str, str]) -> None:
        number, peer = self._sums.pop(key)
        if number:
            self._report(*key, peer, number)

    def flush(self) -> None:
        """Report what is left, at the end."""
        for key in list(self._sums):
            self._sum_up(key)
