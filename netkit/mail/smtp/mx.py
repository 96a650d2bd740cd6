"""Which servers take the mail of a domain: its MX records, or its own addresses where it has none (RFC 5321 5.1).

A null MX (RFC 7505) says that a domain takes no mail at all, and is a no before anything is sent.
"""

from collections.abc import Sequence
from random import shuffle
from typing import NamedTuple

from netkit.errors import Exit, NetkitError, No, PeerError, Temporary, TimedOut, Unreachable
from netkit.events import OnEvent

MAX_HOSTS = 20  # of one domain


class Exchanger(NamedTuple):
    """A host that takes mail. preference: the lower, the sooner; None where it is the domain itself."""

    preference: int | None
    host: str


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
    if any(not one.host for one in hosts):
        raise No(f"{domain} takes no mail: it has a null MX (RFC 7505)", kind="null_mx")
    shuffle(hosts)
    return sorted(hosts, key=lambda one: one.preference or 0)[:MAX_HOSTS] or [Exchanger(None, domain)]


def addresses(host: str, *, servers: Sequence[str] = (), timeout: float, on_event: OnEvent | None = None) -> list[str]:
    """Its IP addresses, v6 first. Raises Unreachable where it has none, and what `exchangers` raises."""
    from netkit.dns.lookup import resolve

    (found,) = resolve(
        [host], types=["AAAA", "A"] if servers else (), servers=servers, timeout=timeout, on_event=on_event
    )
    all_of_it = [data for one in found.resolutions for data in one.data]
    if all_of_it:
        return sorted(dict.fromkeys(all_of_it), key=lambda text: ":" not in text)
    worst = next((one for one in found.resolutions if one.exit not in (Exit.OK, Exit.NO)), None)
    if worst is not None:
        raise failed(host, "its address", worst.exit, str(worst.outcome))
    raise Unreachable(f"{host} has no address", kind="no_address")


def failed(name: str, what: str, code: Exit, outcome: str) -> NetkitError:
    kinds: dict[Exit, type[NetkitError]] = {
        Exit.TIMEOUT: TimedOut,
        Exit.UNREACHABLE: Unreachable,
        Exit.PROTOCOL: PeerError,
    }
    return kinds.get(code, Temporary)(f"{name}: {what} cannot be looked up: {outcome}", kind="dns")
