"""Where the full name of this host may stand, in the order of trust.

The host name itself, the hosts file, getaddrinfo(3), the PTR of each of its addresses, the search domains. What has
localhost for a name, or an address of loopback, is not asked about: it says nothing of this host.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from netkit.dns import hosts as hosts_file
from netkit.dns.name import is_ip
from netkit.dns.name_sources import Said, Source, Sources, is_full, of_localhost
from netkit.dns.resolv_conf import read_configuration, search_domains
from netkit.dns.result import Outcome
from netkit.dns.reverse import confirmed
from netkit.dns.system_names import canonical
from netkit.errors import Exit

MAX_ADDRESSES = 16  # asked about, of all that the interfaces have; each is a query
SIOCGIFADDR = 0x8915  # the IPv4 address of an interface, netdevice(7)


def sources(asking: Sources) -> list[Source]:
    """All of them; nothing is asked yet."""
    hostname = socket.gethostname()
    found = [
        Source("hostname", None, lambda asking: Said(hostname)),
        Source("hosts", hostname, partial(_from_hosts, hostname)),
        Source("canonical", hostname, partial(canonical, hostname)),
    ]
    found += [Source("reverse", one, partial(_from_reverse, one)) for one in own_addresses(hostname, asking)] or [
        Source("reverse", None, lambda asking: Said(None, detail="no address but loopback"))
    ]
    names = _searched(hostname, asking)
    found += [Source("search", one, partial(_from_search, one)) for one in names] or [
        Source("search", None, lambda asking: Said(None, detail="no search domain"))
    ]
    return found


def _from_hosts(hostname: str, asking: Sources) -> Said:
    """The first name of the hosts file's line for this host, as `hostname --fqdn` finds it."""
    lines = [line for line in hosts_file.read_hosts(asking.hosts) if hostname.lower() in line.names]
    names = [line.names[0] for line in lines if not of_localhost(line.names[0])]
    return Said(next((name for name in names if is_full(name)), next(iter(names), None)))


def _from_reverse(address: str, asking: Sources) -> Said:
    """The PTR of an address this host has, and whether it leads back."""
    answer = asking.resolve(address, straight=True).resolutions[0]
    name = next((data.rstrip(".") for data in answer.data if is_full(data)), None)
    if name is None:
        return Said(None, detail=answer.outcome.value if answer.outcome is not Outcome.ANSWER else None)
    return confirmed(name, address, asking)


def own_addresses(hostname: str, asking: Sources) -> list[str]:
    """The source addresses of the default routes, then what the hosts file and the interfaces have; no loopback."""
    found = []
    for family, beyond in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((beyond, 9))  # sets the route alone: UDP sends nothing here
                found.append(str(sock.getsockname()[0]))
        except OSError:  # no route, or no such family at all
            continue
    found += hosts_file.addresses_of(hostname, hosts_file.read_hosts(asking.hosts))
    found += _of_interfaces()
    return [one for one in dict.fromkeys(found) if not one.startswith("127.") and one != "::1"][:MAX_ADDRESSES]


def _of_interfaces() -> Iterator[str]:
    """The first IPv4 address of each interface, and all global IPv6 ones; nothing where the system is not Linux."""
    with suppress(OSError, ImportError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        from fcntl import ioctl

        for _, name in socket.if_nameindex():
            with suppress(OSError):  # an interface without address
                answer = ioctl(sock, SIOCGIFADDR, struct.pack("16s24x", name.encode()[:15]))
                yield socket.inet_ntoa(answer[20:24])
    with suppress(OSError):
        for line in Path("/proc/net/if_inet6").read_text().splitlines():  # proc_net_if_inet6: address, ..., scope
            packed, _, _, scope, *_ = line.split()
            if scope == "00":
                yield socket.inet_ntop(socket.AF_INET6, bytes.fromhex(packed))


def _searched(hostname: str, asking: Sources) -> list[str]:
    if "." in hostname or not hostname or is_ip(hostname):
        return []
    return [f"{hostname}.{domain}" for domain in search_domains(read_configuration(asking.resolv_conf))]


def _from_search(name: str, asking: Sources) -> Said:
    """The host name in a search domain, when DNS has that name."""
    answer = asking.resolve(name, straight=True)
    if answer.exit is Exit.OK:
        return Said(name)
    return Said(None, detail=answer.resolutions[0].outcome.value)
