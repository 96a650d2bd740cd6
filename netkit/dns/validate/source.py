"""Where the DS and DNSKEY records come from: the same servers, each question asked once, many of them together."""

from collections.abc import Iterable, Sequence

import dns.name

from netkit.dns.link import Links
from netkit.dns.result import Outcome
from netkit.dns.servers import Server
from netkit.dns.stub import Reached, ask
from netkit.dns.validate.limits import Work
from netkit.dns.wire import QueryOptions
from netkit.events import OnEvent
from netkit.net.deadline import Deadline

AT_ONCE = 50  # questions asked together; each is a socket
HEARD = (Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN)

Wanted = tuple[dns.name.Name, int]


class Source:
    """options: with DO, so that signatures come, and CD, so that what the server holds for bogus comes as well."""

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        deadline: Deadline,
        tcp: bool,
        tries: int,
        try_seconds: float,
        options: QueryOptions,
        rotate: bool,
        links: Links | None,
        on_event: OnEvent | None,
    ) -> None:
        self.servers = servers
        self.deadline = deadline
        self.tcp = tcp
        self.tries = tries
        self.try_seconds = try_seconds
        self.options = options
        self.rotate = rotate
        self.links = links
        self.on_event = on_event
        self.known: dict[Wanted, Reached] = {}

    def get(self, name: dns.name.Name, rdtype: int, work: Work) -> Reached:
        """What came for the question. Raises TooMuch, LocalFailure."""
        if (name, rdtype) not in self.known:
            work.query()
            self.fetch([(name, rdtype)])
        return self.known[name, rdtype]

    def fetch(self, wanted: Iterable[Wanted]) -> None:
        """Ask for what is not known yet."""
        missing = [one for one in dict.fromkeys(wanted) if one not in self.known]
        for start in range(0, len(missing), AT_ONCE):
            chunk = missing[start : start + AT_ONCE]
            came = ask(
                [(name.to_wire() or b"", rdtype) for name, rdtype in chunk],
                self.servers,
                deadline=self.deadline,
                tcp=self.tcp,
                tries=self.tries,
                try_seconds=self.try_seconds,
                options=self.options,
                rotate=self.rotate,
                links=self.links,
                on_event=self.on_event,
            )
            self.known.update(zip(chunk, came, strict=True))
