"""From an address to its name and back: forward-confirmed reverse DNS."""

from netkit.dns.name_sources import Said, Sources
from netkit.dns.naming import leads_back, may_be_host, no_host


def confirmed(name: str, address: str, asking: Sources) -> Said:
    """The name of an address, and whether one of its addresses is that one; unknown where a server fails."""
    if not may_be_host(name):
        return no_host(name)
    return leads_back(name, address, asking.resolve(name).resolutions)
