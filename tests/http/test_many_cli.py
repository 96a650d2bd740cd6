"""`netkit http get` for several URLs and with --count, as a process: pipes, a terminal, signals, exit codes."""

import json
import resource
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MS
from tests.warm import Process

Serve = Callable[..., Any]
Netkit = Callable[..., subprocess.CompletedProcess[str]]
Terminal = Callable[..., Any]
LIMIT = 60_000 * MS


def ok(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def echo(connection: socket.socket, head: bytes) -> None:
    path = head.split()[1]
    body = path + b"\n"
    if path == b"/404":
        connection.sendall(ok(body, b"404 Not Found"))
    elif path == b"/cut":
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345")
        connection.close()
    else:
        connection.sendall(ok(b"" if head.startswith(b"HEAD") else body))


def urls(server: Any, *paths: str) -> list[str]:
    return [f"http://127.0.0.1:{server.port}{path}" for path in paths]


def test_bodies_in_order_and_whole_whichever_came_first(netkit: Netkit, serve: Serve) -> None:
    come = threading.Event()

    def answer(connection: socket.socket, head: bytes) -> None:
        if head.startswith(b"GET /first"):
            come.wait(LIMIT)
        echo(connection, head)
        if head.startswith(b"GET /last"):
            come.set()

    server = serve(answer, keep_alive=True)
    paths = ["/first", *[f"/{number}" for number in range(300)], "/last"]
    done = netkit("http", "get", "--parallel", "32", *urls(server, *paths))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == paths


def test_as_they_come(netkit: Netkit, serve: Serve) -> None:
    come = threading.Event()

    def answer(connection: socket.socket, head: bytes) -> None:
        if head.startswith(b"GET /first"):
            come.wait(LIMIT)
        echo(connection, head)

    server = serve(answer, keep_alive=True)
    command = ["http", "get", "--json", "--parallel", "2", "--unordered", *urls(server, "/first", "/second")]
    with Process(*command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["body"]["content"] == "/second\n"
        come.set()
        assert json.loads(process.stdout.readline())["body"]["content"] == "/first\n"
        assert process.wait(LIMIT) == 0


def test_one_document_each_and_the_codes_combined(netkit: Netkit, serve: Serve) -> None:
    server = serve(echo)
    given = urls(server, "/1", "/404", "/cut", "/2")
    done = netkit("http", "get", "--json", "--parallel", "4", *given)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["url"] for one in documents] == given
    assert [one["exit_code"] for one in documents] == [0, 1, 5, 0]
    assert done.returncode == 8
    assert netkit("http", "get", "--parallel", "4", *urls(server, "/404", "/404")).returncode == 1


def test_a_list_from_standard_input_with_bad_lines(netkit: Netkit, serve: Serve) -> None:
    server = serve(echo, keep_alive=True)
    one, two = urls(server, "/1", "/2")
    given = f"\ufeff{one}\r\n# not this\r\n\r\nftp://x/\r\n{two}"
    done = netkit("http", "get", "--parallel", "3", "-i", "-", "--json", input=given, stdin=None)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["url"], one["exit_code"]) for one in documents] == [(one, 0), ("ftp://x/", 2), (two, 0)]
    assert set(documents[0]) == set(documents[1])
    assert documents[1]["hops"] == []
    assert documents[1]["error"]["kind"] == "bad_input"
    assert done.returncode == 8
    assert done.stderr == ("netkit: standard input, line 4: URL 'ftp://x/': scheme 'ftp' is not http or https\n")


def test_a_list_from_a_file_behind_urls(netkit: Netkit, serve: Serve, tmp_path: Path) -> None:
    server = serve(echo, keep_alive=True)
    (tmp_path / "list").write_text("".join(f"{url}\n" for url in urls(server, *[f"/{n}" for n in range(50)])))
    done = netkit("http", "get", *urls(server, "/a", "/b"), "-i", str(tmp_path / "list"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["/a", "/b", *[f"/{n}" for n in range(50)]]
    (tmp_path / "empty").write_text("# nothing\n")
    done = netkit("http", "head", "-i", str(tmp_path / "empty"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_results_come_while_the_list_is_still_written(serve: Serve) -> None:
    server = serve(echo, keep_alive=True)
    command = ["http", "get", "--parallel", "8", "-i", "-"]
    with Process(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        for path in ("/1", "/2"):
            process.stdin.write(f"{urls(server, path)[0]}\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{path}\n"
        process.stdin.close()
        assert process.wait(LIMIT) == 0


def test_ctrl_c_while_the_list_is_waited_for(serve: Serve) -> None:
    server = serve(echo, keep_alive=True)
    command = ["http", "get", "--parallel", "8", "-i", "-"]
    with Process(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{urls(server, '/1')[0]}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "/1\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 130


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["http", "get"], "no URL is given"),
        (["http", "head"], "no URL is given"),
        (["http", "get", "--parallel", "0", "h"], "0 is outside 1 to 1000"),
        (["http", "get", "--interval", "1s", "h"], "--interval needs --count"),
        (["http", "get", "--fresh", "h"], "--fresh needs --count"),
        (["http", "get", "--count", "2", "h", "i"], "--count takes one URL"),
        (["http", "get", "--count", "2", "-i", "-"], "--count takes one URL"),
        (["http", "get", "--count", "2", "--parallel", "2", "h"], "--count asks once at a time"),
        (["http", "get", "--count", "2", "-o", "x", "h"], "--count saves nothing"),
        (["http", "get", "-o", "x", "-i", "-"], "-o takes one URL"),
    ],
)
def test_bad_usage(netkit: Netkit, args: list[str], words: str) -> None:
    done = netkit(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_list_that_is_not_there(netkit: Netkit) -> None:
    done = netkit("http", "get", "-i", "/nosuch")
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr == "netkit: -i /nosuch: cannot read it: No such file or directory\n"


def test_a_list_that_is_a_folder(netkit: Netkit, tmp_path: Path) -> None:
    done = netkit("http", "get", "-i", str(tmp_path))
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr == f"netkit: cannot read {tmp_path}: Is a directory\n"


def hang(asked: threading.Semaphore) -> Callable[[socket.socket, bytes], None]:
    def answer(connection: socket.socket, head: bytes) -> None:
        asked.release()
        connection.recv(1)

    return answer


@pytest.mark.parametrize("args", [["--parallel", "8"], ["--parallel", "8", "--unordered", "--json"]])
def test_ctrl_c_ends_them_all(serve: Serve, args: list[str]) -> None:
    asked = threading.Semaphore(0)
    server = serve(hang(asked))
    command = ["http", "get", *args, "--timeout", "1h", *urls(server, *["/"] * 20)]
    with Process(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(8):
            assert asked.acquire(timeout=LIMIT)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=LIMIT) == ("", "")
        assert process.returncode == 130


@pytest.mark.parametrize("args", [[], ["--json"], ["--show", "headers,body"], ["--unordered"]])
def test_a_reader_that_goes_away_ends_it_quietly(serve: Serve, args: list[str]) -> None:
    server = serve(lambda connection, _: connection.sendall(ok(b"x" * 100_000)), keep_alive=True)
    command = ["http", "get", "--parallel", "4", *args, *urls(server, *["/"] * 50)]
    with Process(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(1000)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(LIMIT) == 141


def test_ctrl_c_while_nobody_reads(serve: Serve) -> None:
    server = serve(lambda connection, _: connection.sendall(ok(b"x" * 1_000_000)), keep_alive=True)
    command = ["http", "get", "--parallel", "4", *urls(server, *["/"] * 8)]
    with Process(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(1000)  # and no more: the pipe is full from now on
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 130


def test_too_few_descriptors_are_fewer_at_once(serve: Serve, netkit: Netkit) -> None:
    server = serve(echo, keep_alive=True)
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))  # noqa: E731
    paths = [f"/{number}" for number in range(40)]
    done = netkit("http", "get", "--parallel", "100", *urls(server, *paths), preexec_fn=few)
    assert (done.returncode, done.stdout.split()) == (0, paths)
    assert done.stderr == (
        "netkit: 2 at once, not 100: this process may not open more files\nhint: ulimit -n raises its limit\n"
    )
    assert len(server.open) <= 2


def test_every_url_has_a_file_of_its_own(serve: Serve, netkit: Netkit, tmp_path: Path) -> None:
    server = serve(echo, keep_alive=True)
    paths = [f"/{number}/same" for number in range(20)]
    done = netkit("http", "get", "-d", "files", "--parallel", "8", *urls(server, *paths), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    files = [tmp_path / name for name in done.stdout.split()]
    assert [file.read_text() for file in files] == [f"{path}\n" for path in paths]  # named in the order of the URLs
    assert {file.name for file in (tmp_path / "files").iterdir()} == {file.name for file in files}


def test_ctrl_c_tells_what_is_left_of_each_download(serve: Serve, tmp_path: Path) -> None:
    sent = threading.Semaphore(0)

    def answer(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 100000\r\n\r\n' + b"x" * 70_000)
        sent.release()
        connection.recv(1)

    server = serve(answer)
    command = ["http", "get", "-O", "--parallel", "2", *urls(server, "/a", "/b")]
    with Process(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        for _ in range(2):
            assert sent.acquire(timeout=LIMIT)
        while not all((tmp_path / f"{name}.part").exists() for name in "ab"):
            assert process.poll() is None
        while not all((tmp_path / f"{name}.part").stat().st_size for name in "ab"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=LIMIT)
    assert (process.returncode, shown) == (130, "")
    assert [f"hint: {name}.part holds what came until then, -c goes on with it" in said for name in "ab"] == [True] * 2


# A terminal.


def test_each_result_on_a_terminal_in_order(terminal: Terminal, serve: Serve) -> None:
    server = serve(echo, keep_alive=True)
    done = terminal("http", "get", "--parallel", "3", "--show", "body", *urls(server, "/1", "/404", "/3"))
    assert done.returncode == 8
    assert [line for line in done.lines if line in ("/1", "/404", "/3")] == ["/1", "/404", "/3"]


def test_bars_for_all_that_lasts(terminal: Terminal, serve: Serve) -> None:
    pause = threading.Event()

    def drip(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n")
        for _ in range(150):  # the bars come after a second
            connection.sendall(b"xx")
            pause.wait(0.01)

    server = serve(drip)
    given = urls(server, *[f"/{number:02}" for number in range(15)])
    done = terminal("http", "get", "--parallel", "15", "--show", "timing", *given, columns=100)
    assert done.returncode == 0
    assert "0 done, 15 under way" in done.text
    bars = {line.split()[0] for line in done.lines if "/300 bytes" in line}
    assert bars
    assert "/? " not in done.text  # an end that is not known is not spoken of


# --count


def test_statistics_as_lines(netkit: Netkit, serve: Serve) -> None:
    server = serve(echo, keep_alive=True)
    [url] = urls(server, "/1")
    done = netkit("http", "get", "--count", "5", "--interval", "1ms", url)
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert first.startswith(f"GET {url}: 5 sent, 5 answered, 5 x 200, 1 connection, ")
    assert [line.split("\t")[:2] for line in rest] == [
        ["dns_ms", "n 1"],
        ["connect_ms", "n 1"],
        ["send_ms", "n 5"],
        ["wait_ms", "n 5"],
        ["body_ms", "n 5"],
        ["total_ms", "n 5"],
    ]
    assert len(server.requests) == 5


def test_statistics_as_json_with_each_request(netkit: Netkit, serve: Serve) -> None:
    [url] = urls(serve(echo, keep_alive=True), "/404")
    done = netkit("http", "head", "--json", "-n", "2", "--interval", "200ms", "--fresh", url)
    *samples, summary = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 1
    assert [(one["number"], one["status"], one["reused"]) for one in samples] == [(1, 404, False), (2, 404, False)]
    assert list(samples[0]) == [
        *("type", "time", "number", "status", "reused", "bytes"),
        *("dns_ms", "connect_ms", "tls_ms", "send_ms", "wait_ms", "body_ms", "total_ms", "error"),
    ]
    assert list(summary) == [
        *("type", "time", "method", "url", "fresh", "sent", "answered", "ok", "reused", "bytes", "duration_ms"),
        *("statuses", "errors", "phases", "interrupted", "error"),
    ]
    assert (summary["statuses"], summary["errors"], summary["fresh"]) == ({"404": 2}, {"http_404": 2}, True)
    assert list(summary["phases"]) == ["dns", "connect", "tls", "send", "wait", "body", "total"]
    assert list(summary["phases"]["total"]) == [
        *("samples", "min_ms", "mean_ms", "p50_ms", "p90_ms", "p99_ms", "max_ms"),
    ]
    assert summary["phases"]["tls"]["p50_ms"] is None


def test_statistics_show_what_there_is_at_ctrl_c(serve: Serve) -> None:
    asked = threading.Semaphore(0)
    number = 0

    def answer(connection: socket.socket, head: bytes) -> None:
        nonlocal number
        number += 1
        if number == 3:
            asked.release()
            connection.recv(1)
        else:
            echo(connection, head)

    server = serve(answer, keep_alive=True)
    command = ["http", "get", "--json", "-n", "9", "--interval", "1ms", "--timeout", "1h", *urls(server, "/")]
    with Process(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert asked.acquire(timeout=LIMIT)
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=LIMIT)
    document = json.loads(shown)
    assert (process.returncode, said) == (130, "")
    assert (document["sent"], document["interrupted"]) == (2, True)


def test_statistics_on_a_terminal(terminal: Terminal, serve: Serve) -> None:
    [url] = urls(serve(echo, keep_alive=True), "/1")
    done = terminal("http", "get", "-n", "4", "--interval", "100ms", url, columns=120)
    assert done.returncode == 0
    shown = done.lines[-10:]
    assert any(f"GET {url}: 4 sent, 4 answered, 4 x 200, 1 connection" in line for line in shown)
    assert any(line.startswith("total   ") and set(line[8:]) <= set("▁▂▃▄▅▆▇█") for line in shown)
    assert any(line.split()[:2] == ["total", "4"] for line in shown)
    assert any(line.split() == ["ms", "n", "min", "p50", "p90", "p99", "max"] for line in shown)
