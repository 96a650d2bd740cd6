"""The bus of a single process keeps what every bus promises."""

from netkit.chat.bus import LocalBus
from tests.chat.bus_contract import Node, check


def test_the_bus_of_one_process_keeps_the_contract() -> None:
    bus, node = LocalBus("epoch"), Node()
    bus.open(node)
    check(bus, node, lambda: None)
    bus.close()
