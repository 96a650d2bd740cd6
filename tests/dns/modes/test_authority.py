"""`resolve --authoritative`: every name server of a zone, where all is well, and where one is lame, late or differs."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from netkit.dns.authority import MAX_SERVERS, Authority, authority
from netkit.dns.servers import Server
from netkit.dns.types import parse_type
from tests.dns.modes.conftest import LEAF, USUAL, Internet

Start = Callable[..., Internet]
Message = dns.message.Message
AT_5 = "127_0_1_5"


def ask(net: Internet, name: str = "www.zone.test", types: Sequence[str] = ("A",), timeout: float = 30.0) -> Authority:
    numbers = [parse_type(one) for one in types]
    return authority(name, types=numbers, servers=[Server("127.0.1.9", net.port)], port=net.port, timeout=timeout)


def with_leaf(text: str) -> dict[str, dict[str, str]]:
    """The usual internet, where the first name server has another version of the zone than the resolver."""
    return USUAL | {"127.0.1.4": {"zone.test.": text}}


def test_all_agree(internet: Start) -> None:
    found = ask(internet())
    assert (found.zone, found.error, int(found.exit)) == ("zone.test.", None, 0)
    assert [(one.name, one.address, one.serial, one.lame) for one in found.servers] == [
        ("ns1.zone.test.", "127.0.1.4", 42, None),
        ("ns2.zone.test.", "127.0.1.5", 42, None),
    ]
    assert [record.data for record in found.servers[0].said[0].records] == ["192.0.2.80", "192.0.2.81"]


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("zone.test", "zone.test."),
        ("nosuch.zone.test", "zone.test."),
        ("alias.zone.test", "zone.test."),
        ("test", "test."),
    ],
)
def test_the_zone_of_a_name(name: str, zone: str, internet: Start) -> None:
    found = ask(internet(), name)
    assert (found.zone, int(found.exit)) == (zone, 0)


@pytest.mark.parametrize(
    ("leaf", "said", "mark"),
    [
        (LEAF.replace("admin 42", "admin 41"), "serials 41, 42", "serial_differs"),
        (LEAF.replace("@ 60 IN NS ns2\n", ""), "other NS records than the resolver gave", "ns_differs"),
        (LEAF.replace("192.0.2.81", "192.0.2.82"), "different answers for A", ""),
        (LEAF.replace("www 60 IN A 192.0.2.80\nwww 60 IN A 192.0.2.81\n", ""), "different answers for A", ""),
    ],
)
def test_what_differs_is_marked(leaf: str, said: str, mark: str, internet: Start) -> None:
    found = ask(internet(with_leaf(leaf)))
    assert int(found.exit) == 1
    assert found.error is not None
    assert found.error.message == f"zone.test.: {said}"
    if mark:
        assert [getattr(one, mark) for one in found.servers].count(True) == 1
    else:
        assert [one.said[0].differs for one in found.servers].count(True) == 1


def silent(query: Message, reply: Message) -> None:
    return None


def refusing(query: Message, reply: Message) -> Message:
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.REFUSED)
    return reply


def without_authority(query: Message, reply: Message) -> Message:
    reply.flags &= ~dns.flags.AA
    return reply


def referring(query: Message, reply: Message) -> Message:
    reply = dns.message.make_response(query)
    reply.authority.append(dns.rrset.from_text("test.", 60, "IN", "NS", "ns.test."))
    return reply


def empty(query: Message, reply: Message) -> Message:
    reply.answer, reply.authority = [], []
    return reply


@pytest.mark.parametrize(
    ("change", "lame"),
    [
        (refusing, "refused"),
        (without_authority, "it answers without authority (no AA)"),
        (referring, "lame"),
        (empty, "it has no SOA of the zone"),
        (silent, "timeout (gave no reply)"),
    ],
)
def test_a_lame_server_is_named(change: Any, lame: str, internet: Start) -> None:
    found = ask(internet(**{AT_5: change}), timeout=1.5 if change is silent else 30)
    assert [one.lame for one in found.servers] == [None, lame]
    assert found.error is not None
    assert (found.error.message, int(found.exit)) == ("zone.test.: 1 of 2 lame or silent", 1)


@pytest.mark.parametrize(("change", "code"), [(refusing, 9), (silent, 4)])
def test_no_server_with_authority(change: Any, code: int, internet: Start) -> None:
    found = ask(internet(**{AT_5: change, "127_0_1_4": change}), timeout=1.5 if change is silent else 30)
    assert int(found.exit) == code
    assert found.error is not None
    assert "no name server answers with authority" in found.error.message


def test_a_name_server_without_an_address(internet: Start) -> None:
    leaf = {"zone.test.": LEAF + "@ 60 IN NS nowhere\n"}
    found = ask(internet(USUAL | {"127.0.1.4": leaf, "127.0.1.5": leaf}))
    first = found.servers[0]
    assert (first.name, first.address, first.lame) == ("nowhere.zone.test.", None, "its name has no address")
    assert int(found.exit) == 1


def test_an_address_that_cannot_be_read(internet: Start) -> None:
    def three_octets(query: Message, reply: Message) -> Message:
        if str(query.question[0].name) == "ns1.zone.test." and reply.answer:
            address = dns.rdata.GenericRdata(dns.rdataclass.IN, dns.rdatatype.A, b"\x7f\0\1")
            reply.answer = [dns.rrset.from_rdata("ns1.zone.test.", 60, address)]
        return reply

    found = ask(internet(**{"127_0_1_9": three_octets}))
    assert found.error is not None
    assert (found.error.message, int(found.exit)) == (
        "the addresses of ns1.zone.test.: an A record of 3 octets",
        5,
    )


def test_too_many_name_servers(internet: Start) -> None:
    many = "".join(f"@ 60 IN NS n{number}\n" for number in range(MAX_SERVERS))
    found = ask(internet(USUAL | {"127.0.1.4": {"zone.test.": LEAF + many}, "127.0.1.5": {"zone.test.": LEAF + many}}))
    assert int(found.exit) == 5
    assert found.error is not None
    assert "the limit is 32" in found.error.message


def test_a_resolver_that_does_not_answer(internet: Start) -> None:
    net = internet(**{"127_0_1_9": silent})
    found = ask(net, timeout=0.5)
    assert (found.zone, int(found.exit)) == (None, 4)


def test_the_command(internet: Start, netkit: Any) -> None:
    net = internet(with_leaf(LEAF.replace("192.0.2.81", "192.0.2.82")))
    words = ["resolve", "--authoritative", "--port", str(net.port), f"@{net.resolver}", "-t", "A", "www.zone.test"]
    done = netkit(*words)
    assert done.returncode == 1
    assert done.stderr == "netkit: zone.test.: different answers for A\n"
    assert done.stdout.splitlines() == [
        "zone.test.\tns1.zone.test.\t127.0.1.4\t42\tok\t\tA answer 192.0.2.80 192.0.2.82",
        "zone.test.\tns2.zone.test.\t127.0.1.5\t42\tdiffers\tanother A\tA answer 192.0.2.80 192.0.2.81",
    ]
    document = json.loads(netkit(*words, "--json").stdout)
    assert (document["zone"], document["exit_code"], document["error"]["kind"]) == ("zone.test.", 1, "differ")
    assert [one["serial"] for one in document["servers"]] == [42, 42]
    assert [one["answers"][0]["differs"] for one in document["servers"]] == [False, True]


def test_at_a_terminal(internet: Start, terminal: Any) -> None:
    net = internet(**{AT_5: refusing})
    done = terminal("resolve", "--authoritative", "--port", str(net.port), f"@{net.resolver}", "www.zone.test")
    assert done.returncode == 1
    assert "ns2.zone.test." in "\n".join(done.screen)
    assert "refused" in "\n".join(done.screen)
