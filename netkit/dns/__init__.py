"""Names to records and back: `resolve`, `fqdn` and the values they return, loaded when first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netkit.dns.full_name import fqdn
    from netkit.dns.lookup import Lookup, resolve
    from netkit.dns.naming import Fqdn
    from netkit.dns.result import Outcome, Record, Resolution

__all__ = ["Fqdn", "Lookup", "Outcome", "Record", "Resolution", "fqdn", "resolve"]
# No module may have the name of what is handed out: once imported, it would be found here instead.
_HOMES = {"Fqdn": "full_name", "fqdn": "full_name", "Lookup": "lookup", "resolve": "lookup"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'netkit.dns' has no attribute {name!r}")
    return getattr(import_module(f"netkit.dns.{_HOMES.get(name, 'result')}"), name)
