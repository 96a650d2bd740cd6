"""Dates as they come; the standard library's word on those that are well formed."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.mail.header_date import date

SAME = [
    "Fri, 21 Nov 1997 09:55:06 -0600",  # RFC 5322 A.1.1
    "Tue, 1 Jul 2003 10:52:37 +0200",
    "21 Nov 97 09:55:06 GMT",  # A.6.2
    "Thu,\r\n 13\r\n  Feb\r\n 1969\r\n 23:32\r\n -0330 (Newfoundland Time)",  # A.5
    "1 Jan 2024 10:00:00 EST",
    "1 Jan 2024 10:00:00 PDT",
    "29 Feb 2024 23:59:59 +1400",
]
CASES = [
    # RFC 5322 A.6.3: comments and white space in odd places
    ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00"),
    ("(a (b) \\) c) 1 Jan 2024 10:00:00 +0200 (CEST (x))", "2024-01-01T10:00:00+02:00"),
    ("1 Jan 2024 10:00:00 +0200 (never ends", "2024-01-01T10:00:00+02:00"),
    ("Sun, 1 Jan 2024 10:00:00 +0200", "2024-01-01T10:00:00+02:00"),  # it was a Monday
    ("Mon 1 Jan 2024 10:00:00 +0200", "2024-01-01T10:00:00+02:00"),
    ("MONDAY, 01 JANUARY 2024 10:00:00 +0200", "2024-01-01T10:00:00+02:00"),
    ("1 Jan 2024 10:00 +0200", "2024-01-01T10:00:00+02:00"),
    ("01-Jan-24 1:2:3 +01:00", "2024-01-01T01:02:03+01:00"),
    ("1 Jan 2024 10.00.01 +0200", "2024-01-01T10:00:01+02:00"),
    ("1 Jan 2024 10:00:00+0200", "2024-01-01T10:00:00+02:00"),
    ("1 Jan 2024 10:00:00 GMT+0200", "2024-01-01T10:00:00+02:00"),
    # Zones
    ("1 Jan 2024 10:00:00 -0000", "2024-01-01T10:00:00+00:00"),
    ("1 Jan 2024 10:00:00 UT", "2024-01-01T10:00:00+00:00"),
    ("1 Jan 2024 10:00:00 z", "2024-01-01T10:00:00+00:00"),
    ("1 Jan 2024 10:00:00 A", "2024-01-01T10:00:00+00:00"),
    ("1 Jan 2024 10:00:00 CEST", "2024-01-01T10:00:00+00:00"),
    ("1 Jan 2024 10:00:00 edt", "2024-01-01T10:00:00-04:00"),
    ("1 Jan 2024 10:00:00", "2024-01-01T10:00:00+00:00"),
    ("1 Jan 2024 10:00", "2024-01-01T10:00:00+00:00"),
    # Years
    ("1 Jan 49 10:00:00 GMT", "2049-01-01T10:00:00+00:00"),
    ("1 Jan 50 10:00:00 GMT", "1950-01-01T10:00:00+00:00"),
    ("1 Jan 103 10:00:00 GMT", "2003-01-01T10:00:00+00:00"),
    # A leap second is the next second
    ("Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00+00:00"),
    ("31 Dec 9999 23:59:60 +0000", None),
    # Not in a calendar, not on a clock
    ("30 Feb 2024 10:00:00 +0000", None),
    ("29 Feb 2023 10:00:00 +0000", None),
    ("0 Jan 2024 10:00:00 +0000", None),
    ("1 Jan 0000 10:00:00 +0000", None),
    ("1 Jan 2024 24:00:00 +0000", None),
    ("1 Jan 2024 10:60:00 +0000", None),
    ("1 Jan 2024 10:00:61 +0000", None),
    ("1 Jan 2024 10:00:00 +2400", None),
    ("1 Jan 2024 10:00:00 +0060", None),
    ("1 Jan 20245 10:00:00 +0000", None),
    ("1 Foo 2024 10:00:00 +0000", None),
    ("٣ Jan 2024 10:00:00 +0000", None),
    ("2024-01-01T10:00:00Z", None),
    ("1 Jan 2024", None),
    ("Monday", None),
    ("(", None),
    ("", None),
]


@pytest.mark.parametrize("text", SAME)
def test_second_opinion(text: str) -> None:
    assert date(text.encode()) == parsedate_to_datetime(text)


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_dates(text: str, expected: str | None) -> None:
    found = date(b" " + text.encode() + b"\r\n")
    assert (found and found.isoformat()) == expected


@pytest.mark.parametrize("text", SAME + [text for text, _ in CASES])
def test_every_truncation_and_every_byte_changed(text: str) -> None:
    raw = text.encode()
    for place in range(len(raw) + 1):
        for piece in (raw[:place], raw[place:], raw[:place] + b"\xff" + raw[place:], raw[:place] + b"9" + raw[place:]):
            found = date(piece)
            assert found is None or found.utcoffset() is not None


@settings(deadline=None)
@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    date(raw)


@settings(deadline=None)
@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_what_the_standard_library_writes(moment: datetime) -> None:
    assert date(format_datetime(moment).encode()) == moment.replace(microsecond=0)
