"""How many questions may be on their way to a server, and how many a second to all of them."""

FIRST = 100  # questions in flight at the start
LEAST = 4
MOST = 1024  # 34,000 questions a second at 30 ms; more than that at once, and servers lose some
LOSS = 0.02  # the share of lost questions that halves the window
STEP = 8  # added for each window without much loss
BURST = 0.05  # seconds' worth of tokens that may be spent at once


class Window:
    """Additive increase, multiplicative decrease, as TCP's congestion control (RFC 5681), which doubles at first.

    size: how many questions may be in flight. fixed: that many, whatever is lost. limit: what the sockets' receive
    buffers hold: replies that they cannot take are lost without a word.
    """

    def __init__(self, fixed: int | None = None, limit: int = MOST) -> None:
        self.fixed = fixed
        self.limit = max(LEAST, min(limit, MOST))
        self.size = fixed or min(FIRST, self.limit)
        self.doubles = True
        self.good = self.lost = 0

    def answered(self, count: int, in_flight: int) -> None:
        self.good += count
        if self.good + self.lost >= self.size:
            self._turn(in_flight)

    def missed(self, count: int, in_flight: int) -> None:
        """So many had no reply in time, or a refusal."""
        self.lost += count
        if self.good + self.lost >= self.size or self.lost > max(1.0, LOSS * self.size):
            self._turn(in_flight)

    def _turn(self, in_flight: int) -> None:
        """A window's worth of questions is over."""
        share = self.lost / (self.good + self.lost)
        used = in_flight * 2 >= self.size  # one that is not filled tells nothing about a larger one
        if not self.good:  # nobody is there, so nobody is asked too much; a few at a time would take for ever
            self._set(min(self.size, FIRST))
        elif self.lost > 1 and share > LOSS:
            self.doubles = False
            self._set(self.size // 2)
        elif used:
            self._set(self.size * 2 if self.doubles else self.size + STEP)
        self.good = self.lost = 0

    def _set(self, size: int) -> None:
        if not self.fixed:
            self.size = max(LEAST, min(size, self.limit))


class Bucket:
    """A token bucket: at most `rate` queries a second, with bursts of BURST seconds."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self.most = max(1.0, rate * BURST)
        self.tokens = 1.0
        self.at = now

    def available(self, now: float) -> int:
        self.tokens = min(self.most, self.tokens + (now - self.at) * self.rate)
        self.at = now
        return int(self.tokens)

    def spend(self, count: int) -> None:
        self.tokens -= count

    def wait(self) -> float:
        """Seconds until there is a token."""
        return max(0.0, (1.0 - self.tokens) / self.rate)
