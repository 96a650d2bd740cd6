"""Many short names by the search list: the same as one by one, and one result for each line and type."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netkit.dns import resolve
from netkit.dns.bulk.engine import Settings
from netkit.dns.bulk.look_up import Run
from netkit.dns.result import Resolution
from tests.conftest import MS
from tests.dns.conftest import SOA, Scripted, asked_for, reply_to

Serve = Callable[..., Scripted]
PATIENT = Settings(timeout=60_000 * MS)
KNOWN = {
    ("www.near.test", "A"): "192.0.2.1",
    ("www.far.test", "AAAA"): "2001:db8::2",
    ("six.far.test", "AAAA"): "2001:db8::6",
    ("text.near.test", "TXT"): '"here"',
    ("bare", "A"): "192.0.2.9",
    ("two.dots.test", "A"): "192.0.2.3",
    ("last.far.test", "A"): "192.0.2.4",
}
NAMES = ["www", "six", "text", "bare", "gone", "fails", "two.dots", "two.dots.test", "last", "WWW", "www.", "127.0.0.1"]


def zone(wire: bytes, transport: str, number: int) -> list[bytes]:
    name, kind = asked_for(wire)
    if name.startswith("fails.near"):
        return [reply_to(wire, rcode="SERVFAIL")]
    if data := KNOWN.get((name.lower(), kind)):
        return [reply_to(wire, f"@ 60 IN {kind} {data}")]
    exists = any(name.lower() == one for one, _ in KNOWN)
    return [reply_to(wire, authority=[SOA], rcode="NOERROR" if exists else "NXDOMAIN")]


@pytest.fixture
def resolv_conf(tmp_path: Path) -> str:
    (tmp_path / "resolv.conf").write_text("search near.test far.test test\n")
    return str(tmp_path / "resolv.conf")


@pytest.fixture
def given() -> Iterator[Callable[[str], int]]:
    opened = []

    def make(text: str) -> int:
        read, write = os.pipe()
        os.write(write, text.encode())
        os.close(write)
        opened.append(read)
        return read

    yield make
    for fd in opened:
        os.close(fd)


def facts(one: Resolution) -> Any:
    return one._replace(elapsed_ms=0.0, rejected=(), tries=0)


def test_it_is_what_each_has_alone(serve: Serve, given: Any, resolv_conf: str) -> None:
    server = str(serve(zone))
    run = Run(
        given("\n".join(NAMES)),
        servers=[server],
        search=True,
        settings=PATIENT._replace(ordered=True),
        resolv_conf=resolv_conf,
    )
    together = [one.resolution for results in run.results() for one in results]
    alone = resolve(NAMES, servers=[server], search=True, resolv_conf=resolv_conf, timeout=60_000 * MS)
    assert [facts(one) for one in together] == [facts(one) for found in alone for one in found.resolutions]
    notes = {(one.input, one.type): one.notes for one in together}
    assert notes["last", "A"] == ("searched: last.near.test. last.far.test.",)
    assert notes["www", "AAAA"] == ()


@pytest.mark.parametrize("ordered", [False, True])
def test_each_line_and_type_has_one_result(ordered: bool, serve: Serve, given: Any, resolv_conf: str) -> None:
    lines = ["last", "last.far.test,TXT", "a..b", "# no", "gone,A,MX", "www", "127.0.0.0/30", "last"] * 40
    run = Run(
        given("\n".join(lines)),
        types=["A"],
        servers=[str(serve(zone))],
        search=True,
        settings=PATIENT._replace(ordered=ordered),
        resolv_conf=resolv_conf,
    )
    found = [(one.task.text, one.resolution.type) for results in run.results() for one in results]
    expected = 40 * [
        ("last", "A"), ("last.far.test,TXT".partition(",")[0], "TXT"), ("a..b", "A"), ("gone", "A"), ("gone", "MX"),
        ("www", "A"), *((f"127.0.0.{n}", "PTR") for n in range(4)), ("last", "A"),
    ]  # fmt: skip
    assert Counter(found) == Counter(expected)
    assert not ordered or found == expected


def test_lines_with_the_same_candidates_are_asked_once(serve: Serve, given: Any, resolv_conf: str) -> None:
    run = Run(
        given("last\nLAST\nlast.far.test\nlast\n"),
        types=["A"],
        servers=[str(serve(zone))],
        search=True,
        unique=True,
        settings=PATIENT._replace(ordered=True),
        resolv_conf=resolv_conf,
    )
    assert [one.task.text for results in run.results() for one in results] == ["last", "last.far.test"]
    assert run.feed.repeated == 2


def test_stopped_it_answers_for_what_it_has_taken(serve: Serve, given: Any, resolv_conf: str) -> None:
    def first_only(wire: bytes, transport: str, number: int) -> list[bytes]:
        return zone(wire, transport, number) if number < 60 else []

    run = Run(
        given("".join(f"last{n}\n" for n in range(2000))),
        types=["A", "MX"],
        servers=[str(serve(first_only))],
        search=True,
        settings=PATIENT._replace(concurrency=20),
        resolv_conf=resolv_conf,
    )
    found = []
    for results in run.results():
        found += results
        if run.engine.counts.queries >= 60:
            run.stop()
    asked = Counter((one.task.text, one.resolution.type) for one in found)
    assert set(asked.values()) == {1}
    count = run.feed.whole_lines
    whole = {(f"last{n}", kind) for n in range(count) for kind in ("A", "MX")}
    assert asked.keys() == whole | ({(f"last{count}", "A")} if run.feed.lines > count else set())
