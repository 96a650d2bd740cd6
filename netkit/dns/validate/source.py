"""Where the DS and DNSKEY records come from: the same servers, each question asked once, many of them together."""

from collections.abc import Iterable, Sequence

import dns.name

from netkit.dns.manner import Manner
from netkit.dns.result import Outcome
from netkit.dns.servers import Server
from netkit.dns.stub import Reached, ask
from netkit.dns.validate.limits import Work

AT_ONCE = 50  # questions asked together; each is a socket
HEARD = (Outcome.ANSWER, Outcome.NODATA, Outcome.NXDOMAIN)

Wanted = tuple[dns.name.Name, int]


class Source:
    """manner: with DO, so that signatures come, and CD, so that what the server holds for bogus comes as well."""

    def __init__(self, servers: Sequence[Server], manner: Manner) -> None:
        self.servers = servers
        self.manner = manner
        self.known: dict[Wanted, Reached] = {}

    @property
    def asked(self) -> frozenset[str]:
        """The servers that something came from."""
        return frozenset(str(one.server) for one in self.known.values() if one.server)

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
            wires = [(name.to_wire() or b"", rdtype) for name, rdtype in chunk]
            came = ask(wires, self.servers, self.manner)
            self.known.update(zip(chunk, came, strict=True))
