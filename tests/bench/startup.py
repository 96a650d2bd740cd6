"""CPU time of starting netkit, as a ratio to `python -c pass` run right beside it.

Every case runs once a round next to a fresh `python -c pass`; the figures are medians of user + system time from
wait4(2), so a busy machine disturbs both sides alike. `netkit` is the installed script where there is one, else
`python -m netkit`, which costs runpy besides (shown as its own case).
"""

import os
import shutil
import socketserver
import statistics
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

ROUNDS = int(os.environ.get("ROUNDS", "25"))
PASS = [sys.executable, "-c", "pass"]
COMPLETIONS = Path(__file__).resolve().parents[2] / "completions"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
NULL = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]


class Case(NamedTuple):
    argv: list[str]
    ratio: float | None = None  # the budget, as a ratio to `python -c pass`
    milliseconds: float | None = None  # the budget, as CPU time beyond an empty shell


def cpu_ms(argv: list[str]) -> float:
    pid = os.posix_spawn(argv[0], argv, ENVIRONMENT, file_actions=NULL)
    _, _, usage = os.wait4(pid, 0)
    return 1000 * (usage.ru_utime + usage.ru_stime)


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def page() -> Iterator[str]:
    """The URL of a small page on loopback."""
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


MAIL = ("--from", "a@x.test", "--to", "b@x.test", "--text", "hi")


class Mailbox(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"+OK\r\n")
        for line in self.rfile:
            self.wfile.write(b"+OK\r\nPIPELINING\r\n.\r\n" if line.startswith(b"CAPA") else b"+OK 0 0\r\n")


class Sink(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 there\r\n")
        for line in self.rfile:
            if line.startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
            self.wfile.write(b"250 ok\r\n")


@contextmanager
def serving(handler: type[socketserver.StreamRequestHandler]) -> Iterator[str]:
    """HOST:PORT of a server on loopback."""
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def cases(url: str, pop3: str, smtp: str) -> dict[str, Case]:
    script = shutil.which("netkit", path=str(Path(sys.executable).parent))
    netkit = [script] if script else [sys.executable, "-m", "netkit"]
    bash = shutil.which("bash") or "/bin/bash"
    words = "COMP_WORDS=(netkit http ge); COMP_CWORD=2; COMP_LINE='netkit http ge'; COMP_POINT=14"
    tab = f"source {COMPLETIONS / 'netkit.bash'}; {words}; _netkit"
    return {
        "python -c pass, again": Case(PASS),
        "python -c 'import typer'": Case([sys.executable, "-c", "import typer"]),
        "--version": Case([*netkit, "--version"], ratio=1.4),
        "--version, python -m netkit": Case([sys.executable, "-m", "netkit", "--version"]),
        "--help": Case([*netkit, "--help"], ratio=8),
        "http get --help": Case([*netkit, "http", "get", "--help"], ratio=8),
        "usage error": Case([*netkit, "http", "gte"], ratio=8),
        "resolve localhost": Case([*netkit, "resolve", "localhost"], ratio=8),
        "resolve --json localhost": Case([*netkit, "resolve", "--json", "localhost"], ratio=8),
        "resolve @127.0.0.1:1 a.test": Case([*netkit, "resolve", "@127.0.0.1:1", "a.test"], ratio=8),
        "fqdn": Case([*netkit, "fqdn", "--timeout", "1"], ratio=8),
        "http get, a small page": Case([*netkit, "http", "get", url], ratio=8),
        "http head, a small page": Case([*netkit, "http", "head", url], ratio=8),
        "pop3 stat, an empty mailbox": Case([*netkit, "pop3", "stat", "--user", "u", pop3], ratio=8),
        "smtp send, a short message": Case([*netkit, "smtp", "send", smtp, *MAIL], ratio=8),
        "bash -c true": Case([bash, "--norc", "-c", "true"]),
        "one TAB, in a fresh bash": Case([bash, "--norc", "-c", tab], milliseconds=10),
    }


def main() -> int:
    ENVIRONMENT["NETKIT_PASSWORD"] = "netkit"
    with page() as url, serving(Mailbox) as pop3, serving(Sink) as smtp:
        wanted = cases(url, pop3, smtp)
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in wanted}
        for round_ in range(ROUNDS + 2):
            for name, case in wanted.items():
                base, cpu = cpu_ms(PASS), cpu_ms(case.argv)
                if round_ >= 2:
                    runs[name].append((cpu, cpu / base))
    print(f"Python {sys.version.split()[0]}, {ROUNDS} rounds, medians of CPU time")
    missed = 0
    shell = statistics.median(cpu for cpu, _ in runs["bash -c true"])
    for name, case in wanted.items():
        cpu, ratio = (statistics.median(column) for column in zip(*runs[name], strict=True))
        verdict = ""
        if case.ratio is not None:
            verdict = f"budget x{case.ratio:g}: {'kept' if ratio <= case.ratio else 'MISSED'}"
        elif case.milliseconds is not None:
            over = cpu - shell
            verdict = f"{over:.1f} ms beyond bash, budget {case.milliseconds:g} ms: "
            verdict += "kept" if over <= case.milliseconds else "MISSED"
        missed += "MISSED" in verdict
        print(f"  {name:30}{cpu:8.1f} ms   x{ratio:5.2f}   {verdict}".rstrip())
    return 1 if missed else 0
