"""`resolve -i`: a JSON object, a line of columns or the data for each question, written a batch at a time.

JSON: the keys of `resolve --json`; name and display are null where the line is no name. Columns: the input, type,
outcome, and the data of each record, tabs between; backslash and tab in the input are written \\\\ and \\t. --short:
the data alone, a line each, and nothing for a question without an answer. --tsv and --zone: as of `tsv` and `zone`.

The usual results are put between the pieces of what json writes of the first of their kind: 1 us instead of 15. Only
names and data of which every character is harmless go there, so the bytes are the same.
"""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from netkit.cli.output.names.resolve import documents
from netkit.cli.output.names.tsv import ESCAPES, rows
from netkit.cli.output.names.zone import line
from netkit.cli.output.sink import encode, now
from netkit.dns.bulk.task import Quick, Result
from netkit.dns.lookup import Lookup
from netkit.dns.result import Outcome, Record
from netkit.dns.types import type_name

Template = tuple[list[str], Callable[[tuple[str, ...]], tuple[str, ...]]]
MAX_TEMPLATES = 4096  # kept; flags, counts and sizes are the servers' to choose


class JsonLines:
    def __init__(self, *, idn: bool) -> None:
        self.idn = idn
        self.templates: dict[tuple[Any, ...], Template] = {}

    def lines(self, results: Sequence[Result]) -> list[str]:
        """The lines of these, each with its end."""
        time = now()
        templates = self.templates
        found = []
        last: tuple[Any, ...] = ()
        pieces: list[str] = []
        pick: Callable[[tuple[str, ...]], tuple[str, ...]] = tuple
        for one in results:
            if type(one) is not Quick or not one.task.harmless:
                found.append(self._exact(one))
                continue
            task, _, shape, rows, canonical, server, transport, elapsed_ms, size, opt = one
            kinds: object = rows[0][1] if len(rows) == 1 else tuple([row[1] for row in rows])
            key = (shape, kinds, task.type, opt, server, transport)
            if key != last:  # most are like the one before; what is the same object costs nothing to compare
                last = key
                pieces, pick = templates.get(key) or self._template(key, one)
            values: tuple[str, ...] = (time, task.text, task.name[:-1], canonical, repr(elapsed_ms), str(size))
            for owner, _, ttl, data in rows:
                values += (owner, str(ttl), data)
            parts = pieces.copy()
            parts[1::2] = pick(values)
            found.append("".join(parts))
        return found

    def _exact(self, one: Result) -> str:
        return encode(_document(one, idn=self.idn)) + "\n"

    def _template(self, key: tuple[Any, ...], one: Quick) -> Template:
        """What json makes of this one, with a place for each of the values that the next one may have otherwise."""
        resolution: Any = one.resolution
        marks = [f"<{number}>" for number in range(6 + 3 * len(one.rows))]
        records = [
            Record(owner, row[1], ttl, data)  # type: ignore[arg-type]
            for row, owner, ttl, data in zip(one.rows, marks[6::3], marks[7::3], marks[8::3], strict=True)
        ]
        marked = resolution._replace(
            input=marks[1], name=f"{marks[2]}.", canonical=marks[3], elapsed_ms=marks[4], size=marks[5],
            records=tuple(records),
        )  # fmt: skip
        [document] = documents(Lookup(marks[1], (marked,), types_asked=True, idn=self.idn))
        document["time"] = marks[0]
        text = encode(document) + "\n"
        for number in [marks[4], marks[5], *marks[7::3]]:
            text = text.replace(f'"{number}"', number)
        pieces = re.split(r"<(\d+)>", text)  # by turns a text that is always the same, and the number of a value
        made = pieces, itemgetter(*map(int, pieces[1::2]))
        if len(self.templates) < MAX_TEMPLATES:
            self.templates[key] = made
        return made


def _document(one: Result, *, idn: bool) -> dict[str, Any]:
    [document] = documents(Lookup(one.task.text, (one.resolution,), types_asked=True, idn=idn))
    if one.outcome is Outcome.BADNAME:
        document["name"] = document["display"] = None
    return document


class Table:
    """A line for each record, and one for each question without; fields: its columns, see `tsv`."""

    def __init__(self, fields: Sequence[str], *, idn: bool) -> None:
        self.fields = fields
        self.idn = idn

    def lines(self, results: Sequence[Result]) -> list[str]:
        return [f"{row}\n" for one in results for row in rows(_document(one, idn=self.idn), self.fields)]


def zone(results: Sequence[Result]) -> list[str]:
    """The records as lines of a zone file; nothing for a question without an answer."""
    return [f"{line(record)}\n" for one in results for record in one.resolution.records]


def columns(results: Sequence[Result]) -> list[str]:
    """Input, type, outcome, data..."""
    found = []
    for one in results:
        task = one.task
        text = task.text if task.harmless else task.text.translate(ESCAPES)
        if isinstance(one, Quick):
            words = [text, type_name(task.type), one.outcome.value, *_data(one)]
        else:
            words = [text, one.resolution.type, one.outcome.value, *one.resolution.data]
        found.append("\t".join(words) + "\n")
    return found


def short(results: Sequence[Result]) -> list[str]:
    return [f"{data}\n" for one in results for data in (_data(one) if isinstance(one, Quick) else one.resolution.data)]


def _data(one: Quick) -> list[str]:
    wanted = type_name(one.task.type)
    return [row[3] for row in one.rows if row[1] == wanted]
