"""`netkit http` as a process: pipes, a terminal, signals, exit codes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.conftest import in_time
from tests.warm import Process

Finished = subprocess.CompletedProcess[str]
Netkit = Callable[..., Finished]
Terminal = Callable[..., Any]
JSON = b'{"n":12345678901234567890,"a":1.10,"a":[]}'


def ok(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body])


class Server:
    """Answers by path; `/drip` sends a byte and then waits until the client is gone."""

    answers: ClassVar[dict[bytes, bytes]] = {
        b"/": ok(b"hello"),
        b"/json": ok(JSON, b"Content-Type: application/json"),
        b"/404": ok(b"nope", status=b"404 Not Found"),
        b"/503": ok(b"busy", b"Retry-After: 7", status=b"503 Busy"),
        b"/redirect": ok(b"", b"Location: /json", status=b"302 Found"),
        b"/big": ok(b"x" * 5_000_000),
        b"/short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345",
        b"/png": ok(b"\x89PNG\r\n\x1a\n" + bytes(20), b"Content-Type: image/png"),
        b"/evil": ok(
            b"body \x1b]52;c;eA==\x07 \xc2\x9b31m \xe2\x80\xae end",
            b"X-Evil: \x1b]0;title\x07\x9b",
            b"Content-Type: text/plain",
            status=b"200 \x1b[31mred",
        ),
        b"/utf-16": ok("grüße".encode("utf-16"), b"Content-Type: text/plain; charset=UTF-16"),
        b"/bom": ok(b'\xef\xbb\xbf{"a":1}', b"Content-Type: application/json"),
        b"/long-json": ok(b"[" + b"0," * 30_000 + b"0]", b"Content-Type: application/json"),
        b"/latin": ok(b"x", b"X-Name: caf\xe9"),
    }

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.requests: list[bytes] = []
        self.over = False
        self.threads: list[threading.Thread] = []
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self.socket.accept()
            if self.over:
                connection.close()
                return
            thread = threading.Thread(target=self._answer, args=(connection,))
            self.threads.append(thread)
            thread.start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(65536):
                self.requests.append(data)
                path = data.split()[1].partition(b"?")[0]
                if path == b"/drip":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
                    connection.recv(1)
                    return
                head = data.startswith(b"HEAD")
                answer = self.answer(path)
                connection.sendall(answer[: answer.index(b"\r\n\r\n") + 4] if head else answer)
                if path == b"/short":
                    return

    def answer(self, path: bytes) -> bytes:
        if path.startswith(b"/charset/"):
            return ok("grüße".encode(), b"Content-Type: text/plain; charset=" + path.removeprefix(b"/charset/"))
        return self.answers[path]

    def close(self) -> None:
        self.over = True
        socket.create_connection(self.socket.getsockname()).close()
        self.thread.join()
        self.socket.close()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def test_a_pipe_gets_the_body_and_nothing_else(netkit: Netkit, server: Server) -> None:
    done = netkit("http", "get", f"{server.url}/redirect")
    assert (done.returncode, done.stdout, done.stderr) == (0, JSON.decode(), "")


def test_head_prints_the_headers_as_they_came(netkit: Netkit, server: Server) -> None:
    done = netkit("http", "head", f"{server.url}/latin", text=False)
    assert done.returncode == 0
    assert done.stdout == b"HTTP/1.1 200 OK\nContent-Length: 1\nX-Name: caf\xe9\n"  # type: ignore[comparison-overlap]


def test_the_body_of_a_failure_is_kept_and_the_code_says_it_failed(netkit: Netkit, server: Server) -> None:
    done = netkit("http", "get", f"{server.url}/404")
    assert (done.returncode, done.stdout) == (1, "nope")
    assert done.stderr == f"netkit: {server.url}/404: 404 Not Found\n"
    assert netkit("http", "get", f"{server.url}/503").returncode == 9


def test_several_urls_are_concatenated_and_the_codes_combined(netkit: Netkit, server: Server) -> None:
    done = netkit("http", "get", f"{server.url}/", f"{server.url}/404", f"{server.url}/")
    assert (done.returncode, done.stdout) == (8, "hellonopehello")
    assert netkit("http", "get", f"{server.url}/", f"{server.url}/").returncode == 0
    assert netkit("http", "get", f"{server.url}/404", f"{server.url}/404").returncode == 1


def test_a_bad_url_among_good_ones_sends_nothing(netkit: Netkit, server: Server) -> None:
    done = netkit("http", "get", f"{server.url}/", "ftp://x/")
    assert (done.returncode, done.stdout, server.requests) == (2, "", [])
    assert "scheme 'ftp' is not http or https" in done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-H", "nocolon"], "has no ':'"),
        (["-H", "A: b\r\nX: y"], "CR in the value"),
        (["-u", "me:pw"], "a password in an option is seen"),
        (["-u", "me"], "no password of me given"),
        (["--password-cmd", "echo x"], "needs the user it belongs to"),
        (["--cacert", "/nosuch"], "/nosuch: no such file"),
        (["-4", "-6"], "exclude each other"),
        (["--http", "9"], "9"),
        (["--timeout", "-1"], "duration"),
        (["--show", "nonsense"], "the parts are"),
        (["--query", "=v"], "the name is empty"),
        (["-o", "/"], "is a folder"),
        (["-o", "x", "http://127.0.0.1:1/"], "-o takes one URL"),
    ],
)
def test_bad_input_is_exit_2_and_nothing_is_sent(netkit: Netkit, server: Server, args: list[str], words: str) -> None:
    done = netkit("http", "get", f"{server.url}/", *args)
    assert (done.returncode, done.stdout, server.requests) == (2, "", [])
    assert words in done.stderr
    assert "pw" not in done.stderr.replace("password", "")
    assert "Traceback" not in done.stderr


def test_json_is_one_object_a_url_also_when_it_failed(netkit: Netkit, server: Server) -> None:
    done = netkit("http", "get", "--json", f"{server.url}/json", f"{server.url}/404", "http://127.0.0.1:1/")
    good, bad, worse = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 8
    assert set(good) == set(bad) == set(worse)
    assert list(good) == [
        *("schema", "time", "ok", "exit_code", "method", "url", "final_url", "status", "total_ms", "attempts"),
        *("retries", "error", "warnings", "checks", "hops", "body"),
    ]
    assert (good["ok"], good["status"], good["error"], good["body"]["content"]) == (True, 200, None, JSON.decode())
    assert (bad["exit_code"], bad["error"]["kind"], bad["body"]["content"]) == (1, "http_404", "nope")
    assert (worse["exit_code"], worse["status"], worse["error"]["kind"]) == (3, None, "refused")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", good["time"])
    hop = good["hops"][0]
    assert set(hop["timings"]) == {
        *("dns_ms", "connect_ms", "tls_ms", "send_ms", "wait_ms", "body_ms", "total_ms"),
    }
    assert set(hop) == {
        *("url", "request", "status", "reason", "http_version", "headers", "trailers", "informational", "remote"),
        *("failed", "proxy", "unix_socket", "reused", "timings", "tls", "error"),
    }
    for one in (good, bad, worse):
        assert list(one["body"]) == [
            *("content", "encoding", "content_type", "charset", "wire_bytes", "decoded_bytes", "sha256", "truncated"),
            *("saved_to", "part", "resumed_from", "checksum"),
        ]
    assert [one["body"]["encoding"] for one in (good, bad, worse)] == ["text", "text", "omitted"]


def test_passwords_come_from_a_command_a_file_a_descriptor_or_the_environment(
    netkit: Netkit, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "pw").write_text("sesame\n")
    url = f"{server.url}/"
    netkit("http", "get", url, "-u", "ali", "--password-cmd", "printf sesame")
    netkit("http", "get", url, "-u", "ali", "--password-file", str(tmp_path / "pw"))
    netkit("http", "get", url, "-u", "ali", env={"NETKIT_PASSWORD": "sesame"})
    with (tmp_path / "pw").open() as stream:
        netkit("http", "get", url, "-u", "ali", "--password-fd", str(stream.fileno()), pass_fds=[stream.fileno()])
    netkit("http", "get", url, "--bearer-cmd", "echo token")
    done = netkit("http", "get", "--json", "--trace=hex", f"{server.url.replace('//', '//ali:sesame@')}/")
    sent = [re.findall(rb"Authorization: (.*)\r\n", request)[0] for request in server.requests]
    assert sent == [b"Basic YWxpOnNlc2FtZQ=="] * 4 + [b"Bearer token"] + [b"Basic YWxpOnNlc2FtZQ=="]
    assert "YWxpOnNlc2FtZQ" not in done.stdout + done.stderr
    assert "sesame" not in done.stdout + done.stderr


def test_netrc(netkit: Netkit, server: Server, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ali password sesame\n")
    (tmp_path / "netrc").chmod(0o600)
    netkit("http", "get", "--netrc", f"{server.url}/", env={"NETRC": str(tmp_path / "netrc")})
    assert b"Authorization: Basic YWxpOnNlc2FtZQ==" in server.requests[0]


def test_sections_in_a_pipe(netkit: Netkit, server: Server) -> None:
    done = netkit("http", "get", "--show", "headers,body,timing", f"{server.url}/")
    lines = done.stdout.splitlines()
    assert lines[:4] == ["HTTP/1.1 200 OK", "Content-Length: 5", "", "hello"]
    assert [line.split("\t")[1] for line in lines[4:]] == [
        *("dns_ms", "connect_ms", "send_ms", "wait_ms", "body_ms", "total_ms")
    ]


def test_a_reader_that_goes_away_is_quiet(server: Server) -> None:
    command = f"{sys.executable} -m netkit http get {server.url}/big; echo $? >&2"
    done = subprocess.run(["sh", "-c", f"({command}) | head -c 4"], capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (b"xxxx", b"141\n")


def test_a_full_disk_is_exit_11(netkit: Netkit, server: Server) -> None:
    with open("/dev/full", "wb") as full:
        done = netkit("http", "get", f"{server.url}/big", stdout=full)
    assert (done.returncode, done.stderr) == (11, "netkit: cannot write standard output: No space left on device\n")
    assert netkit("http", "get", "-o", "/dev/full", f"{server.url}/big").returncode == 11


def test_standard_input_is_not_read(netkit: Netkit, server: Server) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"data")
    done = netkit("http", "get", f"{server.url}/", stdin=ours)
    assert (done.stdout, os.read(ours, 10)) == ("hello", b"data")
    os.close(ours)
    os.close(theirs)


def test_ctrl_c_amid_the_body_keeps_the_part(server: Server, tmp_path: Path) -> None:
    target, part = tmp_path / "file", tmp_path / "file.part"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running: list[Process] = []

    def start() -> None:
        part.unlink(missing_ok=True)
        running.append(Process("http", "get", "-o", str(target), f"{server.url}/drip", **pipes))
        while not part.exists() or part.stat().st_size < 3:
            assert running[-1].poll() is None

    def interrupt() -> tuple[bytes, bytes]:
        running[-1].send_signal(signal.SIGINT)
        out, err = running[-1].communicate(timeout=60)
        return out, err

    seconds = 0.2 * float(os.environ.get("NETKIT_TEST_MS", "1")) + 0.2  # and the exit of Python
    out, err = in_time(seconds, interrupt, before=start)
    process = running[-1]
    hint = f"hint: {part} holds what came until then\n"
    assert (process.returncode, out, err.decode()) == (130, b"", f"netkit: interrupted\n{hint}")
    assert not target.exists()
    assert part.read_bytes() == b"abc"


def test_a_truncated_download_says_where_the_part_is(netkit: Netkit, server: Server, tmp_path: Path) -> None:
    done = netkit("http", "get", "-o", "file", f"{server.url}/short", cwd=tmp_path, env={"PYTHONPATH": os.getcwd()})
    assert done.returncode == 5
    assert done.stderr == (
        f"netkit: {server.url}/short: closed after 5 of 100 bytes of the body\n"
        "hint: file.part holds what came until then\n"
    )
    assert sorted(os.listdir(tmp_path)) == ["file.part", "file.part.json"]


def test_the_trace_is_on_stderr(netkit: Netkit, server: Server) -> None:
    done = netkit("http", "get", "--trace", f"{server.url}/")
    assert done.stdout == "hello"
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["socket", "connect", "send", "recv", "recv"]


def test_a_terminal_gets_hops_headers_a_readable_body_and_the_phases(terminal: Terminal, server: Server) -> None:
    lines = terminal("http", "get", f"{server.url}/redirect").lines
    assert re.fullmatch(rf"302 {server.url}/redirect → /json  [0-9.]+ ms", lines[0])
    assert lines[1] == f"HTTP/1.1 200 OK   {server.url[7:]}   same connection"
    assert lines[2:11] == [
        "Content-Length: 42",
        "Content-Type: application/json",
        "",
        "{",
        '  "n": 12345678901234567890,',
        '  "a": 1.10,',
        '  "a": []',
        "}",
        "",
    ]
    assert re.fullmatch(rf"1\. 302 {server.url}/redirect  +[0-9.]+ ms", lines[11])
    assert lines[-1].startswith("total    42 B")
    assert max(map(len, lines)) <= 80


def test_a_terminal_gets_no_binary(terminal: Terminal, server: Server) -> None:
    lines = terminal("http", "get", f"{server.url}/png").lines
    assert "binary body, PNG image, 28 B: not shown (-o FILE saves it)" in lines


def test_nothing_a_server_says_steers_the_terminal(terminal: Terminal, server: Server) -> None:
    shown = terminal("http", "get", "--show", "headers,body,tls,request,timing", f"{server.url}/evil")
    left = "\n".join(shown.lines)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", left)
    assert "HTTP/1.1 200 \\x1b[31mred" in left
    assert "X-Evil: \\x1b]0;title\\x07\\x9b" in left
    assert "body \\x1b]52;c;eA==\\x07 \\x9b31m \\u202e end" in left


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        *(
            (f"/charset/{name}", ["grüße", f"(charset '{name}' is not known: read as UTF-8)"])
            for name in ("undefined", "idna", "punycode", "unicode_escape", "hex", "nosuch")
        ),
        ("/charset/iso-8859-1", ["grÃ¼Ã\\x9fe"]),
        ("/utf-16", ["grüße"]),
        ("/bom", ["{", '  "a": 1', "}"]),
    ],
)
def test_no_charset_a_server_names_is_a_trap(terminal: Terminal, server: Server, path: str, shown: list[str]) -> None:
    done = terminal("http", "get", "--show", "body", f"{server.url}{path}")
    assert (done.lines, done.returncode) == (shown, 0)


def test_json_too_long_for_colours_is_laid_out_without(terminal: Terminal, server: Server) -> None:
    done = terminal("http", "get", "--show", "body", f"{server.url}/long-json")
    assert done.text == "[\n" + "  0,\n" * 30_000 + "  0\n]\n"


def test_json_is_json_whatever_the_encoding_of_stdout(netkit: Netkit, server: Server) -> None:
    for encoding in ("ascii", "latin-1", "utf-8"):
        done = netkit(
            "http", "get", "--json", f"{server.url}/charset/utf-8",
            env={"PYTHONIOENCODING": encoding}, text=True, encoding="utf-8",
        )  # fmt: skip
        assert json.loads(done.stdout)["body"]["content"] == "grüße"


def test_a_version_that_was_not_spoken_is_told(netkit: Netkit, server: Server) -> None:
    done = netkit("http", "get", "--http", "3", f"{server.url}/")
    assert done.returncode in (0, 11)  # a libcurl without HTTP/3 cannot ask for it
    if done.returncode == 0:
        assert done.stderr == f"netkit: warning: {server.url}/: HTTP/1.1 was spoken, not 3 as asked\n"


def test_a_piped_get_loads_no_rich(server: Server) -> None:
    code = (
        "import sys\nfrom netkit.cli.run import main\n"
        f"main(['http', 'get', '{server.url}/'])\n"
        "heavy = {'rich', 'pydantic', 'asyncio', 'dns', 'ssl', 'cryptography', 'idna', 'json'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "hello[]\n"


def test_help_names_every_option(netkit: Netkit) -> None:
    text = netkit("http", "get", "--help").stdout
    for option in ("--header", "--query", "--auth", "--no-follow", "--cacert", "--timeout", "--show", "--output"):
        assert option in text


def test_tls_and_the_request_in_a_pipe(netkit: Netkit, lab: Mapping[str, str]) -> None:
    url = f"{lab['NETKIT_LAB_HTTPS']}/hello"
    done = netkit("http", "head", "--cacert", lab["NETKIT_LAB_CA"], "--show", "request,headers,tls", url)
    assert (done.returncode, done.stderr) == (0, "")
    request, headers = done.stdout.split("\n\n")
    assert request.splitlines()[:2] == [f"HEAD {url}", f"Host: {url[8:-6]}"]
    lines = headers.splitlines()
    assert lines[0] == "HTTP/1.1 200 OK"
    assert "hop 1\ttls version\tTLSv1.3" in lines
    assert "hop 1\ttls verified\ttrue" in lines
    assert "hop 1\tcertificate 0 subject\tCN=localhost,O=netkit lab" in lines
    (san,) = [line for line in lines if line.startswith("hop 1\tcertificate 0 san\t")]
    assert {"localhost", "lab.test", "*.lab.test", "127.0.0.1", "::1"} <= set(san.split("\t")[2].split())


def test_tls_on_a_terminal(terminal: Terminal, lab: Mapping[str, str]) -> None:
    url = f"{lab['NETKIT_LAB_HTTPS']}/hello"
    lines = terminal("http", "get", "--cacert", lab["NETKIT_LAB_CA"], url).lines
    assert lines[0] == f"HTTP/1.1 200 OK   {url[8:-6]}"
    assert lines[1].startswith("TLSv1.3   ")
    assert re.fullmatch(
        r"certificate ok, \d+ days left   localhost, lab\.test, \*\.lab\.test \+4, by netkit lab CA", lines[2]
    )
    done = terminal("http", "get", "-k", "--show", "tls,body", "--http", "1.1", url)
    names = "localhost, lab.test, *.lab.test, mta-sts.good.lab.test,"
    assert done.lines[2:5] == ["certificate not verified", "  asked for  127.0.0.1", f"  it is for  {names}"]
    assert done.lines[5] == "             mta-sts.bad.lab.test, 127.0.0.1, ::1"
    assert re.fullmatch(r"  valid      [0-9-]{10} to [0-9-]{10}, .* old, .* left", done.lines[6])
    assert done.lines[7] == "  issued by  CN=netkit lab CA,O=netkit lab"
    assert done.lines[-1] == f"netkit: warning: {url}: the certificate was not checked (--insecure)"
    done = terminal("http", "get", "--show", "headers", url)
    assert done.returncode == 6
    assert done.lines[0] == f"no response   {url[8:-6]}"
    assert "which this machine does not trust" in " ".join(done.lines)


def test_what_comes_before_and_behind_a_response_on_a_terminal(terminal: Terminal, lab: Mapping[str, str]) -> None:
    parts = "headers,informational,trailers"
    lines = terminal("http", "get", "--show", parts, f"{lab['NETKIT_LAB_HTTP']}/early-hints").lines
    assert lines[:2] == ["103 Early Hints", "    Link: </style.css>; rel=preload; as=style"]
    lines = terminal("http", "get", "--show", parts, f"{lab['NETKIT_LAB_HTTP']}/trailers").lines
    assert lines[-2] == "trailers"
    assert lines[-1].startswith("X-Checksum: crc32=")


def test_a_long_body_is_cut_on_a_terminal_and_says_so(terminal: Terminal, lab: Mapping[str, str]) -> None:
    done = terminal("http", "get", "--max-body", "30", "--show", "body", f"{lab['NETKIT_LAB_HTTP']}/stream/100")
    assert done.lines == ['{"line": 0, "of": 100}', '{"line"', "… 2.4 kB in all, --max-body shows more"]


def test_a_download_at_a_terminal_shows_its_progress(
    terminal: Terminal, lab: Mapping[str, str], tmp_path: Path
) -> None:
    target = tmp_path / "file"
    done = terminal("http", "get", "-o", str(target), f"{lab['NETKIT_LAB_HTTP']}/drip?bytes=300&seconds=1.5")
    assert done.returncode == 0
    assert "/300 bytes" in done.text  # the bar, while it came
    assert any(line == f"saved {target}  300 B" for line in done.lines)
    assert target.stat().st_size == 300


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["-u", "me", "--password-file", "/nosuch"], 11, "cannot read the password from /nosuch: No such file"),
        (["-u", "me", "--password-fd", "77"], 11, "cannot read the password from descriptor 77: Bad file descriptor"),
        (["-u", "me", "--password-cmd", "exit 3"], 11, "the command for the password ended with 3: exit 3"),
        (["-u", "me", "--password-cmd", "printf '\\377'"], 2, "the password is not UTF-8"),
        (["-u", "me", "--password-cmd", "head -c 70000 /dev/zero"], 2, "the password is longer than 65536 bytes"),
        (
            ["-u", "me", "--password-cmd", "x", "--password-file", "y"],
            2,
            "give one source of the password, not several",
        ),
        (["--netrc", "-u", "me"], 2, "--netrc brings its own users"),
        (["--netrc"], 11, "cannot read /nosuch/netrc: No such file or directory"),
        (["--bearer-cmd", "printf 'a b'"], 2, "the bearer token is empty or has a character that no token has"),
    ],
)
def test_secrets_that_cannot_be_had(netkit: Netkit, server: Server, args: list[str], code: int, words: str) -> None:
    done = netkit("http", "get", f"{server.url}/", *args, env={"NETRC": "/nosuch/netrc"})
    assert (done.returncode, done.stdout, server.requests) == (code, "", [])
    assert done.stderr.startswith(f"netkit: {words}")


def test_a_netrc_with_a_mistake_names_its_line(netkit: Netkit, server: Server, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine x\nnonsense\n")
    done = netkit("http", "get", "--netrc", f"{server.url}/", env={"NETRC": str(tmp_path / "netrc")})
    assert done.returncode == 2
    assert re.match(rf"netkit: {tmp_path}/netrc: .* \(line \d+\)\n", done.stderr)
