"""Checks that a reply is asked to pass: its status, headers, body, and how long it took; their text and their verdict.

    Checks(status=parse_status("200,3xx"), headers=(parse_expected_header("etag: W/"),), body=(...), slo=parse_slo(...))

A check on the status takes the place of the usual judgement: what is expected is no failure, whatever it is, and what
is not is one. A reply that did not come to its end is not checked: why it did not is the error. What a user's regular
expression is tried on is bounded in length and in time, since some take for ever on a text that a hostile server
makes. Not here: values within JSON (jq has them).
"""

import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from netkit.errors import BadInput
from netkit.net.hop import PHASES, Head, HopResult

MAX_SEARCHED = 1024 * 1024  # bytes of a body that an expression is tried on; more is what --output and grep are for
SEARCH_SECONDS = 1.0  # that one expression may take: a plain one reads a megabyte in a hundredth of that
MAX_SHOWN = 60  # characters of a value in a line about it

SPANS = ("total", "ttfb", *PHASES)
_STATUS = re.compile(r"[1-9][0-9][0-9]|[1-9]xx", re.IGNORECASE)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Check(NamedTuple):
    """One check and what came of it. ok: None when the reply did not come so far. found: None for nothing there."""

    check: str  # "status", "header", "body", "slo"
    wanted: str
    found: str | None
    ok: bool | None

    @property
    def message(self) -> str:
        """What holds or does not, in words."""
        name, _, limit = self.wanted.partition("=" if self.check == "slo" else ":")
        what = {"slo": name, "header": name}.get(self.check, f"the {self.check}")
        if self.ok is None:
            return f"{what} was not checked"
        if self.check == "slo":
            return f"{name} took {self.found}, " + (f"within {limit}" if self.ok else f"the limit is {limit}")
        if self.check == "body":
            how = "has" if self.ok else "has no"
            return f"the body {how} match of {self.wanted}" + (f": {self.found}" if self.found else "")
        if self.found is None:
            return f"there is no header {name}"
        found = self.found[:MAX_SHOWN] + "…" * (len(self.found) > MAX_SHOWN)
        wanted = limit.strip() if self.check == "header" else self.wanted
        return f"{what} is {found}" + ("" if self.ok else f", not {wanted} as expected")


class ExpectedHeader(NamedTuple):
    name: str
    pattern: "re.Pattern[str] | None"  # None: any value

    def __str__(self) -> str:
        return self.name + (f": {self.pattern.pattern}" if self.pattern else "")


@dataclass(frozen=True, slots=True)
class Checks:
    """status: codes and classes, "200" and "3xx". slo: (phase, seconds)."""

    status: tuple[str, ...] = ()
    headers: tuple[ExpectedHeader, ...] = ()
    body: "tuple[re.Pattern[str], ...]" = ()
    slo: tuple[tuple[str, float], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.status or self.headers or self.body or self.slo)

    def accepts(self, status: int) -> bool | None:
        """Whether the status is one of those expected; None when nothing was said of it."""
        return any(str(status) == one or one == f"{status // 100}xx" for one in self.status) if self.status else None

    def reply(self, head: Head, body: bytes, *, continued: bool = False) -> Iterator[Check]:
        """Those about what came.

        body: its first MAX_SEARCHED decoded bytes. continued: a 206 or 416 that netkit asked for, as good as a 200.
        """
        if self.status:
            ok = self.accepts(head.status) or (continued and self.accepts(200))
            yield Check("status", " or ".join(self.status), str(head.status), ok)
        for header in self.headers:
            yield _header(header, head.all(header.name))
        if self.body:
            from netkit.http.text import read

            found = read(body, head.get("content-type") or "", cut=True)
            text = found.text if found else body.decode("latin-1")
            for pattern in self.body:
                ok, why = search(pattern, text)
                yield Check("body", pattern.pattern, why, ok)

    def time(self, hops: Sequence[HopResult]) -> Iterator[Check]:
        for name, limit in self.slo:
            taken = span(name, hops)
            yield Check("slo", _slo(name, limit), f"{taken:.1f} ms", taken <= limit * 1000)

    def skipped(self) -> Iterator[Check]:
        """All of them, for a reply that did not come to its end."""
        if self.status:
            yield Check("status", " or ".join(self.status), None, None)
        yield from (Check("header", str(header), None, None) for header in self.headers)
        yield from (Check("body", pattern.pattern, None, None) for pattern in self.body)
        yield from (Check("slo", _slo(name, limit), None, None) for name, limit in self.slo)


def _header(wanted: ExpectedHeader, values: Sequence[str]) -> Check:
    shown = ", ".join(values) if values else None
    if wanted.pattern is None or not values:
        return Check("header", str(wanted), shown, bool(values))
    for value in values:
        ok, why = search(wanted.pattern, value)
        if ok or why:
            return Check("header", str(wanted), why or shown, ok)
    return Check("header", str(wanted), shown, False)


def _slo(name: str, seconds: float) -> str:
    return f"{name}={seconds:g}s" if seconds >= 1 else f"{name}={seconds * 1000:g}ms"


def span(name: str, hops: Sequence[HopResult]) -> float:
    """Milliseconds of a phase over all hops; ttfb is all until the last reply's first byte."""
    if name == "ttfb":
        return sum(hop.timings.total for hop in hops) - (hops[-1].timings.body or 0.0 if hops else 0.0)
    return sum(getattr(hop.timings, name) or 0.0 for hop in hops)


class _TooLong(BaseException):
    """An expression takes too long; no Exception, so that nothing between here and there takes it for its own."""


def search(pattern: "re.Pattern[str]", text: str) -> tuple[bool, str | None]:
    """Whether it is found within SEARCH_SECONDS, and why it cannot be said."""
    try:
        with _limited(SEARCH_SECONDS):
            return pattern.search(text) is not None, None
    except _TooLong:
        return False, f"it took more than {SEARCH_SECONDS:g} s"


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise _TooLong after so long. Python's expressions look for signals while they run, which alone can stop them.

    In other threads than the main one, or where somebody uses the alarm, there is no limit but the length.
    """

    def stop(*_: object) -> None:
        raise _TooLong

    if signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return
    try:
        before: Any = signal.signal(signal.SIGALRM, stop)
    except ValueError:
        yield
        return
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def parse_status(text: str) -> tuple[str, ...]:
    """`200,3xx`. Raises BadInput."""
    found = tuple(word.strip().lower() for word in text.split(","))
    for word in found:
        if not _STATUS.fullmatch(word):
            raise BadInput(
                f"--expect-status {text[:60]!r}: {word[:20]!r} is neither a status nor a class",
                hint="write 200,204 or 2xx",
            )
    return found


def parse_expected_header(text: str) -> ExpectedHeader:
    """`Name: REGEX`, or `Name:` for any value. Raises BadInput."""
    name, colon, pattern = text.partition(":")
    if not colon or not _TOKEN.fullmatch(name):
        raise BadInput(f"--expect-header {text[:60]!r} is not 'NAME: REGEX'", hint="write 'Content-Type: ^text/'")
    return ExpectedHeader(name, parse_pattern(pattern.strip(), "--expect-header") if pattern.strip() else None)


def parse_pattern(text: str, option: str = "--expect-body") -> "re.Pattern[str]":
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as exc:
        raise BadInput(f"{option} {text[:60]!r} is no regular expression: {exc}") from exc


def parse_slo(text: str, duration: Callable[[str], float]) -> tuple[tuple[str, float], ...]:
    """`total=500ms,ttfb=200ms`. duration: reads one. Raises BadInput, and what `duration` raises."""
    found: list[tuple[str, float]] = []
    for word in text.split(","):
        name, equals, limit = word.strip().partition("=")
        if not equals or name not in SPANS:
            raise BadInput(
                f"--slo {word.strip()[:40]!r} is not PHASE=DURATION", hint=f"the phases are {', '.join(SPANS)}"
            )
        found.append((name, duration(limit)))
    return tuple(found)
