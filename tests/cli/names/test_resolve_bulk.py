"""`netkit resolve -i` as a process: a record for each question whatever happens, its forms, and how it ends."""

import json
import os
import pty
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MS
from tests.dns.bulk.faulty import Faulty
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]
PATIENT = f"{60_000 * MS}s"


@pytest.fixture
def faulty() -> Iterator[Callable[..., Faulty]]:
    running: list[Faulty] = []

    def start(**options: Any) -> Faulty:
        running.append(Faulty(**options))
        return running[-1]

    yield start
    for server in running:
        server.close()


def address(name: str) -> str:
    return str(IPv4Address((10 << 24) + int(name.partition(".")[0][1:])))


def names(count: int) -> str:
    return "".join(f"h{n}.test\n" for n in range(count))


# --- the whole of it


@pytest.mark.parametrize("options", [[], ["--ordered"], ["--jobs", "2"], ["--jobs", "2", "--ordered"]])
def test_five_thousand_names_of_a_server_that_loses_fails_cuts_and_garbles(
    options: list[str], faulty: Any, netkit: Netkit, tmp_path: Path
) -> None:
    lines = [f"h{n}.test" for n in range(5000)]
    lines[100:100] = ["# a comment", "", "   ", "x" * 10_000, "h7.test", "H8.Test.", "h9.test\r", "a..b", "# h1.test"]
    (tmp_path / "names").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    argv = ["resolve", f"@{faulty()}", "-t", "A", "--timeout", f"{9000 * MS}s", "--json", *options]
    done = netkit(*argv, "-i", str(tmp_path / "names"))
    asking = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(asking)
    if "--ordered" in options:
        assert [one["input"] for one in found] == asking
    else:
        assert Counter(one["input"] for one in found) == Counter(asking)
    outcomes = Counter(one["outcome"] for one in found)
    assert outcomes == {"answer": len(asking) - 2, "badname": 2}
    for one in found:
        if one["outcome"] == "answer":
            assert one["addresses"] == [address(one["input"])]
    assert Counter(one["transport"] for one in found)["tcp"] in range(40, 51)
    tries = Counter(one["tries"] for one in found if one["outcome"] == "answer" and one["transport"] == "udp")
    assert tries[1] >= 4000
    assert sum(tries.values()) - tries[1] >= 105  # dropped, failed and garbled ones, at least
    assert done.returncode == 8
    assert done.stderr == "netkit: 2 of 5,005 questions failed: 2 badname\n"


def test_the_template_writes_what_json_writes(faulty: Any, netkit: Netkit, lab_names: str, dns: str) -> None:
    """One after the other by `resolve`, and all at once: the same but for the times."""
    together = netkit("resolve", f"@{dns}", "-t", "A,AAAA,MX", "--json", "--ordered", "-i", "-", input=lab_names)
    alone = netkit("resolve", f"@{dns}", "-t", "A,AAAA,MX", "--json", *lab_names.split())
    assert timeless(together.stdout) == timeless(alone.stdout)
    assert together.stdout.count("\n") == 3 * len(lab_names.split())
    for line in together.stdout.splitlines():
        assert json.dumps(json.loads(line), ensure_ascii=False) == line


@pytest.fixture
def lab_names() -> str:
    return "www.lab.test\nmany.lab.test\nalias.lab.test\nlab.test\nnosuch.lab.test\nWWW.lab.test.\nmünchen.lab.test\n"


def timeless(text: str) -> list[str]:
    """Without what is never twice the same. That a name has been asked for before makes its case the first one's."""
    return [re.sub(r'"(time|elapsed_ms)": [^,]*', r'"\1"', line) for line in text.splitlines()]


# --- forms


def test_columns(dns: str, netkit: Netkit) -> None:
    text = "many.lab.test,A\nlab.test,MX\nnosuch.lab.test,A\na\tb\\\n127.0.0.1\n"
    done = netkit("resolve", f"@{dns}", "-t", "A", "-i", "-", "--ordered", input=text)
    assert done.stdout == (
        "many.lab.test\tA\tanswer\t127.0.0.11\t127.0.0.12\t127.0.0.13\n"
        "lab.test\tMX\tanswer\t10 mail.lab.test.\t20 mail2.lab.test.\n"
        "nosuch.lab.test\tA\tnxdomain\n"
        "a\\tb\\\\\tA\tbadname\n"
        "127.0.0.1\tPTR\tanswer\twww.lab.test.\n"
    )
    assert (done.returncode, done.stderr) == (8, "netkit: 1 of 5 questions failed: 1 badname\n")


def test_a_bare_dash_is_standard_input(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", "-", f"@{dns}", "--ordered", input="www.lab.test,A\nlab.test,MX\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "www.lab.test\tA\tanswer\t127.0.0.1\nlab.test\tMX\tanswer\t10 mail.lab.test.\t20 mail2.lab.test.\n"
    )


def test_short_is_data_alone(dns: str, netkit: Netkit) -> None:
    done = netkit(
        "resolve",
        f"@{dns}",
        "-i",
        "-",
        "--short",
        "--ordered",
        input="many.lab.test,A\nnosuch.lab.test,A\nwww.lab.test\n",
    )
    assert done.stdout == "127.0.0.11\n127.0.0.12\n127.0.0.13\n127.0.0.1\n::1\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_lines_of_a_zone_file(dns: str, netkit: Netkit) -> None:
    text = "alias.lab.test,A\nnosuch.lab.test,A\na..b\nlab.test,MX\nwww.lab.test,A\n"
    done = netkit("resolve", f"@{dns}", "-i", "-", "--zone", "--ordered", input=text)
    alone = netkit("resolve", f"@{dns}", "--zone", "-t", "A", "alias.lab.test").stdout
    assert done.stdout == (
        alone + "lab.test.\t300\tIN\tMX\t10 mail.lab.test.\nlab.test.\t300\tIN\tMX\t20 mail2.lab.test.\n"
        "www.lab.test.\t300\tIN\tA\t127.0.0.1\n"
    )
    assert alone.count("\n") == 2


def test_the_columns_that_are_wanted(dns: str, netkit: Netkit) -> None:
    text = "many.lab.test\nnosuch.lab.test\na\tb\\\n"
    argv = ["resolve", f"@{dns}", "-t", "A", "-i", "-", "--ordered"]
    done = netkit(*argv, "--fields", "input,name,outcome,data,size", input=text)
    assert done.stdout == (
        "".join(f"many.lab.test\tmany.lab.test.\tanswer\t127.0.0.{n}\t90\n" for n in (11, 12, 13))
        + "nosuch.lab.test\tnosuch.lab.test.\tnxdomain\t\t95\n"
        "a\\tb\\\\\t\tbadname\t\t\n"
    )
    many = netkit(*argv, "--tsv", input="many.lab.test\nnosuch.lab.test\n")
    assert many.stdout == netkit(*argv[:4], "--tsv", "many.lab.test", "nosuch.lab.test").stdout


def test_a_terminal_gets_nothing_that_it_obeys(dns: str, terminal: Any, tmp_path: Path) -> None:
    (tmp_path / "names").write_bytes(b"a\x1b[31mb\nescape.lab.test,TXT\nwww.lab.test,A\n")
    shown = terminal(
        "resolve", f"@{dns}", "-i", str(tmp_path / "names"), "--ordered", columns=200, env={"NO_COLOR": "1"}
    )
    assert "\x1b" not in shown.text
    assert shown.lines[0] == "a\\x1b[31mb\tA\tbadname"
    assert "www.lab.test\tA\tanswer\t127.0.0.1" in shown.lines


def test_bad_names_have_all_keys(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", f"@{dns}", "-t", "A", "--json", "-i", "-", input="http://h/p\nwww.lab.test\n")
    bad, good = sorted(map(json.loads, done.stdout.splitlines()), key=lambda one: one["outcome"], reverse=True)
    assert list(bad) == list(good)
    assert (bad["input"], bad["name"], bad["display"], bad["type"]) == ("http://h/p", None, None, "A")
    assert bad["error"] == {
        "kind": "badname",
        "message": "http://h/p A: badname: this is no name "
        "('http://h/p': ':' is not allowed in a name; did you mean h?)",
        "hint": None,
    }


def test_options_of_edns(dns: str, netkit: Netkit) -> None:
    argv = ["resolve", f"@{dns}", "-t", "A", "--cookie", "--nsid", "--ecs", "192.0.2.0/24", "--pad", "64", "--json"]
    done = netkit(*argv, "-i", "-", input="www.lab.test\n" * 3)
    alone = json.loads(netkit(*argv, "www.lab.test").stdout)
    cookies = set()
    for line in done.stdout.splitlines():
        found = json.loads(line)
        assert (found["nsid"], found["ecs"], found["size"]) == (alone["nsid"], alone["ecs"], alone["size"])
        cookies.add(found["cookie"]["client"])
        assert found["cookie"]["server"]
    assert len(cookies) == 1


@pytest.mark.parametrize("options", [[], ["--jobs", "2"]])
def test_short_names(options: list[str], dns: str, netkit: Netkit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALDOMAIN", "nosuch.lab.test lab.test")
    argv = ["resolve", f"@{dns}", "--search", "-t", "A"]
    done = netkit(*argv, "-i", "-", "--ordered", *options, input="www\nmany\nnosuch\na..b\nwww.lab.test\nwww\n")
    assert done.stdout == (
        "www\tA\tanswer\t127.0.0.1\nmany\tA\tanswer\t127.0.0.11\t127.0.0.12\t127.0.0.13\nnosuch\tA\trefused\n"
        "a..b\tA\tbadname\nwww.lab.test\tA\tanswer\t127.0.0.1\nwww\tA\tanswer\t127.0.0.1\n"
    )
    together = netkit(*argv, "-i", "-", "--ordered", "--json", *options, input="www\nnosuch\nalias\n")
    assert timeless(together.stdout) == timeless(netkit(*argv, "--json", "www", "nosuch", "alias").stdout)


# --- which results


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--only", "answer"], ["www.lab.test"]),
        (["--only", "no"], ["nosuch.lab.test"]),
        (["--only", "nxdomain,badname"], ["nosuch.lab.test", "a..b"]),
        (["--except", "answer,no"], ["a..b"]),
        (["--except", "answer", "--except", "badname"], ["nosuch.lab.test"]),
    ],
)
def test_only_some_outcomes(options: list[str], expected: list[str], dns: str, netkit: Netkit) -> None:
    text = "www.lab.test\nnosuch.lab.test\na..b\n"
    done = netkit("resolve", f"@{dns}", "-t", "A", "-i", "-", "--ordered", *options, input=text)
    assert [line.partition("\t")[0] for line in done.stdout.splitlines()] == expected


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        ("www.lab.test\nnosuch.lab.test\n", [], 0),
        ("www.lab.test\nnosuch.lab.test\n", ["--fail-on", "no"], 8),
        ("nosuch.lab.test\n", ["--fail-on", "no"], 1),
        ("a..b\n", [], 2),
        ("a..b\n", ["--fail-on", "never"], 0),
        ("servfail.lab.test\n", [], 9),
        ("servfail.lab.test\na..b\n", ["--fail-on", "servfail"], 8),
        ("servfail.lab.test\na..b\n", ["--fail-on", "timeout,lame"], 0),
        ("", [], 0),
    ],
)
def test_exit_codes(text: str, options: list[str], code: int, dns: str, netkit: Netkit) -> None:
    done = netkit("resolve", f"@{dns}", "-t", "A", "-i", "-", "-q", *options, input=text)
    assert (done.returncode, done.stderr) == (code, "")


def test_what_comes_twice_and_what_is_pasted(dns: str, netkit: Netkit) -> None:
    text = "https://www.lab.test/a\nwww.lab.test:443\nwww.lab.test\nalias.lab.test\n"
    done = netkit("resolve", f"@{dns}", "-t", "A", "-i", "-", "--lenient", "--unique", "--ordered", input=text)
    assert done.stdout == "https://www.lab.test/a\tA\tanswer\t127.0.0.1\nalias.lab.test\tA\tanswer\t127.0.0.1\n"


def test_statistics(faulty: Any, netkit: Netkit) -> None:
    argv = ["resolve", f"@{faulty(faults=False)}", "-t", "A", "-i", "-", "--stats"]
    done = netkit(*argv, "--json", input=names(100) + "a..b\n")
    said = json.loads(done.stderr)
    assert list(said) == [
        "time", "lines", "questions", "repeated", "outcomes", "elapsed_ms", "rate", "queries", "retries", "timeouts",
        "over_tcp", "rejected", "strays", "latency_ms",
    ]  # fmt: skip
    assert (said["lines"], said["questions"], said["queries"]) == (101, 101, 100)
    assert said["outcomes"] == {"answer": 100, "badname": 1}
    assert said["latency_ms"]["p50"] > 0
    done = netkit(*argv, "--jobs", "3", input=names(100))
    assert re.fullmatch(
        r"100 lines, 100 questions in [0-9.]+ s, [0-9,]+/s: 100 answer\n"
        r"100 queries, 0 retries, 0 timeouts, 0 over TCP, 0 replies rejected, 0 replies to no question\n"
        r"p50 [0-9.]+ ms, p90 [0-9.]+ ms, p99 [0-9.]+ ms, max [0-9.]+ ms\n",
        done.stderr,
    )


def test_every_step(faulty: Any, netkit: Netkit) -> None:
    done = netkit("resolve", f"@{faulty()}", "--trace", "-t", "A", "-i", "-", input="h5.test\n")
    assert done.stdout == "h5.test\tA\tanswer\t10.0.0.5\n"
    for word in ("socket ", "connect ", "send ", "recv ", "close "):
        assert word in done.stderr


# --- how it ends


@pytest.mark.parametrize("options", [[], ["--jobs", "2"]])
def test_interrupted_it_has_a_record_for_each_line_that_it_read(
    options: list[str], faulty: Any, tmp_path: Path
) -> None:
    (tmp_path / "names").write_text(names(50_000))
    argv = ["resolve", f"@{faulty(faults=False, quiet_after=2500)}", "-t", "A", "--timeout", PATIENT, *options]
    with Process(
        *argv, "-i", str(tmp_path / "names"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        seen = b""
        assert process.stdout
        while seen.count(b"\tanswer\t") < 1000:
            seen += os.read(process.stdout.fileno(), 65536)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        rest, errors = process.communicate(timeout=60_000 * MS)
    lines = (seen + rest).decode().splitlines()
    inputs = [line.partition("\t")[0] for line in lines]
    said = re.search(
        r"netkit: interrupted after line ([0-9,]+) of .*\nhint: tail -n \+(\d+) has the rest\n", errors.decode()
    )
    assert said
    read = int(said[1].replace(",", ""))
    assert process.returncode == 130
    assert int(said[2]) == read + 1
    assert sorted(inputs) == sorted(names(50_000).split()[:read])
    assert {line.split("\t")[2] for line in lines} <= {"answer", "interrupted"}
    assert f"{read:,} lines, {read:,} questions" in errors.decode()


@pytest.mark.parametrize("options", [[], ["--jobs", "2"]])
def test_a_reader_that_goes_away_ends_it_quietly(options: list[str], faulty: Any, tmp_path: Path) -> None:
    (tmp_path / "names").write_text(names(30_000))
    argv = ["resolve", f"@{faulty(faults=False)}", "-t", "A", "--json", "-i", str(tmp_path / "names"), *options]
    with Process(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        assert (process.wait(60_000 * MS), errors) == (141, b"")


def test_lines_are_answered_while_the_pipe_is_open(faulty: Any) -> None:
    argv = ["resolve", f"@{faulty(faults=False)}", "-t", "A", "-i", "-"]
    with Process(*argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for number in (5, 6):
            process.stdin.write(f"h{number}.test\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == f"h{number}.test\tA\tanswer\t10.0.0.{number}\n".encode()
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(60_000 * MS) == 0


def test_how_far_it_is_shows_on_the_terminal_and_the_results_go_where_they_go(faulty: Any, tmp_path: Path) -> None:
    (tmp_path / "names").write_text(names(3000))
    ours, theirs = pty.openpty()
    argv = ["resolve", f"@{faulty(faults=False)}", "-t", "A", "--rate", "1500/s", "-i", str(tmp_path / "names")]
    with (tmp_path / "out").open("wb") as out:
        process = Process(*argv, stdout=out, stderr=theirs, stdin=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # EIO: its last process has ended
        pass
    os.close(ours)
    assert process.wait(60_000 * MS) == 0
    assert (tmp_path / "out").read_text().count("\tanswer\t") == 3000
    assert re.search(rb"[1-9][0-9,]* done, [1-9][0-9,]*/s", seen)
    assert b"answer" not in seen


@pytest.mark.parametrize(
    ("argv", "message", "code"),
    [
        (["-i", "/nonexistent"], "cannot read /nonexistent: No such file or directory", 11),
        (["-i", "/"], "cannot read the names: Is a directory", 11),
        (["-i", "-", "www.test"], "'www.test' and -i: the names come from the input alone", 2),
        (["-", "www.test"], "'www.test' and -i: the names come from the input alone", 2),
        (["-i", "-", "--system"], "--system does not go with -i: the system looks up one name after the other", 2),
        (["-i", "-", "--tsig-file", "/x"], "--tsig-file does not go with -i: its queries come from a template", 2),
        (["-i", "-", "--validate"], "-i looks names up: it goes with no mode and no --validate", 2),
        (["-i", "-", "--zone", "--short"], "--zone and --short are two forms of output", 2),
        (["-i", "-", "--fields", "nope"], "--fields: there is no field 'nope'", 2),
        (
            ["-i", "-", "--unique", "--jobs", "2"],
            "--unique and --jobs exclude each other: one process has to see all",
            2,
        ),
        (["-i", "-", "@tls://192.0.2.1", "--cacert", "/nonexistent"], "/nonexistent", 2),
        (["-i", "-", "--concurrency", "0"], "--concurrency 0: from 1 to 30000", 2),
        (["-i", "-", "--concurrency", "many"], "--concurrency 'many' is neither auto nor a number", 2),
        (["-i", "-", "--only", "nope"], "--only: 'nope' is no outcome", 2),
        (["-i", "-", "--only", "no", "--except", "answer"], "--only and --except exclude each other", 2),
        (["-i", "-", "--fail-on", "sometimes"], "--fail-on: 'sometimes' is no outcome", 2),
        (["-i", "-", "--confirm", "1"], "--confirm 1 needs 2 servers, and there is 1", 2),
        (["--ordered", "www.test"], "--ordered goes with -i", 2),
        (["--except", "no", "www.test"], "--except goes with -i", 2),
    ],
)
def test_what_cannot_be_done(argv: list[str], message: str, code: int, netkit: Netkit) -> None:
    done = netkit("resolve", "@192.0.2.1", *argv)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr


def test_a_million_names_would_take_no_more_memory_than_ten_thousand(faulty: Any, tmp_path: Path) -> None:
    """What is held does not grow with the input; bench/dns has the million."""
    held = []
    for count in (5_000, 25_000):
        (tmp_path / "names").write_text(names(count))
        argv = ["resolve", f"@{faulty(faults=False)}", "-t", "A", "-i", str(tmp_path / "names")]
        with Process(*argv, stdout=subprocess.PIPE) as process:
            most = 0
            assert process.stdout
            while chunk := os.read(process.stdout.fileno(), 65536):
                assert chunk
                status = Path(f"/proc/{process.pid}/status").read_text()
                if found := re.search(r"VmRSS:\s+(\d+)", status):
                    most = max(most, int(found[1]))
        held.append(most)
    assert held[1] < held[0] + 4096
