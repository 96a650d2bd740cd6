"""What a service of the lab is. A new one is a module with such a class, and its line in `netkit.lab.lab.SERVICES`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from netkit.errors import BadInput
from netkit.lab.event import Reports
from netkit.lab.mail.faults import Rules
from netkit.lab.mail.store import Store
from netkit.net.listen import Listening, Transport

if TYPE_CHECKING:
    from netkit.lab.dns.responder import Responder
    from netkit.net.ca import Authority, Leaf


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a service: its name in options and events, its number by default, and each transport's URL scheme.

    also: further addresses of loopback where the same port is served, unless the user says which; a machine that lacks
    one goes without.
    """

    name: str
    number: int
    schemes: Mapping[Transport, str]
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shared(Reports):
    """What all services of one lab have in common: where to report, the CA, the mail, what is to go wrong with it, the
    certificate of the mail servers, which DNS knows as well, and who answers for DNS."""

    ca: "Authority"
    store: Store = field(default_factory=Store)
    faults: Rules = field(default_factory=lambda: Rules(()))
    mail: "Leaf | None" = None
    dns: "Responder | None" = None


class Service(ABC):
    """Servers for one protocol. Making one reads its files, so that a mistake there shows before any port is open."""

    ports: ClassVar[tuple[Port, ...]]

    def __init__(self, shared: Shared) -> None:
        self.shared = shared

    @abstractmethod
    async def start(self, listening: Mapping[str, Sequence[Listening]]) -> None:
        """Serve on the sockets, which are given by port name."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop at once, and leave no task behind. The sockets are closed by the lab."""

    @abstractmethod
    def environment(self, addresses: Mapping[str, str]) -> dict[str, str]:
        """The NETKIT_LAB_* variables; addresses: the first HOST:PORT of each port name."""

    @abstractmethod
    def tries(self, environment: Mapping[str, str]) -> list[str]:
        """Commands worth typing, as a shell takes them."""


def parse_ports(texts: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
    """The port of each name from `NAME=PORT` or, for all of them, a bare `0`. Raises BadInput."""
    from netkit.net.address import parse_port

    ports: dict[str, int] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if not equals and text == "0":
            ports |= dict.fromkeys(known, 0)
        elif not equals:
            raise BadInput(f"--port {text}: write NAME=PORT, as in http=8081, or 0 for free ports everywhere")
        elif name not in known:
            raise BadInput(f"--port {text}: the lab has no service {name!r}", hint="it has " + ", ".join(known))
        else:
            ports[name] = parse_port(number, server=True)
    return ports
