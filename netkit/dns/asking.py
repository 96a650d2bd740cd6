"""Names to ask DNS for, together: of which servers, how often, and under which of the names that a short one may mean.

The system's servers are asked as resolv.conf(5) says (timeout, attempts, rotate, use-vc), unless something else is
wanted. The search list is gone through only when it is asked for, for all names at once, one candidate after the other:
a name or type that does not exist leads on, any other answer ends it.
"""

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from netkit.dns.chase import chase
from netkit.dns.link import Links
from netkit.dns.manner import TRIES, TRY_SECONDS, Manner
from netkit.dns.name import is_ip, parse_name
from netkit.dns.result import SEARCHED, Outcome, Question, Resolution
from netkit.dns.servers import SYSTEM, Server, find
from netkit.dns.wire import USUAL, QueryOptions
from netkit.errors import LocalFailure, Unreachable
from netkit.events import OnEvent
from netkit.net.deadline import Deadline
from netkit.net.reasons import reason_of

if TYPE_CHECKING:
    from netkit.dns.resolv_conf import Configuration
    from netkit.dns.validate.anchors import Anchors

LEADS_ON = (Outcome.NXDOMAIN, Outcome.NODATA)  # what the search list goes on after, as glibc does


class Asking(NamedTuple):
    """How a run asks; the fields are `resolve`'s."""

    servers: Sequence[str]
    version: int | None
    search: bool
    idn: bool
    tcp: bool
    tries: int | None
    options: QueryOptions | None
    resolv_conf: str | None
    deadline: Deadline
    anchors: "Anchors | None"
    links: Links
    on_event: OnEvent | None

    def all(self, wanted: Sequence[list[Question]]) -> list[tuple[Resolution, ...]]:
        """The resolutions of each name's questions. Raises Unreachable, LocalFailure."""
        servers = self._servers()
        conf = self._configuration()
        left = {at: self._names(questions[0], conf) for at, questions in enumerate(wanted)}
        found: dict[int, list[Resolution]] = {}
        searched: dict[int, list[str]] = {}
        while left:
            asking = [
                question if names[0] is None else question._replace(name=parse_name(names[0], idn=self.idn))
                for at, names in left.items()
                for question in wanted[at]
            ]
            came = iter(self._ask(asking, servers, conf))
            for at, names in list(left.items()):
                these = [next(came) for _ in wanted[at]]
                negative = all(one.outcome in LEADS_ON for one in these)
                nodata = any(one.outcome is Outcome.NODATA for one in these)
                if at not in found or not negative or nodata:
                    found[at] = these
                searched.setdefault(at, []).append(these[0].name)
                if not negative or len(names) == 1:
                    del left[at]
                else:
                    left[at] = names[1:]
        return [tuple(self._noted(one, searched[at]) for one in found[at]) for at in range(len(wanted))]

    @property
    def system(self) -> bool:
        """Whether the servers are the system's, to be asked as resolv.conf(5) says."""
        return not self.servers or SYSTEM in self.servers

    def _configuration(self) -> "Configuration | None":
        if not self.system and not self.search:
            return None
        from netkit.dns.resolv_conf import read_configuration  # not for those that name their server

        return read_configuration(self.resolv_conf)

    def _ask(
        self, questions: Sequence[Question], servers: Sequence[Server], conf: "Configuration | None"
    ) -> list[Resolution]:
        manner = Manner(
            self.deadline,
            self.tcp,
            self.tries or TRIES,
            options=self.options or USUAL,
            links=self.links,
            on_event=self.on_event,
        )
        if conf and self.system:
            manner = manner._replace(
                tcp=self.tcp or conf.tcp,
                tries=self.tries or conf.attempts or TRIES,
                try_seconds=float(conf.timeout or TRY_SECONDS),
                rotate=conf.rotate,
            )
        if self.anchors is None:
            return chase(questions, servers, manner)
        from netkit.dns.validate.next_server import validated

        return validated(questions, servers, manner, self.anchors)

    def _servers(self) -> tuple[Server, ...]:
        return chosen(
            self.servers,
            version=self.version,
            source=self.options.source if self.options else "",
            resolv_conf=self.resolv_conf,
            deadline=self.deadline,
            on_event=self.on_event,
        )

    def _names(self, question: Question, conf: "Configuration | None") -> list[str | None]:
        """The names to try; None is the question's own."""
        if conf is None or not self.search or is_ip(question.input) or "\\" in question.input:
            return [None]
        from netkit.dns.resolv_conf import search_domains
        from netkit.dns.search import candidates

        text = question.input
        names = candidates(text, search_domains(conf), conf.ndots)
        return [None if one == text else one for one in names]

    def _noted(self, one: Resolution, searched: list[str]) -> Resolution:
        """A name that the search list made, or that it did not help, says so."""
        if len(searched) < 2:
            return one
        return one._replace(notes=(*one.notes, f"{SEARCHED}{' '.join(searched)}"))


def chosen(
    texts: Sequence[str],
    *,
    version: int | None,
    source: str,
    deadline: Deadline,
    resolv_conf: str | None = None,
    on_event: OnEvent | None = None,
) -> tuple[Server, ...]:
    """The servers that can be asked. Raises Unreachable when none has an address of the version, LocalFailure."""
    version = version or (ip_version(source) if source else None)
    found = find(texts, deadline=deadline, resolv_conf=resolv_conf, on_event=on_event)
    fit = tuple(one for one in found if version in (None, ip_version(one.host)))
    if not fit:
        raise Unreachable(f"no server has an IPv{version} address: {', '.join(map(str, found))}")
    if source:
        _try_to_bind(source)
    return fit


def ip_version(address: str) -> int:
    return 6 if ":" in address else 4


def _try_to_bind(source: str) -> None:
    """Said once and at the start, not of every server as if that could not be reached."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((source, 0))
    except OSError as exc:
        raise LocalFailure(f"cannot ask from {source}: {reason_of(exc)}", kind="source") from exc
