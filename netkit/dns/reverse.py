"""From an address to its name and back: forward-confirmed reverse DNS."""

from netkit.dns.name import canonical_ip, parse_name
from netkit.dns.name_sources import Said, Sources
from netkit.errors import Exit, NetkitError


def confirmed(name: str, address: str, asking: Sources) -> Said:
    """The name of an address, and whether one of its addresses is that one; unknown where a server fails."""
    try:
        parse_name(name)
        forward = asking.resolve(name)
    except NetkitError:  # a PTR may hold what is no host name
        return Said(name, False, "its name is no host name", Exit.NO)
    if forward.exit not in (Exit.OK, Exit.NO):
        failed = next(one for one in forward.resolutions if one.exit is forward.exit)
        return Said(name, None, f"{name} cannot be confirmed: {failed.outcome.value}", forward.exit)
    if any(canonical_ip(address) in one.data for one in forward.resolutions):
        return Said(name, True)
    return Said(name, False, f"{name} does not lead back to {address}", Exit.NO)
