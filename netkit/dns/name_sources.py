"""Sources of a host's full name: each is asked by itself, and none can take the time of the others.

Asked in turn, a source has at most half of what is left of the deadline; all together, each has a thread and the whole.
A source that fails says why and is no error of the run: it is one opinion of several.
"""

import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from netkit.dns.lookup import Lookup, resolve
from netkit.errors import Exit, NetkitError
from netkit.events import OnEvent
from netkit.net.deadline import Deadline

if TYPE_CHECKING:
    from netkit.net.tls_client import Security

MIN_LEFT = 0.001


class SourceName(NamedTuple):
    """What one source says: its name, or why it has none.

    asked: the name or address that it was asked about. confirmed: for an address, whether the name leads back to it;
    None when that was not asked or could not be found out. exit: of that doubt.
    """

    source: str
    name: str | None
    detail: str | None
    elapsed_ms: float
    asked: str | None = None
    confirmed: bool | None = None
    exit: Exit = Exit.OK


class Sources(NamedTuple):
    """How they are asked; the fields are `fqdn`'s."""

    deadline: Deadline
    servers: tuple[str, ...]
    hosts: str | None
    resolv_conf: str | None
    security: "Security | None"
    on_event: OnEvent | None

    def resolve(self, name: str, *, straight: bool = False) -> Lookup:
        """One name by the usual sources, or by DNS alone, within what is left of the deadline."""
        return self.resolve_all([name], straight=straight)[0]

    def resolve_all(self, names: Sequence[str], *, straight: bool = False) -> list[Lookup]:
        """Several, asked together."""
        found = resolve(
            names,
            servers=self.servers,
            dns=straight,
            timeout=max(MIN_LEFT, self.deadline.left),
            hosts=self.hosts,
            resolv_conf=self.resolv_conf,
            security=self.security,
            on_event=self.on_event,
        )
        return list(found)


class Said(NamedTuple):
    """What a source answers; the fields are SourceName's."""

    name: str | None
    confirmed: bool | None = None
    detail: str | None = None
    exit: Exit = Exit.OK


class Source(NamedTuple):
    """A source, what it is asked about, and how."""

    name: str
    asked: str | None
    ask: Callable[[Sources], Said]


def is_full(name: str | None) -> bool:
    """Whether it is a name with a dot that is not localhost's."""
    return name is not None and "." in name.rstrip(".") and not of_localhost(name)


def of_localhost(name: str) -> bool:
    """Whether it is localhost, below it, or one of the names old hosts files give loopback (localhost.localdomain)."""
    labels = name.lower().rstrip(".").split(".")
    return "localhost" in (labels[0], labels[-1])


def in_turn(sources: Sequence[Source], asking: Sources, *, enough: Callable[[SourceName], bool]) -> list[SourceName]:
    """What they say, one after the other, until one is enough; while others wait, one has half of the time left."""
    said: list[SourceName] = []
    for number, source in enumerate(sources, 1):
        share = 1 if number == len(sources) else 2
        said.append(
            _asked(source, asking._replace(deadline=Deadline.after(max(MIN_LEFT, asking.deadline.left / share))))
        )
        if enough(said[-1]):
            break
    return said


def every_one(sources: Sequence[Source], asking: Sources) -> list[SourceName]:
    """What they say, all asked at once, in their order; one that has not answered in time says that."""
    found: dict[int, SourceName] = {}
    bugs: list[BaseException] = []

    def work(at: int, source: Source) -> None:
        try:
            found[at] = _asked(source, asking)
        except BaseException as exc:
            bugs.append(exc)

    threads = [
        threading.Thread(target=work, args=(at, source), name=f"netkit: {source.name}", daemon=True)
        for at, source in enumerate(sources)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(asking.deadline.left)
    if bugs:
        raise bugs[0]
    late = f"no answer within {asking.deadline.seconds:g} s"
    missing = round(asking.deadline.seconds * 1000, 3)
    return [
        found.get(at) or SourceName(source.name, None, late, missing, source.asked) for at, source in enumerate(sources)
    ]


def _asked(source: Source, asking: Sources) -> SourceName:
    start = monotonic()
    try:
        said = source.ask(asking)
    except NetkitError as exc:
        said = Said(None, detail=exc.message)
    except OSError as exc:
        said = Said(None, detail=exc.strerror or str(exc))
    except UnicodeError as exc:  # a host name of 64 octets, which no label can have
        said = Said(None, detail=str(exc))
    detail = said.detail or (None if said.name else "has none")
    elapsed = round((monotonic() - start) * 1000, 3)
    return SourceName(source.name, said.name, detail, elapsed, source.asked, said.confirmed, said.exit)
