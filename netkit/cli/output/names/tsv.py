"""`resolve --tsv --fields NAME,...`: a line a record, a column a field, tabs between, no heading.

name, type, class, ttl and data are the record's; the other fields are those of the JSON object, and the same on each
line of a question. A question without an answer has one line too, with the name and the type that were asked. Several
values of a field have a space between them; nothing is an empty column. Backslash, tab and line end are written \\\\,
\\t, \\n and \\r in what is somebody else's words (WORDS); the other fields cannot have them raw.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from netkit.cli.output.names.resolve import KEYS, complain, documents
from netkit.dns.lookup import Lookup
from netkit.errors import BadInput

OF_RECORD = ("name", "type", "class", "ttl", "data")
FIELDS = (*OF_RECORD, *(key for key in KEYS if key not in ("answers", "addresses", *OF_RECORD)))
DEFAULT = ("input", "name", "ttl", "type", "data", "outcome", "server")
WORDS = ("input", "ede", "nsid", "notes", "rejected", "error")
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Table(NamedTuple):
    """A Lookup, and the fields that are shown of it."""

    found: Lookup
    fields: Sequence[str]


def parse_fields(text: str | None) -> tuple[str, ...]:
    """The fields that the user named. Raises BadInput for one that there is not."""
    if text is None:
        return DEFAULT
    names = tuple(name.strip().lower() for name in text.split(","))
    for name in names:
        if name not in FIELDS:
            close = get_close_matches(name, FIELDS, 1)
            hint = f"did you mean {close[0]}?" if close else f"the fields are {', '.join(FIELDS)}"
            raise BadInput(f"--fields: there is no field {name[:40]!r}", hint=hint)
    return names


def plain(table: Table) -> Iterable[str]:
    """One line a record; lines that are the same, as of an alias that two types share, once."""
    complain(table.found)
    return list(dict.fromkeys(row for document in documents(table.found) for row in rows(document, table.fields)))


def rows(document: Mapping[str, Any], fields: Sequence[str]) -> Iterator[str]:
    """The lines of one question, as JSON has it."""
    for record in document["answers"] or [{"name": document["name"], "type": document["type"]}]:
        values = {**document, "ttl": None, "data": None, **record}
        yield "\t".join([_cell(values[field], field in WORDS) for field in fields])


def _cell(value: Any, words: bool) -> str:
    if isinstance(value, dict) and "message" in value:
        value = value["message"]
    if isinstance(value, dict) and "chain" in value:  # of a validation, which is a tree
        value = value["verdict"]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return " ".join(_cell(one, words) for one in value if one not in (None, ""))
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text.translate(ESCAPES) if words else text
