"""`netkit fqdn -i` as a process: a record for each line whatever happens, its forms, and how it ends."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MS
from tests.dns.bulk.faulty import Faulty
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]
PATIENT = f"{60_000 * MS}s"
NAMES = "www.lab.test\nalias.lab.test\nnosuch.lab.test\na..b\na\tb\\\n"
ADDRESSES = "127.0.0.1\n127.0.0.66\n127.0.0.77\n127.0.0.10/31\n"


@pytest.fixture
def faulty() -> Iterator[Callable[..., Faulty]]:
    running: list[Faulty] = []

    def start(**options: Any) -> Faulty:
        running.append(Faulty(**options))
        return running[-1]

    yield start
    for server in running:
        server.close()


def test_rows(netkit: Netkit, dns: str) -> None:
    done = netkit("fqdn", "-s", dns, "-i", "-", "--ordered", input=NAMES + ADDRESSES)
    assert done.stdout == (
        "www.lab.test\twww.lab.test\tanswer\n"
        "alias.lab.test\twww.lab.test\tanswer\n"
        "nosuch.lab.test\t\tnone\n"
        "a..b\t\tbadname\n"
        "a\\tb\\\\\t\tbadname\n"
        "127.0.0.1\twww.lab.test\tconfirmed\n"
        "127.0.0.66\tnot-mine.example\trefused\n"
        "127.0.0.77\twww.lab.test\tunconfirmed\n"
        "127.0.0.10\t\tnone\n"
        "127.0.0.11\tmany.lab.test\tconfirmed\n"
    )
    assert (done.returncode, done.stderr) == (8, "netkit: 3 of 10 questions failed: 2 badname, 1 refused\n")


def test_a_bare_dash_is_standard_input(netkit: Netkit, dns: str) -> None:
    done = netkit("fqdn", "-s", dns, "-", input="alias.lab.test\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "alias.lab.test\twww.lab.test\tanswer\n", "")


def test_json_is_what_each_has_alone(netkit: Netkit, dns: str) -> None:
    good = ["alias.lab.test", "127.0.0.1", "127.0.0.66", "127.0.0.77", "nosuch.lab.test", "::1"]
    many = netkit("fqdn", "-s", dns, "--json", "-i", "-", "--ordered", input="\n".join([*good, "a..b"])).stdout
    alone = netkit("fqdn", "-s", dns, "--json", *good).stdout

    def timeless(text: str) -> list[Any]:
        found = [json.loads(line) for line in text.splitlines()]
        for one in found:
            assert one.pop("time")
            for source in one["sources"]:
                assert source.pop("elapsed_ms") >= 0
        return found

    *found, bad = timeless(many)
    assert found == timeless(alone)
    assert list(bad) == list(found[0])
    assert (bad["input"], bad["name"], bad["exit_code"], bad["sources"]) == ("a..b", None, 2, [])
    assert bad["error"] == {
        "kind": "badname",
        "message": "'a..b': label 2 is empty (two dots in a row, or a dot in front)",
        "hint": None,
    }


@pytest.mark.parametrize(
    ("text", "fail_on", "code"),
    [
        ("www.lab.test\nnosuch.lab.test\n127.0.0.77\n", [], 0),
        ("www.lab.test\nnosuch.lab.test\n127.0.0.77\n", ["no"], 8),
        ("nosuch.lab.test\n127.0.0.77\n", ["no"], 1),
        ("www.lab.test\n127.0.0.77\n", ["none,short"], 0),
        ("127.0.0.1\n127.0.0.77\n", ["unconfirmed"], 8),
        ("servfail.lab.test\n", [], 9),
        ("servfail.lab.test\n", ["never"], 0),
        ("", [], 0),
    ],
)
def test_what_counts(netkit: Netkit, dns: str, text: str, fail_on: list[str], code: int) -> None:
    options = [word for one in fail_on for word in ("--fail-on", one)]
    assert netkit("fqdn", "-s", dns, "-i", "-", "-q", *options, input=text).returncode == code


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["-i", "-", "www.test"], "'www.test' and -i: the names come from the input alone"),
        (["-i", "-", "--all"], "--all does not go with -i"),
        (["-i", "-", "--short-ok"], "--short-ok does not go with -i"),
        (["--ordered", "www.test"], "--ordered goes with -i"),
        (["-i", "-", "--concurrency", "many"], "--concurrency 'many' is neither auto nor a number"),
        (["-i", "-", "--only", "nxdomain"], "--only: 'nxdomain' is no word of a result"),
        (["-i", "-", "--only", "no", "--except", "no"], "--only and --except exclude each other"),
        (
            ["-i", "-", "--unique", "--jobs", "2"],
            "--unique and --jobs exclude each other: one process has to see all names",
        ),
        (["--jobs", "2", "www.test"], "--jobs goes with -i"),
        (["-i", "-", "--fail-on", "nxdomain"], "--fail-on: 'nxdomain' is no word of a result"),
    ],
)
def test_what_does_not_go_together(netkit: Netkit, argv: list[str], words: str) -> None:
    done = netkit("fqdn", *argv, input="www.test\n")
    assert (done.returncode, done.stdout, done.stderr.splitlines()[0]) == (2, "", f"netkit: {words}")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--only", "no"], ["nosuch.lab.test", "127.0.0.77"]),
        (["--only", "confirmed,badname"], ["a..b", "127.0.0.1"]),
        (["--except", "answer,no", "--except", "badname"], ["127.0.0.1"]),
    ],
)
def test_only_some_words(netkit: Netkit, dns: str, options: list[str], expected: list[str]) -> None:
    text = "www.lab.test\nnosuch.lab.test\na..b\n127.0.0.1\n127.0.0.77\n"
    done = netkit("fqdn", "-s", dns, "-i", "-", "--ordered", *options, input=text)
    assert [line.partition("\t")[0] for line in done.stdout.splitlines()] == expected


def test_what_comes_twice_and_what_is_pasted(netkit: Netkit, dns: str) -> None:
    text = (
        "https://u@www.lab.test/a,b\nwww.lab.test:443\nWWW.lab.test\na..b\n127.0.0.0/31\nhttp://127.0.0.1:8080\n"
        "[::1]:53\n::1\na..b\nalias.lab.test\n"
    )
    done = netkit("fqdn", "-s", dns, "-i", "-", "--lenient", "--unique", "--ordered", input=text)
    assert done.stdout == (
        "https://u@www.lab.test/a,b\twww.lab.test\tanswer\n"
        "a..b\t\tbadname\n"
        "127.0.0.0\t\tnone\n"
        "127.0.0.1\twww.lab.test\tconfirmed\n"
        "[::1]:53\twww.lab.test\tconfirmed\n"
        "a..b\t\tbadname\n"
        "alias.lab.test\twww.lab.test\tanswer\n"
    )
    said = json.loads(
        netkit("fqdn", "-s", dns, "-i", "-", "--unique", "--stats", "--json", input="::1\n::1\nx.invalid\n").stderr
    )
    assert (said["lines"], said["questions"], said["repeated"]) == (3, 2, 1)


def test_names_with_one_first_candidate_are_not_the_same(
    netkit: Netkit, dns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short name whose first candidate does not exist has others, which the long one has not."""
    monkeypatch.setenv("LOCALDOMAIN", "nosuch.lab.test lab.test")
    done = netkit("fqdn", "-s", dns, "-i", "-", "--unique", "--ordered", input="www.nosuch.lab.test\nwww\nWWW.\nwww\n")
    assert done.stdout == "www.nosuch.lab.test\t\tnone\nwww\twww.lab.test\tanswer\nWWW.\t\trefused\n"


@pytest.mark.parametrize("options", [[], ["--ordered"]])
def test_several_processes(options: list[str], faulty: Any, netkit: Netkit) -> None:
    asked = [f"10.0.{n // 256}.{n % 256}" for n in range(2000)]
    asked[100:100] = ["h7.test", "a..b", "https://h8.test/", "10.1.0.3"]
    argv = ["fqdn", "-s", str(faulty()), "--jobs", "2", "--lenient", "--stats", "--timeout", PATIENT, *options]
    done = netkit(*argv, "-i", "-", input="# addresses\n" + "\n".join(asked))
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    inputs = [row[0] for row in rows]
    assert (inputs if options else sorted(inputs)) == (asked if options else sorted(asked))
    words = {row[0]: row[2] for row in rows}
    assert [words.pop(one) for one in asked[100:104]] == ["answer", "badname", "answer", "unconfirmed"]
    assert set(words.values()) == {"confirmed"}
    assert done.stderr.startswith("2,005 lines, 2,004 questions in ")
    assert done.returncode == 8


def test_what_is_a_no_is_confirmed(netkit: Netkit, faulty: Any, dns: str) -> None:
    servers = ["-s", dns, "-s", str(faulty(faults=False))]
    done = netkit("fqdn", *servers, "-i", "-", "--confirm", "1", input="h5.lab.test\n" * 8)
    assert done.stdout == "h5.lab.test\th5.lab.test\tanswer\n" * 8
    done = netkit("fqdn", "-s", dns, "-i", "-", "--confirm", "1", input="h5.lab.test\n")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "netkit: --confirm 1 needs 2 servers, and there is 1",
    )


def test_statistics(netkit: Netkit, dns: str) -> None:
    done = netkit("fqdn", "-s", dns, "--json", "--stats", "-i", "-", input="127.0.0.1\n127.0.0.77\nnosuch.lab.test\n")
    said = json.loads(done.stderr)
    assert (said["lines"], said["questions"], said["queries"]) == (3, 3, 7)
    assert said["outcomes"] == {"confirmed": 1, "unconfirmed": 1, "none": 1}
    assert said["latency_ms"]["p50"] > 0


def test_a_terminal_gets_nothing_that_it_obeys(dns: str, terminal: Any, tmp_path: Path) -> None:
    (tmp_path / "names").write_bytes(b"a\x1b[31mb\n127.0.0.27\n")
    shown = terminal("fqdn", "-s", dns, "-i", str(tmp_path / "names"), "--ordered", columns=200, env={"NO_COLOR": "1"})
    assert "\x1b" not in shown.text
    assert shown.lines[:2] == [
        "a\\x1b[31mb\t\tbadname",
        "127.0.0.27\t\\027[31mred\\027[0m.lab.test\tunconfirmed",
    ]


def test_interrupted_it_has_a_record_for_each_line_that_it_read(faulty: Any, tmp_path: Path) -> None:
    asked = [f"10.0.{n // 256}.{n % 256}" for n in range(20_000)]
    (tmp_path / "names").write_text("".join(f"{one}\n" for one in asked))
    argv = ["fqdn", "-s", str(faulty(faults=False, quiet_after=2500)), "--timeout", PATIENT]
    with Process(
        *argv, "-i", str(tmp_path / "names"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        seen = b""
        assert process.stdout
        while seen.count(b"\tconfirmed\n") < 200:
            seen += os.read(process.stdout.fileno(), 65536)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        rest, errors = process.communicate(timeout=60_000 * MS)
    rows = [line.split("\t") for line in (seen + rest).decode().splitlines()]
    said = re.search(r"netkit: interrupted after line ([0-9,]+) of .*\nhint: tail -n \+(\d+) has", errors.decode())
    assert said
    read = int(said[1].replace(",", ""))
    assert (process.returncode, int(said[2])) == (130, read + 1)
    assert sorted(row[0] for row in rows) == sorted(asked[:read])
    assert {row[2] for row in rows} == {"confirmed", "interrupted"}


@pytest.mark.parametrize("argv", [["resolve", "@127.0.0.1:1"], ["fqdn", "-s", "127.0.0.1:1"]])
def test_input_that_has_no_line_can_be_interrupted(argv: list[str]) -> None:
    with Process(*argv, "-i", "/dev/zero", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with open(f"/proc/{process.pid}/io") as facts:
            while int(re.findall(r"rchar: (\d+)", facts.read())[0]) < 50_000_000:  # it reads, so the handler is there
                facts.seek(0)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60_000 * MS)
    assert (process.returncode, output) == (130, b"")
    assert b"interrupted after line 0 of /dev/zero" in errors


def test_a_reader_that_goes_away_ends_it_quietly(faulty: Any, tmp_path: Path) -> None:
    (tmp_path / "names").write_text("10.0.0.0/18\n")
    argv = ["fqdn", "-s", str(faulty(faults=False)), "--json", "-i", str(tmp_path / "names")]
    with Process(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        assert (process.wait(60_000 * MS), errors) == (141, b"")


def test_lines_are_answered_while_the_pipe_is_open(faulty: Any) -> None:
    with Process(
        "fqdn", "-s", str(faulty(faults=False)), "-i", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        for number in (5, 6):
            process.stdin.write(f"10.0.0.{number}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == f"10.0.0.{number}\th{number}.test\tconfirmed\n".encode()
