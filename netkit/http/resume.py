"""Whether a part can be continued, and what the answer to that means. Pure: no file, no network, no clock.

A part is continued only where it is shown to be of the same file: the request says If-Range (RFC 9110 13.1.5) with
what the server said of the file when the part began, a strong ETag or else a Last-Modified older than that answer, and
the answer is held to it; or a checksum will tell in the end. Every answer has one meaning:

    206 from where the part ends     append; another place, another size or no Content-Range is an error
    206 with another ETag or date    the server does not know If-Range, and the file has changed: begin anew
    200                              begin anew: it has changed, or the server does not continue
    416 with the part's own size     whole already; another size is an error, and the part stays as it is
    anything else                    nothing about the part
"""

import re
from typing import NamedTuple, TypeAlias

from netkit.errors import PeerError
from netkit.net.hop import Head

ANEW = "without -c it is fetched anew"
_CONTENT_RANGE = re.compile(r"bytes\s+(?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18}|\*)", re.IGNORECASE)
_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,64}")
_OF_SIZE = re.compile(r"[0-9]{1,18}")


class Seen(NamedTuple):
    """What a server said of a file. date_is_strong: Last-Modified was over when it was said (RFC 9110 8.8.2.2)."""

    etag: str | None = None
    last_modified: str | None = None
    date_is_strong: bool = False
    total: int | None = None  # its size in bytes
    encoded: bool = False  # what came was in a coding, and the part holds it decoded

    @property
    def validator(self) -> str | None:
        """For If-Range.

        The date also beside a weak ETag, where RFC 9110 wants neither: servers that stream files with weak tags alone
        (Express) compare the date, and the tag is compared here, when the answer has come.
        """
        if self.encoded:
            return None
        if self.etag and _STRONG.fullmatch(self.etag):
            return self.etag
        date = self.last_modified
        return date if date and self.date_is_strong and _PRINTABLE.fullmatch(date) else None


class Part(NamedTuple):
    """What is here: the first `size` bytes of what was seen. checked: a checksum of the whole will be compared."""

    size: int
    seen: Seen = Seen()
    checked: bool = False


class Append(NamedTuple):
    """The body is bytes `start` to `end`, which is not included, of `total`; a server may send less than is left."""

    start: int
    end: int
    total: int


class Restart(NamedTuple):
    """The part is of no use. again: this answer neither, the file must be asked for anew without Range."""

    why: str
    again: bool = False


class Whole(NamedTuple):
    """All of it is here."""


class Other(NamedTuple):
    """The answer says nothing about the part: a failure, which has its own meaning."""


Meaning: TypeAlias = Append | Restart | Whole | Other


def seen(head: Head) -> Seen:
    """What the head of a 200 says of the file."""
    length = head.get("content-length")
    return Seen(
        etag=head.get("etag"),
        last_modified=head.get("last-modified"),
        date_is_strong=_is_older(head.get("last-modified"), head.get("date")),
        total=int(length) if length and _OF_SIZE.fullmatch(length) else None,
        encoded=bool(head.get("content-encoding")),
    )


def ask(part: Part) -> tuple[tuple[str, str], ...] | None:
    """The headers that ask for the rest; None when the part cannot be continued."""
    if part.size <= 0 or part.seen.encoded:
        return None
    wanted = ("Range", f"bytes={part.size}-")
    if validator := part.seen.validator:
        return wanted, ("If-Range", validator)
    return (wanted,) if part.checked else None


def decide(part: Part, head: Head) -> Meaning:
    """What the answer to `ask` means. Raises PeerError for one that fits no part."""
    if head.status == 206:
        return _partial(part, head)
    if head.status == 416:
        return _unsatisfied(part, head)
    if 200 <= head.status < 300 and head.status not in (204, 205):
        return Restart("the file has changed" if _changed(part.seen, head) else "the server does not continue files")
    return Other()


def _partial(part: Part, head: Head) -> Meaning:
    if _changed(part.seen, head):
        return Restart("the file has changed", again=True)
    ranges = head.all("content-range")
    found = _CONTENT_RANGE.fullmatch(ranges[0].strip()) if len(ranges) == 1 else None
    if found is None or found[1] is None:
        said = f"with Content-Range {ranges[0][:60]!r}" if ranges else "without Content-Range"
        raise _mismatch(f"206 {said}: nobody knows which bytes these are")
    if head.get("content-encoding"):
        raise _mismatch("206 in a coding that the part does not have")
    start, end = int(found[1]), int(found[2]) + 1
    total = None if found[3] == "*" else int(found[3])
    if start != part.size:
        raise _mismatch(f"206 with bytes from {start}, not from {part.size} as asked")
    known = part.seen.total
    if total is not None and known is not None and total != known:
        raise _mismatch(f"206 of a file of {total} bytes, it was one of {known}")
    total = known if total is None else total
    if total is None:
        raise _mismatch(f"206 with {found[0]!r}: nobody knows how long the file is")
    if end <= start or end > total:
        raise _mismatch(f"206 with the impossible range {found[0]!r}")
    length = head.get("content-length")
    if length is not None and _OF_SIZE.fullmatch(length) and int(length) != end - start:
        raise _mismatch(f"206 with {length} bytes for the range {found[0]!r}")
    return Append(start, end, total)


def _unsatisfied(part: Part, head: Head) -> Meaning:
    found = _CONTENT_RANGE.fullmatch((head.get("content-range") or "").strip())
    if found is None or found[1] is not None or found[3] == "*":
        raise _mismatch(f"416, there is nothing from byte {part.size} on, and not how long the file is")
    if _changed(part.seen, head):
        return Restart("the file has changed", again=True)
    if int(found[3]) != part.size:
        raise _mismatch(f"416, the file has {found[3]} bytes, and {part.size} are here already")
    if part.seen.total is not None and part.seen.total != part.size:
        raise _mismatch(f"416, the file has {found[3]} bytes, it was one of {part.seen.total}")
    return Whole()


def _changed(before: Seen, head: Head) -> bool:
    """Whether the answer names another version than the part is of; what one of them does not say is no difference."""
    tag = head.get("etag")
    if before.etag and tag:
        return before.etag.removeprefix("W/") != tag.removeprefix("W/")
    date = head.get("last-modified")
    return bool(before.last_modified and date and before.last_modified != date)


def _is_older(modified: str | None, date: str | None) -> bool:
    if not modified or not date:
        return False
    first, second = moment(modified), moment(date)
    return first is not None and second is not None and first < second


def moment(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date (RFC 9110 5.6.7); None where it is none."""
    from datetime import UTC
    from email.utils import parsedate_to_datetime  # takes the three formats of HTTP, and more

    try:
        found = parsedate_to_datetime(text[:64])
    except (ValueError, OverflowError, IndexError, TypeError):  # no date, one out of range, what trips up the parser
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _mismatch(words: str) -> PeerError:
    return PeerError(words, kind="resume", hint=ANEW)
