"""What a check is asked for, and the place that it looks at."""

from typing import NamedTuple

from netkit.events import OnEvent
from netkit.mail.smtp.check.dane import Tlsa
from netkit.mail.target import Target, Tls


class Asked(NamedTuple):
    """tls: auto takes STARTTLS where it is offered, and reports where it is not. sender: of --rcpt, "" for <>.

    port: of MX hosts. policy_port: where MTA-STS policies are asked for. patience: seconds in which an answer to a
    probe would come. timeout: seconds for a target with all its servers. family: AF_INET, AF_INET6, 0 for both.
    """

    tls: Tls = Tls.auto
    cacert: str | None = None
    insecure: bool = False
    helo: str | None = None
    sender: str = ""
    rcpt: tuple[str, ...] = ()
    relay: bool = False
    probe: bool = False
    dns: tuple[str, ...] = ()
    port: int = 25
    policy_port: int = 443
    patience: float = 3.0
    timeout: float = 60.0
    family: int = 0
    on_event: OnEvent | None = None


class Place(NamedTuple):
    """A server. name: as the user wrote it, the domain for its MX hosts. host: whom its certificate must name.

    addresses: the targets to connect to, in this order, until one answers. mx_of: the domain that it takes mail for.
    tlsa: None where DNS was not asked.
    """

    name: str
    host: str
    addresses: tuple[Target, ...]
    mx_of: str | None = None
    tlsa: Tlsa | None = None
