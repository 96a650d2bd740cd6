"""Whether a failed attempt is made again, and after how long. Pure: the clock and chance are handed in.

Made again: answers that say "later" (`on`), and what breaks on the way: no connection, a reset, an empty reply, a
body cut short, a phase that took too long. Not what stays as it is: a refusal, a bad certificate, a malformed answer,
this machine. Retry-After is what the server wants and so is kept to; else the pause doubles from half a second, each
by chance up to half shorter, so that clients that failed together do not come back together. A pause that would end
after `max_time`, counted from the first attempt, or after the deadline, is not begun.
"""

from typing import NamedTuple

from netkit.errors import NetkitError, PeerError, TimedOut, Unreachable
from netkit.http.resume import moment
from netkit.net.hop import Head

BASE, CAP = 0.5, 60.0  # seconds: the first pause and the longest, without Retry-After
STATUSES = frozenset({408, 429, 500, 502, 503, 504})
BROKEN = frozenset({"truncated", "short_range"})  # the kinds of PeerError that another attempt may not meet


class Retry(NamedTuple):
    """How often, on which statuses, and for how many seconds in all."""

    times: int = 0
    on: frozenset[int] = STATUSES
    max_time: float = 120.0


class Again(NamedTuple):
    """An attempt that failed, and the pause behind it. held: bytes of the file that were there then."""

    error: NetkitError
    status: int | None
    pause: float
    held: int | None


class GiveUp(NamedTuple):
    """Why there is no further attempt, in words for a hint; empty where there is nothing to say."""

    why: str = ""


def decide(
    retry: Retry,
    error: NetkitError | None,
    head: Head | None,
    *,
    made: int,
    elapsed: float,
    left: float,
    chance: float,
    now: float,
) -> float | GiveUp:
    """Seconds until the next attempt, or why there is none.

    error: None while the answer is being read. made: attempts so far. elapsed: seconds since the first began. left:
    until the deadline. chance: 0 to 1. now: seconds since 1970, for a Retry-After that is a date in an answer that has
    none.
    """
    if made > retry.times or left <= 0 or not is_passing(retry, error, head):
        return GiveUp()
    wanted = retry_after(head, now) if head else None
    pause = min(CAP, BASE * 2.0 ** min(made - 1, 60)) * (1 - chance / 2) if wanted is None else wanted
    named = f"Retry-After: {wanted:.0f} s" if wanted is not None else f"the next pause of {pause:.0f} s"
    if elapsed + pause > retry.max_time:
        return GiveUp(f"{named} goes beyond --retry-max-time {retry.max_time:g}s")
    if pause >= left:
        return GiveUp(f"{named} goes beyond --timeout")
    return pause


def is_passing(retry: Retry, error: NetkitError | None, head: Head | None) -> bool:
    """Whether another attempt may meet something else."""
    judged = error is None or error.kind == "check_failed" or (head and error.kind == f"http_{head.status}")
    if judged and head is not None and head.status in retry.on:
        return True
    return isinstance(error, Unreachable | TimedOut) or (isinstance(error, PeerError) and error.kind in BROKEN)


def retry_after(head: Head, now: float) -> float | None:
    """Seconds, of a number or a date (RFC 9110 10.2.3), which counts from the answer's own Date; None without."""
    text = (head.get("retry-after") or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    if (then := moment(text) if text else None) is None:
        return None
    said = moment(head.get("date") or "")
    return max(0.0, then - (now if said is None else said))
