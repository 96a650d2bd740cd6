"""`netkit resolve -t AXFR` and `-t IXFR=SERIAL` from servers that give the zone, refuse it, and break off."""

import json
from collections.abc import Callable
from typing import Any

import dns.message
import pytest

from tests.dns.conftest import CLOSE, reply_to

Run = Callable[..., Any]
SOA = "zone.test. 60 IN SOA ns.zone.test. admin.zone.test. 3 2 3 4 60"
OTHER = SOA.replace(" 3 2", " 4 2")
A = "www.zone.test. 60 IN A 192.0.2.1"
TXT = 'esc.zone.test. 60 IN TXT "a\\027[31mb"'


def test_a_zone_is_printed_as_it_stands_in_a_file(serve: Run, netkit: Run) -> None:
    server = serve(lambda wire, transport, number: [reply_to(wire, SOA, A), reply_to(wire, TXT, SOA)])
    done = netkit("resolve", f"@{server}", "-t", "AXFR", "zone.test")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "zone.test.\t60\tIN\tSOA\tns.zone.test. admin.zone.test. 3 2 3 4 60",
        "www.zone.test.\t60\tIN\tA\t192.0.2.1",
        'esc.zone.test.\t60\tIN\tTXT\t"a\\027[31mb"',
    ]
    assert server.transports == ["tcp"]
    asked = dns.message.from_wire(server.queries[0][1])
    assert (str(asked.question[0]), asked.edns, int(asked.flags)) == ("zone.test. IN AXFR", -1, 0)


def test_json_has_every_key_and_an_end(serve: Run, netkit: Run) -> None:
    server = serve(lambda wire, transport, number: [reply_to(wire, SOA, A, SOA)])
    done = netkit("resolve", f"@{server}", "--json", "-t", "AXFR", "zone.test")
    soa, a, end = map(json.loads, done.stdout.splitlines())
    assert set(soa) == set(a) == set(end)
    assert (a["event"], a["action"], a["name"], a["ttl"], a["data"]) == (
        "record",
        "zone",
        "www.zone.test.",
        60,
        "192.0.2.1",
    )
    assert (end["event"], end["serial"], end["incremental"], end["records"]) == ("end", 3, False, 2)
    assert (end["server"], end["outcome"], end["exit_code"], end["error"]) == (str(server), "answer", 0, None)


def test_differences(serve: Run, netkit: Run) -> None:
    old = SOA.replace(" 3 2 3", " 1 2 3")
    server = serve(lambda wire, transport, number: [reply_to(wire, SOA, old, A, SOA, TXT, SOA)])
    done = netkit("resolve", f"@{server}", "-t", "ixfr=1", "zone.test")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split("\t")[0] + line.split("\t")[4] for line in done.stdout.splitlines()] == [
        "-SOA",
        "-A",
        "+SOA",
        "+TXT",
    ]
    asked = dns.message.from_wire(server.queries[0][1])
    assert [str(one) for one in asked.authority] == ["zone.test. 0 IN SOA . . 1 0 0 0 0"]


def test_nothing_newer_is_said(serve: Run, netkit: Run) -> None:
    server = serve(lambda wire, transport, number: [reply_to(wire, SOA)])
    done = netkit("resolve", f"@{server}", "-t", "IXFR=3", "zone.test")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "netkit: zone.test. is at serial 3: there is nothing newer\n"


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        (lambda wire, transport, number: [reply_to(wire, rcode="REFUSED")], 9, "refuses to hand out the zone"),
        (lambda wire, transport, number: [reply_to(wire, rcode="NOTAUTH")], 9, "has no authority for the zone"),
        (lambda wire, transport, number: [reply_to(wire, SOA, A), CLOSE], 5, "ended the connection after 2 records"),
        (lambda wire, transport, number: [reply_to(wire, SOA), CLOSE], 5, "ended the connection after 1 record before"),
        (lambda wire, transport, number: [CLOSE], 5, "ended the connection before the end of the transfer"),
        (
            lambda wire, transport, number: [reply_to(wire, SOA, A, SOA.replace(" 3 ", " 4 "))],
            5,
            "ends with another SOA",
        ),
        (lambda wire, transport, number: [reply_to(wire, A)], 5, "does not begin with the zone's SOA"),
        (lambda wire, transport, number: [], 4, "has not ended within 1 s"),
    ],
)
def test_what_goes_wrong_is_told(script: Any, code: int, said: str, serve: Run, netkit: Run) -> None:
    server = serve(script)
    done = netkit("resolve", f"@{server}", "--timeout", "1s", "-t", "AXFR", "zone.test")
    assert done.returncode == code
    assert said in done.stderr
    assert f"netkit: zone.test. AXFR: {server}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_next_server_is_asked_while_nothing_came(serve: Run, refusing: str, netkit: Run) -> None:
    no = serve(lambda wire, transport, number: [reply_to(wire, rcode="REFUSED")])
    yes = serve(lambda wire, transport, number: [reply_to(wire, SOA, A, SOA)])
    done = netkit("resolve", f"@{refusing}", f"@{no}", f"@{yes}", "-t", "AXFR", "zone.test")
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-t", "IXFR"], "IXFR needs the serial"),
        (["-t", "IXFR=x"], "IXFR needs the serial"),
        (["-t", "IXFR=4294967296"], "IXFR needs the serial"),
        (["-t", "AXFR=1"], "AXFR takes no serial"),
        (["-t", "AXFR,A"], "no other type goes with it"),
        (["-t", "AXFR", "--short"], "not a form of a zone transfer"),
        (["-t", "AXFR", "--compare"], "--compare is another question than a zone transfer"),
        (["-t", "AXFR", "--common"], "--common does not go with a zone transfer"),
        (["-t", "AXFR", "--search"], "--search does not go with a zone transfer"),
        (["-t", "AXFR", "--nsid"], "--nsid is part of EDNS"),
        (["-t", "AXFR", "--ecs", "0"], "--ecs is part of EDNS"),
    ],
)
def test_bad_input(arguments: list[str], said: str, netkit: Run) -> None:
    done = netkit("resolve", "@127.0.0.1:1", *arguments, "zone.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
