"""What a line asks, in every form; what asks nothing; what cannot be asked, and the rule it breaks."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.dns.bulk.lines import MAX_LINE, MAX_PARENTS, Lines
from netkit.dns.bulk.task import Task
from netkit.dns.hosts import Line
from netkit.dns.lookup import known_locally
from netkit.dns.name import parse_name, to_text
from netkit.dns.result import Outcome
from netkit.dns.types import AAAA, MX, PTR, A
from netkit.errors import BadInput, Unreachable

DEFAULT: Any = ("the default",)
HOSTS = (Line("192.0.2.7", ("printer.test", "printer")),)


def routes(texts: Sequence[str]) -> Any:
    if "bad" in texts:
        raise BadInput("no server")
    if "gone" in texts:
        raise Unreachable("gone has no address")
    return tuple(texts)


def lines(types: Sequence[int] = (A,), **more: Any) -> Lines:
    return Lines(types, DEFAULT, routes, **more)


def asked(text: str | bytes, parse: Lines | None = None) -> list[Task]:
    return list((parse or lines()).tasks(text.encode() if isinstance(text, str) else text))


def facts(text: str, parse: Lines | None = None) -> list[tuple[str, str, int, Any]]:
    return [(task.text, task.name, task.type, task.route) for task in asked(text, parse)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("www.test", [("www.test", "www.test.", A, DEFAULT)]),
        ("  www.test. \r", [("www.test.", "www.test.", A, DEFAULT)]),
        ("test", [("test", "test.", A, DEFAULT)]),
        (".", [(".", ".", A, DEFAULT)]),
        ("WWW.Test", [("WWW.Test", "www.test.", A, DEFAULT)]),
        ("www.test # why", [("www.test", "www.test.", A, DEFAULT)]),
        ("www.test,mx", [("www.test", "www.test.", MX, DEFAULT)]),
        ("www.test, MX ,AAAA,MX", [("www.test", "www.test.", MX, DEFAULT), ("www.test", "www.test.", AAAA, DEFAULT)]),
        ("www.test,@192.0.2.1", [("www.test", "www.test.", A, ("192.0.2.1",))]),
        ("www.test,MX,@192.0.2.1,@x", [("www.test", "www.test.", MX, ("192.0.2.1", "x"))]),
        ("192.0.2.1", [("192.0.2.1", "1.2.0.192.in-addr.arpa.", PTR, DEFAULT)]),
        ("::1,PTR", [("::1", "1." + "0." * 31 + "ip6.arpa.", PTR, DEFAULT)]),
        (r"a\.b.test", [(r"a\.b.test", r"a\.b.test.", A, DEFAULT)]),
        ("faß.test", [("faß.test", "xn--fa-hia.test.", A, DEFAULT)]),
        ("_s._tcp.test", [("_s._tcp.test", "_s._tcp.test.", A, DEFAULT)]),
        ("", []),
        ("   ", []),
        ("# www.test", []),
        ("  #", []),
    ],
)
def test_forms(line: str, expected: list[Any]) -> None:
    assert facts(line) == expected
    assert all(task.known is None for task in asked(line))


def test_each_type_is_a_question() -> None:
    assert [task.type for task in asked("www.test", lines((A, AAAA, MX)))] == [A, AAAA, MX]


def test_a_network_is_each_of_its_addresses() -> None:
    assert [task.text for task in asked("192.0.2.5/30")] == ["192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7"]
    assert [task.name for task in asked("2001:db8::/127")] == [
        f"{last}." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa." for last in "01"
    ]


@pytest.mark.parametrize(
    ("line", "types", "detail"),
    [
        ("a..b", ["A"], "'a..b': label 2 is empty (two dots in a row, or a dot in front)"),
        (".a", ["A"], "'.a': label 1 is empty (two dots in a row, or a dot in front)"),
        ("x" * 64 + ".test", ["A"], None),
        (".".join(["x" * 63] * 4), ["A"], None),
        ("http://h.test/p", ["A"], "'http://h.test/p': ':' is not allowed in a name; did you mean h.test?"),
        ("x.test:53", ["A"], "'x.test:53': ':' is not allowed in a name; did you mean x.test?"),
        ("1.2.3", ["A"], None),
        ("www.test,NOPE", ["NOPE"], "record type 'NOPE' is unknown; types are written A, AAAA, MX, ... or TYPE257"),
        ("192.0.2.1,MX", ["MX"], "it is an address: only PTR can be asked for it"),
        ("a.test,MX,@bad", ["MX"], "no server"),
        ("10.0.0.0/7", ["PTR"], "10.0.0.0/7 has more than 16,777,216 addresses"),
        ("2001:db8::/32", ["PTR"], "2001:db8::/32 has more than 16,777,216 addresses"),
        ("10.0.0.0/33", ["A"], None),
        ("a b.test", ["A"], "'a b.test': ' ' is not allowed in a name"),
        ("\x1b[31m.test", ["A"], None),
        (r"a\999.test", ["A"], None),
    ],
)
def test_what_cannot_be_asked_has_a_result_that_says_why(line: str, types: list[str], detail: str | None) -> None:
    tasks = asked(line)
    assert [task.known and task.known.type for task in tasks] == types
    for task in tasks:
        assert task.known is not None
        assert task.known.outcome is Outcome.BADNAME
        assert task.known.detail
        assert detail in (None, task.known.detail)


def test_a_bad_name_has_a_result_for_each_type() -> None:
    assert [task.known and task.known.type for task in asked("a..b", lines((A, MX)))] == ["A", "MX"]


def test_a_line_of_10_kb_is_kept_and_one_without_end_is_not() -> None:
    [task] = asked("x" * 10_000)
    assert task.known
    assert (task.text, task.known.outcome) == ("x" * 10_000, Outcome.BADNAME)
    assert len(task.known.detail or "") < 300
    [task] = asked("x" * MAX_LINE)
    assert task.known
    assert task.known.detail == f"the line has more than {MAX_LINE} octets"


def test_octets_that_are_no_text_are_kept() -> None:
    [task] = asked(b"\xff\xfe.test")
    assert task.known
    assert task.known.outcome is Outcome.BADNAME
    assert task.text.encode("utf-8", "surrogateescape") == b"\xff\xfe.test"


def test_a_server_without_address_is_unreachable() -> None:
    [task] = asked("www.test,@gone")
    assert task.known
    assert (task.known.outcome, task.known.detail) == (Outcome.UNREACHABLE, "gone has no address")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("https://ann@www.test:8443/a,b?c#d", "www.test."),
        ("http://[2001:db8::1]:80/", "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa."),
        ("www.test:443", "www.test."),
        ("ann@www.test", "www.test."),
        ("[::1]:53", "1." + "0." * 31 + "ip6.arpa."),
        ("http://192.0.2.1:8080", "1.2.0.192.in-addr.arpa."),
        ("www.test", "www.test."),
        ("::1", "1." + "0." * 31 + "ip6.arpa."),
    ],
)
def test_lenient_takes_the_host_and_keeps_the_input(line: str, name: str) -> None:
    [task] = asked(line, lines(lenient=True))
    assert (task.text, task.name, task.known) == (line, name, None)


def test_without_idn_the_octets_are_sent() -> None:
    [task] = asked("é.test", lines(idn=False))
    assert task.wire == b"\x02\xc3\xa9\x04test\0"


def test_the_hosts_file_and_special_names_are_known() -> None:
    parse = lines((A, AAAA), hosts=HOSTS, local=lambda text: known_locally(text, HOSTS))
    known = {
        (task.text, task.type): task.known and (task.known.source, task.known.outcome.value, task.known.data)
        for line in (
            "printer.test",
            "PRINTER",
            "x.localhost",
            "y.invalid",
            "z.onion",
            "192.0.2.7",
            "127.0.0.1",
            "www.test",
        )
        for task in asked(line, parse)
    }
    assert known == {
        ("printer.test", A): ("hosts", "answer", ("192.0.2.7",)),
        ("printer.test", AAAA): ("hosts", "nodata", ()),
        ("PRINTER", A): ("hosts", "answer", ("192.0.2.7",)),
        ("PRINTER", AAAA): ("hosts", "nodata", ()),
        ("x.localhost", A): ("special", "answer", ("127.0.0.1",)),
        ("x.localhost", AAAA): ("special", "answer", ("::1",)),
        ("y.invalid", A): ("special", "nxdomain", ()),
        ("y.invalid", AAAA): ("special", "nxdomain", ()),
        ("z.onion", A): ("special", "nxdomain", ()),
        ("z.onion", AAAA): ("special", "nxdomain", ()),
        ("192.0.2.7", PTR): ("hosts", "answer", ("printer.test.", "printer.")),
        ("127.0.0.1", PTR): ("special", "answer", ("localhost.",)),
        ("www.test", A): None,
        ("www.test", AAAA): None,
    }
    [straight] = asked("printer.test,A", parse)  # a type goes to DNS, as with `resolve -t`
    assert straight.known is None


@given(st.from_regex(r"[a-z0-9_.-]{1,80}", fullmatch=True))
def test_a_name_is_the_same_here_as_for_resolve(text: str) -> None:
    try:
        wire = parse_name(text)
    except BadInput:
        wire = b""
    for task in asked(text):
        if task.type == PTR:
            assert task.known is None
        elif wire:
            assert (task.known, task.wire, task.name) == (None, wire, to_text(wire))
        else:
            assert task.known
            assert task.known.outcome is Outcome.BADNAME


def test_few_parents_are_remembered() -> None:
    parse = lines()
    for number in range(MAX_PARENTS + 10):
        [task] = asked(f"www.x{number}.test", parse)
        assert task.wire == parse_name(f"www.x{number}.test")
    assert len(parse.parents) <= MAX_PARENTS
