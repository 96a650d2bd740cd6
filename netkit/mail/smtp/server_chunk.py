"""A BDAT as it comes in (RFC 3030 section 2): SIZE [LAST], then so many bytes, which are read even when it is refused,
for what stands in them is no command."""

import re
from dataclasses import dataclass

_BDAT = re.compile(r"([0-9]{1,20})( LAST)?", re.IGNORECASE)


@dataclass(slots=True)
class Chunk:
    """left: how many bytes are still to come. refusal: the answer when it is not taken."""

    left: int
    last: bool
    refusal: str = ""


def read_bdat(text: str) -> Chunk | None:
    """What the command announces, None when that cannot be told."""
    found = _BDAT.fullmatch(text)
    return Chunk(int(found[1]), bool(found[2])) if found else None
