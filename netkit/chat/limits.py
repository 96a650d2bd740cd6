"""What one client may do, and for how much of it everybody pays: each limit with its name and why it is there."""

from typing import NamedTuple

MAX_CLIENTS = 10_000
PER_ADDRESS = 100  # connections at once from one host; loopback is exempt
ACCEPT_RATE = 2.0  # new connections a second from one host
ACCEPT_BURST = 10.0  # seconds of that at once: 20
RATE = 10.0  # lines a second, with a burst of twice that
COST = 512  # bytes that count as another line
WARN_AFTER = 5.0  # seconds that a line has waited before its sender is told why
MAX_ROOMS = 1000
NICK = 16  # characters
ROOM = 32
GOODBYE = 5.0  # seconds that a closing client has for what waits for it
HANDSHAKE_SECONDS = 10.0  # of TLS
PASSWORD_SECONDS = 10.0
PASSWORD_TRIES = 3
DIGEST = 50  # comings and goings a second in a room, above which they are told in sum
DIGEST_LINES = 50_000  # lines a second that telling them one by one may come to: of 5,000 clients everybody hears of 10


class Limits(NamedTuple):
    """rate: lines a second, None for any. idle: seconds without a line, None for any. skip: who falls behind loses
    lines, else its connection. sendq: bytes of a room that one may be behind. flush: seconds between two flushes."""

    max_line: int = 4096
    rate: float | None = RATE
    idle: float | None = None
    skip: bool = False
    sendq: int = 1024 * 1024
    flush: float = 0.002
    history: int = 1000
    replay: int = 0
    notices: str = "all"


class Bucket:
    """A token bucket: `rate` a second, twice as many at once."""

    __slots__ = ("_most", "_rate", "_tokens", "_when")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = 2 * rate
        self._tokens = self._most
        self._when = now

    def take(self, cost: float, now: float) -> float:
        """0.0 when it is taken, else the seconds until it can be."""
        self._tokens = min(self._most, self._tokens + (now - self._when) * self._rate)
        self._when = now
        if self._tokens > 0:  # a line that costs much is let in, and paid for by those behind it
            self._tokens -= cost
            return 0.0
        return max(0.01, -self._tokens / self._rate)
