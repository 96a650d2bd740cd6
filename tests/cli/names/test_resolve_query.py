"""`netkit resolve`'s ways to ask and forms to print, as a process: what is sent, what is shown, what is refused."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rdatatype
import pytest
from dns.zone import from_text as read_zone

from netkit import __version__
from netkit.cli.commands.names.dig_words import HERE
from netkit.cli.output.names.tsv import FIELDS
from netkit.dns.types import COMMON
from tests.conftest import MS
from tests.dns.conftest import SOA, Scripted, asked_for, refusing, reply_to, serve  # noqa: F401

Netkit = Callable[..., subprocess.CompletedProcess[str]]
Terminal = Callable[..., Any]
Serve = Callable[..., Scripted]
SHORTLY = f"{300 * MS}s"
ADDRESS = "@ 60 IN A 192.0.2.1"


def answering(query: bytes, transport: str, number: int) -> list[bytes]:
    return [reply_to(query, ADDRESS)]


@pytest.fixture
def server(serve: Serve) -> Scripted:  # noqa: F811
    """A server that gives every name one address."""
    return serve(answering)


def asked(server: Scripted) -> dns.message.Message:
    """The one query that came."""
    [(_, wire)] = server.queries
    return dns.message.from_wire(wire)


# --- what is sent


@pytest.mark.parametrize(
    ("args", "flags", "do", "payload"),
    [
        ([], "RD AD", False, 1232),
        (["--dnssec"], "RD AD", True, 1232),
        (["--cd"], "RD AD CD", False, 1232),
        (["--no-rd"], "", False, 1232),
        (["--bufsize", "4096"], "RD AD", False, 4096),
        (["--dnssec", "--cd", "--no-rd", "--bufsize=512"], "CD", True, 512),
        (["--no-edns"], "RD AD", False, 0),
    ],
)
def test_flags_and_sizes(netkit: Netkit, server: Scripted, args: list[str], flags: str, do: bool, payload: int) -> None:
    assert netkit("resolve", f"@{server}", "-t", "A", "--short", *args, "www.test").stdout == "192.0.2.1\n"
    query = asked(server)
    assert (dns.flags.to_text(query.flags), bool(query.ednsflags & dns.flags.DO)) == (flags, do)
    assert (query.edns, query.payload) == (-1 if payload == 0 else 0, payload)


def test_edns_options_of_the_query(netkit: Netkit, server: Scripted) -> None:
    args = ("--nsid", "--ecs", "192.0.2.77/24", "--cookie", "--pad", "128")
    netkit("resolve", f"@{server}", "-t", "A", *args, "www.test")
    options = {option.otype: option for option in asked(server).options}
    [(_, wire)] = server.queries
    assert list(options) == [
        dns.edns.OptionType.NSID,
        dns.edns.OptionType.ECS,
        dns.edns.OptionType.COOKIE,
        dns.edns.OptionType.PADDING,
    ]
    assert options[dns.edns.OptionType.ECS].to_text() == "ECS 192.0.2.0/24 scope/0"
    assert len(options[dns.edns.OptionType.COOKIE].to_wire() or b"") == 8
    assert len(wire) == 128


@pytest.mark.parametrize(
    ("args", "question"),
    [
        (["--class", "CH"], "version.bind. CH TXT"),
        (["--class", "ch", "-t", "A"], "version.bind. CH A"),
        (["--class", "HS", "-t", "TXT"], "version.bind. HS TXT"),
        (["--class", "ANY", "-t", "TXT"], "version.bind. ANY TXT"),
        (["--class", "CLASS32"], "version.bind. CLASS32 TXT"),
        (["--class", "IN", "-t", "TYPE65534"], "version.bind. IN TYPE65534"),
    ],
)
def test_classes(netkit: Netkit, serve: Serve, args: list[str], question: str) -> None:  # noqa: F811
    server = serve(lambda query, transport, number: [reply_to(query)])
    netkit("resolve", f"@{server}", *args, "version.bind")
    assert str(asked(server).question[0]) == question


def test_what_other_classes_have(netkit: Netkit, dns: str) -> None:
    version = f'version.bind.\t0\tTXT\t"netkit lab {__version__}"\tdns\n'
    assert netkit("resolve", f"@{dns}", "--class", "CH", "version.bind").stdout == version
    zone = netkit("resolve", f"@{dns}", "--class", "CH", "--zone", "id.server").stdout
    assert zone == 'id.server.\t0\tCH\tTXT\t"netkit-lab"\n'


def test_the_common_types_show_what_there_is(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", f"@{dns}", "--common", "--json", "lab.test")
    found = {one["type"]: one["outcome"] for one in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, list(found)) == (0, list(COMMON))
    assert [name for name, outcome in found.items() if outcome == "nodata"] == ["CNAME", "HTTPS"]
    done = netkit("resolve", f"@{dns}", "--common", "lab.test")
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split("\t")[2] for line in done.stdout.splitlines()} == {"A", "AAAA", "MX", "NS", "SOA", "TXT", "CAA"}
    done = netkit("resolve", f"@{dns}", "--common", "nosuch.lab.test")
    assert (done.returncode, done.stderr) == (1, f"netkit: nosuch.lab.test: nxdomain: no such name, says {dns}\n")


def test_the_address_to_ask_from(netkit: Netkit) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{udp.getsockname()[1]}"
        netkit("resolve", f"@{server}", "--source", "127.0.0.7", "--timeout", SHORTLY, "--tries", "1", "www.test")
        assert udp.recvfrom(512)[1][0] == "127.0.0.7"
    done = netkit("resolve", f"@{server}", "--source", "192.0.2.1", "www.test")
    assert (done.returncode, done.stderr) == (11, "netkit: cannot ask from 192.0.2.1: address not available\n")
    done = netkit("resolve", f"@{server}", "--source", "::1", "www.test")
    assert (done.returncode, done.stderr) == (3, f"netkit: no server has an IPv6 address: {server}\n")


def test_one_version_of_ip(netkit: Netkit, server: Scripted) -> None:
    port = str(server).rpartition(":")[2]
    args = (f"@{server}", f"@[::1]:{port}", "-t", "A", "--short", "www.test")
    assert netkit("resolve", "-4", *args).stdout == "192.0.2.1\n"
    done = netkit("resolve", "-6", f"@{server}", "-t", "A", "www.test")
    assert (done.returncode, done.stderr) == (3, f"netkit: no server has an IPv6 address: {server}\n")
    assert len(server.queries) == 1


# --- the search list


@pytest.fixture
def searching(serve: Serve, tmp_path: Path) -> tuple[Scripted, dict[str, str]]:  # noqa: F811
    """A server that knows www.b.test, and a resolv.conf that names it and the domains a.test and b.test."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        name, _ = asked_for(query)
        if name == "www.b.test":
            return [reply_to(query, ADDRESS)]
        if name == "failing.a.test":
            return [reply_to(query, rcode="SERVFAIL")]
        return [reply_to(query, authority=[SOA], rcode="NOERROR" if name == "empty.a.test" else "NXDOMAIN")]

    server = serve(script)
    (tmp_path / "resolv.conf").write_text(f"nameserver {server}\nsearch a.test b.test\n")
    return server, {"NETKIT_RESOLV_CONF": str(tmp_path / "resolv.conf"), "NETKIT_HOSTS": "/dev/null"}


@pytest.mark.parametrize(
    ("name", "asked", "code", "found"),
    [
        ("www", ["www.a.test", "www.b.test"], 0, "www.b.test."),
        ("nosuch", ["nosuch.a.test", "nosuch.b.test", "nosuch"], 1, "nosuch.a.test."),
        ("www.", ["www"], 1, "www."),
        ("x.y", ["x.y", "x.y.a.test", "x.y.b.test"], 1, "x.y."),
        ("empty", ["empty.a.test", "empty.b.test", "empty"], 1, "empty.a.test."),
        ("failing", ["failing.a.test"], 9, "failing.a.test."),
    ],
)
def test_the_search_list(
    netkit: Netkit,
    searching: tuple[Scripted, dict[str, str]],
    name: str,
    asked: list[str],
    code: int,
    found: str,
) -> None:
    server, env = searching
    done = netkit("resolve", "--search", "-t", "A", "--json", name, env=env)
    document = json.loads(done.stdout)
    assert (done.returncode, server.questions, document["input"], document["name"]) == (code, asked, name, found)
    note = [f"searched: {' '.join(f'{one}.' for one in asked)}"] if len(asked) > 1 else []
    assert document["notes"] == note


def test_a_short_name_that_is_not_there_is_hinted_at(netkit: Netkit, serve: Serve, tmp_path: Path) -> None:  # noqa: F811
    server = serve(lambda query, transport, number: [reply_to(query, authority=[SOA], rcode="NXDOMAIN")])
    conf = tmp_path / "resolv.conf"
    conf.write_text(f"nameserver {server}\nsearch home.test\n")
    hint = "hint: --search also tries the domains of the search list, where there are any\n"
    for words, name, told in (
        (["www"], "www", hint), (["www.test"], "www.test", ""), (["--search", "www"], "www.home.test", "")
    ):  # fmt: skip
        done = netkit("resolve", "-q", *words, env={"NETKIT_RESOLV_CONF": str(conf)})
        assert done.returncode == 1
        assert done.stderr == f"netkit: {name}: nxdomain: no such name, says {server}\n{told}"


def test_without_being_told_nothing_is_searched(netkit: Netkit, searching: tuple[Scripted, dict[str, str]]) -> None:
    server, env = searching
    assert netkit("resolve", "-t", "A", "www", env=env).returncode == 1
    assert server.questions == ["www"]


def test_the_environment_says_how_to_search_and_to_try(
    netkit: Netkit, searching: tuple[Scripted, dict[str, str]]
) -> None:
    server, env = searching
    env |= {"LOCALDOMAIN": "c.test b.test", "RES_OPTIONS": "ndots:2 use-vc"}
    done = netkit("resolve", "--search", "-t", "A", "--short", "www", "1.www", env=env)
    assert done.stdout == "192.0.2.1\n"
    assert server.questions == ["www.c.test", "1.www.c.test", "www.b.test", "1.www.b.test", "1.www"]
    assert set(server.transports) == {"tcp"}


def test_attempts_and_rotate_of_the_systems_servers(netkit: Netkit, serve: Serve, tmp_path: Path) -> None:  # noqa: F811
    two = [serve(answering) for _ in range(2)]
    silent = serve(lambda query, transport, number: [])
    conf = tmp_path / "resolv.conf"
    env = {"NETKIT_RESOLV_CONF": str(conf)}
    conf.write_text("".join(f"nameserver {one}\n" for one in two) + "options rotate")
    assert netkit("resolve", "--dns", "www.test", env=env).returncode == 0
    [first, second] = [asked_for(wire)[1] for one in two for _, wire in one.queries]
    assert {first, second} == {"A", "AAAA"}  # each of the two questions began with another server
    conf.write_text(f"nameserver {silent}\noptions attempts:2")
    done = netkit("resolve", "--dns", "-t", "A", "--json", "--timeout", SHORTLY, "www.test", env=env)
    assert (done.returncode, json.loads(done.stdout)["tries"]) == (4, 2)


# --- forms


def test_zone_lines_are_read_back(netkit: Netkit, dns: str, tmp_path: Path, program: Callable[[str], str]) -> None:
    names = ("lab.test", "txt.lab.test", "escape.lab.test", "bytes.lab.test", r"dot\.ted.lab.test", "unknown.lab.test",
             "ns1.lab.test", "ns2.lab.test", "mail.lab.test", "mail2.lab.test", "host.lab.test", "alias.lab.test",
             r"sp\032ace.lab.test", "long.lab.test", "_https.lab.test", "www.lab.test")  # fmt: skip
    types = "SOA,NS,A,AAAA,MX,TXT,CAA,TYPE65534,SSHFP,LOC,HINFO,HTTPS"
    done = netkit("resolve", f"@{dns}", "--zone", "-t", types, *names)
    lines = done.stdout.splitlines()
    assert len(lines) > 25
    assert all(len(line.split("\t", 4)) == 5 for line in lines)
    zone = read_zone(done.stdout, origin="lab.test.", relativize=False)
    assert len(list(zone.iterate_rdatas())) == len(set(lines))
    (tmp_path / "zone").write_text(done.stdout)
    checked = subprocess.run(
        [program("named-checkzone"), "-i", "local", "lab.test", str(tmp_path / "zone")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (0, "OK"), checked.stdout


def test_zone_lines_of_what_has_no_ttl(netkit: Netkit) -> None:
    done = netkit("resolve", "--zone", "localhost")
    assert done.stdout == "localhost.\t0\tIN\tA\t127.0.0.1\nlocalhost.\t0\tIN\tAAAA\t::1\n"


def test_columns(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", f"@{dns}", "--tsv", "-t", "A,MX", "alias.lab.test", "nosuch.lab.test")
    assert done.returncode == 8
    assert done.stdout == (
        f"alias.lab.test\talias.lab.test.\t300\tCNAME\twww.lab.test.\tanswer\t{dns}\n"
        f"alias.lab.test\twww.lab.test.\t300\tA\t127.0.0.1\tanswer\t{dns}\n"
        f"alias.lab.test\talias.lab.test.\t300\tCNAME\twww.lab.test.\tnodata\t{dns}\n"
        f"nosuch.lab.test\tnosuch.lab.test.\t\tA\t\tnxdomain\t{dns}\n"
        f"nosuch.lab.test\tnosuch.lab.test.\t\tMX\t\tnxdomain\t{dns}\n"
    )
    fields = "class,rcode,flags,nsid,ecs,edns,tries,tsig,error"
    done = netkit("resolve", f"@{dns}", "--fields", fields, "--nsid", "--ecs", "0", "-t", "A", "many.lab.test")
    assert done.stdout == "IN\tNOERROR\taa rd\tnetkit-lab\t0.0.0.0/0 0\t0 1232 false\t1\t\t\n"


def test_every_field_is_a_column(netkit: Netkit, dns: str) -> None:
    for name in ("www.lab.test", "blocked.lab.test", "localhost"):
        line = netkit("resolve", f"@{dns}", "--fields", ",".join(FIELDS), "-t", "A", name).stdout
        assert line.count("\n") == 1
        assert line.count("\t") == len(FIELDS) - 1


def test_the_words_of_others_are_escaped_in_columns(netkit: Netkit, serve: Serve) -> None:  # noqa: F811
    text = b"\0\x0ftab\tline\nback\\slash"
    server = serve(lambda query, transport, number: [reply_to(query, ADDRESS, options=[(15, text), (3, b"a\tb")])])
    done = netkit("resolve", f"@{server}", "--fields", "data,ede,nsid", "-t", "A", "www.test")
    assert done.stdout == "192.0.2.1\t15 Blocked tab\\tline\\nback\\\\slash\ta\\tb\n"


@pytest.mark.parametrize("form", ["--short", "--zone", "--tsv", "--json", "--quiet"])
def test_nothing_but_data_is_on_standard_output(netkit: Netkit, dns: str, form: str) -> None:
    """Whatever happens: in JSON and columns every question has its line, in the others only records have."""
    for name in ("nosuch", "servfail", "garbage", "blocked", "foreign"):
        done = netkit("resolve", f"@{dns}", form, "-t", "A", "--timeout", SHORTLY, f"{name}.lab.test")
        assert len(done.stdout.splitlines()) == (1 if form in ("--tsv", "--json") else 0)
        assert bool(done.stderr) is (form != "--json")
        assert "127.6.6.6" not in done.stdout


def test_every_form_on_a_terminal_is_harmless(terminal: Terminal, dns: str) -> None:
    for form in ("--short", "--zone", "--tsv", "--json", "--color=always"):
        for name in ("escape.lab.test", "blocked.lab.test"):
            shown = terminal("resolve", f"@{dns}", form, "-t", "TXT", name).text
            assert "\x1b[31mred" not in shown
            assert "\x1b]0" not in shown


# --- extended errors and identities, in every form


def test_an_extended_error_is_told_with_the_failure(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", f"@{dns}", "-t", "A", "blocked.lab.test")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"netkit: blocked.lab.test A: nxdomain: no such name, says {dns} (EDE 15 Blocked: on the list \\x1b[31mred)\n"
    )
    [found] = map(json.loads, netkit("resolve", f"@{dns}", "-t", "A", "--json", "blocked.lab.test").stdout.splitlines())
    assert found["ede"] == [{"code": 15, "name": "Blocked", "text": "on the list \x1b[31mred"}]


@pytest.mark.parametrize("form", [[], ["--short"], ["--zone"], ["--tsv"]])
def test_an_extended_error_beside_an_answer_is_told(netkit: Netkit, dns: str, form: list[str]) -> None:
    args = ("resolve", f"@{dns}", *form, "-t", "A", "stale.lab.test")
    done = netkit(*args)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    told = f"netkit: stale.lab.test A: {dns} says EDE 3 Stale Answer: the zone's servers are away\n"
    assert done.stderr == told
    assert netkit(*args, "--quiet").stderr == ""


def test_the_grey_line_says_it_all(terminal: Terminal, dns: str, tmp_path: Path) -> None:
    args = ("--nsid", "--ecs", "192.0.2.0/24", "--cookie", "-t", "A", "stale.lab.test", "www.lab.test")
    lines = terminal("resolve", f"@{dns}", *args, columns=200).screen
    assert " · EDE 3 Stale Answer: the zone's servers are away" in lines[1]
    assert lines[3].startswith(f"answer from {dns} · udp · ")
    assert lines[3].endswith(" ms · aa rd · NSID 'netkit-lab' · ECS 192.0.2.0/24 for /0 · cookie")


def test_types_with_other_outcomes_share_the_grey_line(terminal: Terminal, dns: str) -> None:
    lines = terminal("resolve", f"@{dns}", "v4only.lab.test").screen
    assert lines[1].startswith(f"A answer, AAAA nodata from {dns} · udp")


def test_what_was_rejected_is_shown_on_a_terminal(terminal: Terminal, dns: str, serve: Serve) -> None:  # noqa: F811
    lines = terminal("resolve", f"@{dns}", "-t", "A", "spoofed.lab.test").screen
    assert lines[2:] == [f"not used: {dns}: mismatch: wrong id"]
    twice = serve(lambda query, transport, number: [reply_to(query, question="other.test. A")] * 2)
    words = ["resolve", f"@{twice}", "-t", "A", "--timeout", SHORTLY, "--tries", "1", "www.test"]
    shown = terminal(*words, columns=200).screen
    assert shown[0] == "www.test A: mismatch: replies came, but none to this question"
    assert shown[-1] == f"not used: {twice}: mismatch: it answers other.test. A, 2 times"


@pytest.mark.parametrize("form", [[], ["--short"], ["--zone"], ["--tsv"]])
@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("spoofed", 0, "not used: {dns}: mismatch: wrong id"),
        ("trailing", 0, "8 octets behind the message"),
        ("noedns", 0, "{dns} does not take EDNS (FORMERR), asked again without"),
        ("foreign", 1, "left out records of other.lab.test.: not what was asked"),
    ],
)
def test_what_was_odd_or_rejected_is_told_in_a_pipe(
    netkit: Netkit, dns: str, form: list[str], name: str, code: int, told: str
) -> None:
    args = ("resolve", f"@{dns}", *form, "-t", "A", f"{name}.lab.test")
    done = netkit(*args)
    assert (done.returncode, len(done.stdout.splitlines())) == (code, 1 if code == 0 or "--tsv" in form else 0)
    assert done.stderr.splitlines()[code:] == [f"netkit: {name}.lab.test A: {told.format(dns=dns)}"]
    assert len(netkit(*args, "--quiet").stderr.splitlines()) == code


def test_a_server_that_was_passed_over_is_told_once_for_both_types(
    netkit: Netkit,
    dns: str,
    refusing: str,  # noqa: F811
) -> None:
    done = netkit("resolve", f"@{refusing}", f"@{dns}", "www.lab.test")
    assert (done.returncode, done.stdout) == (
        0, "www.lab.test.\t300\tA\t127.0.0.1\tdns\nwww.lab.test.\t300\tAAAA\t::1\tdns\n"
    )  # fmt: skip
    assert done.stderr == f"netkit: www.lab.test A, AAAA: not used: {refusing}: refused\n"


def test_the_words_of_others_are_cut_for_people(netkit: Netkit, serve: Serve) -> None:  # noqa: F811
    errors = [(15, b"\0\0" + b"x" * 1000)] * 40
    server = serve(lambda query, transport, number: [reply_to(query, ADDRESS, options=errors)])
    done = netkit("resolve", f"@{server}", "-t", "A", "www.test")
    assert done.stderr == f"netkit: www.test A: {server} says EDE 0 Other: {'x' * 200}…\n"
    document = json.loads(netkit("resolve", f"@{server}", "--json", "-t", "A", "www.test").stdout)
    assert document["ede"] == [{"code": 0, "name": "Other", "text": "x" * 1000}] * 40


def test_searching_without_idn(netkit: Netkit, searching: tuple[Scripted, dict[str, str]]) -> None:
    server, env = searching
    netkit("resolve", "--search", "--no-idn", "-t", "A", "é", env=env)
    first = dns.message.from_wire(server.queries[0][1]).question[0].name
    assert first.labels == ("é".encode(), b"a", b"test", b"")


def test_an_nsid_that_is_no_text(netkit: Netkit, serve: Serve) -> None:  # noqa: F811
    server = serve(lambda query, transport, number: [reply_to(query, ADDRESS, options=[(3, b"\xff\x1b")])])
    done = netkit("resolve", f"@{server}", "--nsid", "-t", "A", "www.test")
    assert done.stderr == f"netkit: {server} is NSID 0xff1b\n"
    assert json.loads(netkit("resolve", f"@{server}", "--json", "-t", "A", "w").stdout)["nsid"] == {"base64": "/xs="}


def test_servers_without_edns_are_asked_without(netkit: Netkit, dns: str) -> None:
    for name in ("noedns", "ednsdrop"):
        done = netkit("resolve", f"@{dns}", "--json", "-t", "A", "--timeout", f"{6000 * MS}s", f"{name}.lab.test")
        found = json.loads(done.stdout)
        assert (found["addresses"], found["edns"], len(found["notes"])) == (["127.0.0.1"], None, 1)


def test_records_of_a_stranger_are_no_answer(netkit: Netkit, dns: str) -> None:
    found = json.loads(netkit("resolve", f"@{dns}", "--json", "-t", "A", "foreign.lab.test").stdout)
    assert (found["outcome"], found["answers"]) == ("nodata", [])
    assert found["notes"] == ["left out records of other.lab.test.: not what was asked"]


# --- names in other scripts


def test_unicode_names_are_shown_unless_that_is_not_wanted(terminal: Terminal, netkit: Netkit, dns: str) -> None:
    args = ("-q", f"@{dns}", "-t", "A", "bücher.lab.test")
    assert terminal("resolve", *args).screen == ["bücher.lab.test. (xn--bcher-kva.lab.test.)  300  A  127.0.0.1"]
    plain = ("--no-idn", "-q", f"@{dns}", "-t", "A", "xn--bcher-kva.lab.test")
    assert terminal("resolve", *plain).screen == ["xn--bcher-kva.lab.test.  300  A  127.0.0.1"]
    document = json.loads(netkit("resolve", "--json", *plain).stdout)
    assert (document["name"], document["display"]) == ("xn--bcher-kva.lab.test.", "xn--bcher-kva.lab.test.")


def test_without_idn_octets_go_out_as_they_stand(netkit: Netkit, server: Scripted) -> None:
    netkit("resolve", f"@{server}", "-t", "A", "--no-idn", "Bücher.test")
    assert asked(server).question[0].name.labels[0] == "Bücher".encode()


# --- what is refused before a packet


@pytest.mark.parametrize(
    ("args", "stderr"),
    [
        (["--class", "XX"], "netkit: class 'XX' is unknown\nhint: classes are written IN, CH, HS, ANY or CLASS32\n"),
        (["--no-edns", "--nsid"], "netkit: --nsid is part of EDNS, which --no-edns leaves out\n"),
        (["--no-edns", "--bufsize", "512"], "netkit: --bufsize is part of EDNS, which --no-edns leaves out\n"),
        (["--source", "lo"], "netkit: --source 'lo' is no IP address\n"),
        (["--source", ""], "netkit: --source '' is no IP address\n"),
        (["--ecs", ""], "netkit: client subnet '' is no network\n"),
        (["-4", "-6"], "netkit: -4 and -6 exclude each other\n"),
        (
            ["--ecs", "10/8"],
            "netkit: client subnet '10/8' is no network\nhint: write 192.0.2.0/24, 2001:db8::/56, or 0 for none\n",
        ),
        (["--short", "--json"], "netkit: --json and --short are two forms of output: choose one\n"),
        (["--zone", "--fields", "name"], "netkit: --tsv and --zone are two forms of output: choose one\n"),
        (["--fields", "adress"], "netkit: --fields: there is no field 'adress'\n"),
        (["--fields", "servr"], "netkit: --fields: there is no field 'servr'\nhint: did you mean server?\n"),
        (["--system", "--nsid"], "netkit: --system asks the system's resolver: it takes no server, type, --dns or"),
        (["--tsig-file", "/nonexistent"], "netkit: cannot read the key file /nonexistent: No such file or directory\n"),
    ],
)
def test_bad_input(netkit: Netkit, server: Scripted, args: list[str], stderr: str) -> None:
    where = [] if "--system" in args else [f"@{server}"]
    done = netkit("resolve", *where, *args, "www.test")
    assert done.returncode == (11 if "--tsig-file" in args else 2)
    if "--json" in args:
        assert json.loads(done.stdout)["error"]["message"] == stderr.removeprefix("netkit: ").rstrip("\n")
    else:
        assert done.stdout == ""
    assert done.stderr.startswith(stderr)
    assert server.queries == []


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("+short", "here it is --short"),
        ("+SUBNET=192.0.2.0/24", "here it is --ecs"),
        ("+nocomments", "netkit resolve --help lists what there is"),
    ],
)
def test_an_option_of_dig_is_none_of_the_names(netkit: Netkit, server: Scripted, word: str, hint: str) -> None:
    done = netkit("resolve", f"@{server}", "www.test", word)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"netkit: {word!r} is no name but an option of dig\nhint: {hint}\n"
    assert server.queries == []
    assert netkit("resolve", f"@{server}", "-t", "A", "--short", f"\\{word[:6]}").stdout == "192.0.2.1\n"
    assert str(asked(server).question[0].name) == f"{word[:6]}."


def test_what_digs_options_are_here_is_there(netkit: Netkit) -> None:
    words = set(netkit("resolve", "--help").stdout.split())
    assert [option for option in HERE.values() if not option.startswith("@") and option not in words] == []


def test_the_pieces_of_a_pipe(netkit: Netkit, dns: str) -> None:
    command = f"{sys.executable} -m netkit resolve @{dns} --tsv -t A big.lab.test | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (f"big.lab.test\tbig.lab.test.\t300\tA\t127.1.0.1\tanswer\t{dns}\n", "")
