"""The Date field (RFC 5322 3.3, obsolete forms 4.3): `Fri, 21 Nov 1997 09:55:06 -0600`.

Taken as well: no weekday or a wrong one, full names of months, no seconds, one digit where two are due, dots in the
time, years of two and three digits, comments, alphabetic zones, no zone. A date that no calendar has is None.
`email.utils.parsedate_to_datetime` loads `email`, at 17 ms.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from netkit.mail.header_comment import without_comments
from netkit.mail.header_text import unfold

if TYPE_CHECKING:
    from datetime import datetime

MAX_LENGTH = 1000  # bytes of a field that are looked at; a date has about 40, comments may stand in it

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Hours from UTC (RFC 5322 4.3). All other names are as good as unknown, also the military letters: they were
# specified the wrong way round in RFC 822, so -0000 is meant.
_ZONES = {"edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7, "pst": -8}


def date(raw: bytes) -> "datetime | None":
    """With the sender's offset from UTC; a time in an unknown zone is taken as UTC."""
    text = without_comments(unfold(raw[:MAX_LENGTH])).decode("latin-1")
    found = _date().match(text)
    if not found:
        return None
    from datetime import datetime, timedelta, timezone  # 1 ms, only for those who want a date

    day, month, year_text, hour, minute, second, sign, zone_hour, zone_minute, zone = found.groups()
    year = int(year_text)
    if len(year_text) == 2:
        year += 2000 if year < 50 else 1900
    elif len(year_text) == 3:
        year += 1900
    if sign:
        if int(zone_minute) > 59:
            return None
        minutes = int(zone_hour) * 60 + int(zone_minute)
        offset = timedelta(minutes=-minutes if sign == "-" else minutes)
    else:
        offset = timedelta(hours=_ZONES.get((zone or "").lower(), 0))
    leap = second == "60"  # the same second as the next one in POSIX time
    try:
        moment = datetime(
            year,
            _MONTHS.index(month.lower()) + 1,
            int(day),
            int(hour),
            int(minute),
            59 if leap else int(second or 0),
            tzinfo=timezone(offset),
        )
        return moment + timedelta(seconds=leap)
    except (ValueError, OverflowError):
        return None


@cache
def _date() -> re.Pattern[str]:
    return re.compile(
        r"\s*(?:[a-z]+\.?\s*,?\s*)?"
        rf"([0-9]{{1,2}})[\s-]+({'|'.join(_MONTHS)})[a-z]*\.?[\s-]+([0-9]{{2,4}})(?![0-9]),?"
        r"\s+([0-9]{1,2})\s*[:.]\s*([0-9]{1,2})(?:\s*[:.]\s*([0-9]{1,2}))?(?![0-9])"
        r"(?:\s*(?:GMT|UTC?)?\s*([+-])([0-9]{2}):?([0-9]{2})(?![0-9])|\s+([a-z]+)|\s*$|(?=\s))",
        re.IGNORECASE | re.ASCII,
    )
