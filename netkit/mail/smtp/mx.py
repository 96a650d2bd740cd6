"""Which servers take the mail of a domain: its MX records, or its own addresses where it has none (RFC 5321 5.1).

A null MX (RFC 7505) says that a domain takes no mail at all, and is a no before anything is sent. What a domain's DNS
says is not trusted: a name that is none, or an address in a name's place, is no server, and nobody is asked about it.
"""

import socket
from collections.abc import Sequence
from random import shuffle
from typing import NamedTuple

from netkit.errors import BadInput, Exit, NetkitError, No, PeerError, Temporary, TimedOut, Unreachable
from netkit.events import OnEvent
from netkit.mail.smtp.deliver import Server
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.target import Tls, parse_target
from netkit.net.address import join
from netkit.net.deadline import Deadline
from netkit.net.hostname import to_ascii
from netkit.net.tls_client import Security

MAX_HOSTS = 20  # of one domain
MAX_ADDRESSES = 10  # of one host
LOOKUP = (
    10.0  # seconds at most, and half of what is left, for all addresses: the hosts that are found are to be reached
)


class Exchanger(NamedTuple):
    """A host that takes mail. preference: the lower, the sooner; None where it is the domain itself."""

    preference: int | None
    host: str


def mail_servers(
    domain: str,
    port: int,
    *,
    tls: Tls,
    security: Security,
    family: int = socket.AF_UNSPEC,
    servers: Sequence[str] = (),
    deadline: Deadline,
    on_event: OnEvent | None = None,
) -> list[Server]:
    """In the order to try them, at least one. domain: in A-labels, or an address literal (RFC 5321 4.1.3).

    servers: DNS servers. Raises No, Unreachable, ... where there is none.
    """
    if domain.startswith("["):
        ip = domain[1:-1].lower().removeprefix("ipv6:")
        found = {ip: [ip]}
    else:
        hosts = [one.host for one in exchangers(domain, servers=servers, timeout=deadline.left, on_event=on_event)]
        found = addresses(hosts, servers=servers, timeout=min(LOOKUP, deadline.left / 2), on_event=on_event)
    fitting = [
        (host, ip)
        for host, ips in found.items()
        for ip in ips
        if family == socket.AF_UNSPEC or (":" in ip) is (family == socket.AF_INET6)
    ]
    if not fitting:
        version = "IPv6" if family == socket.AF_INET6 else "IPv4"
        raise Unreachable(f"{domain}: its mail servers have no {version} address", kind="no_address")
    return [
        Server(parse_target(join(ip, port), SCHEMES, tls), security._replace(server_name=host)) for host, ip in fitting
    ]


def exchangers(
    domain: str, *, servers: Sequence[str] = (), timeout: float, on_event: OnEvent | None = None
) -> list[Exchanger]:
    """In the order to try them, those of one preference in any order. domain: in A-labels.

    Raises No for a null MX and for a name that does not exist, Temporary, TimedOut, Unreachable, PeerError.
    """
    from netkit.dns.lookup import resolve  # what asks DNS is for --mx alone
    from netkit.dns.result import NEGATIVE, Outcome

    (found,) = resolve([domain], types=["MX"], servers=servers, timeout=timeout, on_event=on_event)
    (answer,) = found.resolutions
    if answer.outcome is Outcome.NXDOMAIN:
        raise No(f"{domain}: no such name", kind="no_domain")
    if answer.exit and answer.outcome not in NEGATIVE:
        raise failed(domain, "MX", answer.exit, str(answer.outcome))
    hosts = []
    for data in answer.data:
        preference, _, host = data.partition(" ")
        hosts.append(Exchanger(int(preference), host.removesuffix(".")))
    if hosts and not any(one.host for one in hosts):
        raise No(f"{domain} takes no mail: it has a null MX (RFC 7505)", kind="null_mx")
    hosts = [one for one in hosts if one.host]
    shuffle(hosts)
    return sorted(hosts, key=lambda one: one.preference or 0)[:MAX_HOSTS] or [Exchanger(None, domain)]


def addresses(
    hosts: Sequence[str], *, servers: Sequence[str] = (), timeout: float, on_event: OnEvent | None = None
) -> dict[str, list[str]]:
    """The IP addresses of those hosts that have any, v6 first; all hosts are asked for at once.

    Raises Unreachable where none has one, and what `exchangers` raises where that cannot be told.
    """
    from netkit.dns.lookup import resolve

    named = [host for host in dict.fromkeys(hosts) if _is_name(host)]
    if not named:
        raise PeerError(f"{hosts[0][:60]} is no name of a server, and the domain has no other", kind="bad_mx")
    kinds = ["AAAA", "A"] if servers else ()
    found: dict[str, list[str]] = {}
    trouble: NetkitError | None = None
    for host, one in zip(
        named, resolve(named, types=kinds, servers=servers, timeout=timeout, on_event=on_event), strict=True
    ):
        if ips := dict.fromkeys(data for each in one.resolutions for data in each.data):
            found[host] = sorted(ips, key=lambda ip: ":" not in ip)[:MAX_ADDRESSES]
        elif worst := next((each for each in one.resolutions if each.exit not in (Exit.OK, Exit.NO)), None):
            trouble = failed(host, "its address", worst.exit, str(worst.outcome))
    if found:
        return found
    raise trouble or Unreachable(f"{' and '.join(named[:3])}: no address", kind="no_address")


def _is_name(host: str) -> bool:
    try:
        return bool(to_ascii(host))
    except BadInput:
        return False


def failed(name: str, what: str, code: Exit, outcome: str) -> NetkitError:
    kinds: dict[Exit, type[NetkitError]] = {
        Exit.TIMEOUT: TimedOut,
        Exit.UNREACHABLE: Unreachable,
        Exit.PROTOCOL: PeerError,
    }
    return kinds.get(code, Temporary)(f"{name}: {what} cannot be looked up: {outcome}", kind="dns")
