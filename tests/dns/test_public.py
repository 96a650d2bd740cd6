"""What `netkit.dns` hands out is the same thing every time, whatever was imported before."""

from importlib import import_module

import netkit.dns
from netkit.dns import full_name, lookup, result


def test_public_names() -> None:
    homes = {"Fqdn": full_name, "fqdn": full_name, "Lookup": lookup, "resolve": lookup}
    for name in netkit.dns.__all__:
        for _ in range(2):
            assert getattr(netkit.dns, name) is getattr(homes.get(name, result), name)


def test_what_is_not_there() -> None:
    assert not hasattr(netkit.dns, "nothing")
    assert import_module("netkit.dns.full_name") is full_name
