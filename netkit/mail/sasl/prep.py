"""SASLprep (RFC 4013): the one form of a name or password that both sides hash.

Unassigned code points pass, as in a query (RFC 3454 section 7): the tables end at Unicode 3.2, so a newer emoji is one
of them, and a server that forbids them has no such password anyway. Loaded late: the tables cost 3 ms of CPU.
"""

import stringprep
import unicodedata
from unicodedata import ucd_3_2_0

from netkit.errors import BadInput

_FORBIDDEN = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(what: str, text: str) -> str:
    """The prepared text. Raises BadInput, which names `what` and not the text: it may be a password."""
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(one) else one for one in text if not stringprep.in_table_b1(one)
    )  # fmt: skip
    prepared = ucd_3_2_0.normalize("NFKC", mapped)
    for one in prepared:
        if any(table(one) for table in _FORBIDDEN):
            name = unicodedata.name(one, "a control character")
            raise BadInput(f"the {what} holds U+{ord(one):04X} ({name}), which SASLprep forbids (RFC 4013 section 2.3)")
    if any(map(stringprep.in_table_d1, prepared)):  # RFC 3454 section 6
        ends = all(map(stringprep.in_table_d1, (prepared[0], prepared[-1])))
        if not ends or any(map(stringprep.in_table_d2, prepared)):
            raise BadInput(f"the {what} mixes writing directions as SASLprep forbids (RFC 4013 section 2.4)")
    return prepared
