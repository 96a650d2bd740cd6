"""`netkit http get` beside curl and HTTPie, against nginx on loopback: whole processes, from their start to their end.

Each round runs both in turn, the first one changing, so that a busy machine disturbs both alike; figures are medians,
ratios the medians of each round's own ratio. The large file is sparse, so no disk is measured; bodies go to /dev/null.
1,000 small URLs are fetched on bare loopback, where an answer takes microseconds and the start of a program is most of
what is measured, and over a line of DELAY milliseconds each way. HTTPie is found on PATH or in HTTPIE, or installed by
pip into a folder of this run alone.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from netkit.net.ca import Authority
from tests.bench.delay import slow
from tests.peers.daemons import await_port
from tests.ports import find_free_port

ROUNDS = int(os.environ.get("ROUNDS", "5"))
GIB, MIB = 2**30, 2**20
SMALL, AT_ONCE = 1000, 32
DELAY = 25  # milliseconds each way
FLAT = 4.0  # MiB that a GiB may take more than a MiB
HTTPIE_BUDGET = 0.35
# Compiled once, as an installed package is.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
NETKIT = [sys.executable, "-m", "netkit", "http", "get", "--timeout", "10m"]
CONF = """
daemon off;
master_process off;
error_log stderr warn;
pid {root}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on; # head and body in one packet: in two, the second waits 40 ms for an ACK
    keepalive_requests 100000;
    default_type application/octet-stream;
    client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
    uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
    ssl_certificate {root}/site.pem;
    ssl_certificate_key {root}/site.key;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl;
        listen 127.0.0.1:{http2} ssl http2;
        root {root}/www;
    }}
}}
"""


class Site(NamedTuple):
    root: Path
    plain: str
    tls: str
    http2: str

    @property
    def ca(self) -> str:
        return str(self.root / "ca.pem")


class Cost(NamedTuple):
    """Of one process: seconds on the clock, and of CPU."""

    seconds: float
    cpu: float


class Row(NamedTuple):
    """What is compared: our command and theirs, and our budget as a ratio of seconds."""

    title: str
    ours: list[str]
    theirs: list[str]
    rival: str = "curl"
    budget: float | None = None


@contextmanager
def nginx(program: str, root: Path) -> Iterator[Site]:
    """One process of nginx; www/ has large.bin, medium.bin and s/1 to s/1000."""
    (root / "www" / "s").mkdir(parents=True)
    for name, size in (("large", GIB), ("medium", MIB)):
        with (root / "www" / f"{name}.bin").open("wb") as file:
            file.truncate(size)
    for number in range(1, SMALL + 1):
        (root / "www" / "s" / str(number)).write_text(f"small page {number}\n" * 10)
    authority = Authority("netkit bench CA")
    leaf = authority.issue(["127.0.0.1"])
    for name, data in (("ca.pem", authority.pem), ("site.pem", leaf.certificate), ("site.key", leaf.key)):
        (root / name).write_bytes(data)
    ports = {name: find_free_port() for name in ("plain", "tls", "http2")}
    (root / "nginx.conf").write_text(CONF.format(root=root, **ports))
    log = root / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([program, "-p", str(root), "-c", str(root / "nginx.conf")], stderr=output)
    try:
        await_port(process, ports["plain"], log)
        where = {name: f"{'http' if name == 'plain' else 'https'}://127.0.0.1:{port}" for name, port in ports.items()}
        yield Site(root, **where)
    finally:
        process.terminate()
        process.wait()


def run(argv: list[str]) -> Cost:
    """Raises AssertionError when it fails."""
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1)]
    quiet = [(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)] if argv[0].endswith("curl") else []
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, ENVIRONMENT, file_actions=[*null, *quiet])
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    assert status == 0, f"{' '.join(argv)[:200]} ended with {status}"
    return Cost(seconds, usage.ru_utime + usage.ru_stime)


# Run by a process that is small itself: a child's ru_maxrss begins with what its parent had.
PEAK = """
import os, resource, sys
pid = os.fork()
if not pid:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(status != 0)
"""


def peak(argv: list[str]) -> float:
    """The most memory of a process, MiB. Raises CalledProcessError."""
    small = [sys.executable, "-I", "-S", "-c", PEAK, *argv]
    said = subprocess.run(small, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    return int(said) / 1024


def httpie(folder: Path) -> str | None:
    """The program; None where it is not there and cannot be installed."""
    found = os.environ.get("HTTPIE") or shutil.which("http")
    if found:
        return found
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "httpie"]
    if subprocess.run(pip, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        return None
    return str(folder / "bin" / "http")


def lists(site: Site, address: str) -> tuple[list[str], list[str]]:
    """The small URLs, at that server, as netkit and as curl take them."""
    urls = [f"http://{address}/s/{number}" for number in range(1, SMALL + 1)]
    ours, theirs = (site.root / f"{address}.{name}" for name in ("urls", "curl"))
    ours.write_text("".join(f"{url}\n" for url in urls))
    theirs.write_text("".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls))
    curl = ["-q", "-s", "-Z", "--parallel-max", str(AT_ONCE), "-K", str(theirs)]
    return ["--parallel", str(AT_ONCE), "-i", str(ours)], curl


def rows(site: Site, curl: str, http: str | None, line: str) -> list[Row]:
    found = []
    for title, base, budget in (
        ("1 GiB, HTTP", site.plain, 1.05),
        ("1 GiB, HTTPS", site.tls, 1.15),
        ("1 GiB, HTTP/2", site.http2, 1.15),
    ):
        url = f"{base}/large.bin"
        theirs = [curl, "-q", "-s", "--cacert", site.ca, "-o", "/dev/null", url]
        found.append(Row(title, [*NETKIT, "--cacert", site.ca, url], theirs, budget=budget))
    to_file = [curl, "-q", "-s", "-o", str(site.root / "theirs"), f"{site.plain}/large.bin"]
    found.append(Row("1 GiB, HTTP, to a file", [*NETKIT, "-o", str(site.root / "ours"), to_file[-1]], to_file))
    ours, theirs = lists(site, site.plain.removeprefix("http://"))
    found.append(Row("1,000 URLs, 32 at once", [*NETKIT, *ours], [curl, *theirs], budget=1.5))
    ours, theirs = lists(site, line)
    found.append(Row(f"the same, {DELAY} ms each way", [*NETKIT, *ours], [curl, *theirs], budget=1.5))
    small = f"{site.plain}/s/1"
    found.append(Row("a small URL", [*NETKIT, small], [curl, "-q", "-s", "-o", "/dev/null", small]))
    if http:
        asked = [http, "--ignore-stdin", "--body", small]
        found.append(Row("a small URL", [*NETKIT, small], asked, rival="HTTPie", budget=HTTPIE_BUDGET))
    return found


def measure(row: Row) -> tuple[list[Cost], list[Cost]]:
    run(row.ours), run(row.theirs)
    ours: list[Cost] = []
    theirs: list[Cost] = []
    for number in range(ROUNDS):
        for which in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
            (ours if which == "ours" else theirs).append(run(getattr(row, which)))
    return ours, theirs


def show(row: Row, ours: list[Cost], theirs: list[Cost]) -> bool:
    """Print it; whether its budget is kept."""
    seconds = [statistics.median(cost.seconds for cost in costs) for costs in (ours, theirs)]
    cpu = [statistics.median(cost.cpu for cost in costs) for costs in (ours, theirs)]
    ratio = statistics.median(one.seconds / other.seconds for one, other in zip(ours, theirs, strict=True))
    kept = row.budget is None or ratio <= row.budget
    verdict = "" if row.budget is None else f"budget x{row.budget:g}: {'kept' if kept else 'MISSED'}"
    print(
        f"  {row.title:24}{seconds[0]:8.3f} s   {row.rival:6}{seconds[1]:8.3f} s   x{ratio:5.2f}"
        f"   CPU {cpu[0]:.2f} and {cpu[1]:.2f} s   {verdict}".rstrip()
    )
    return kept


def memory(site: Site) -> bool:
    """Print the most memory for a GiB and a MiB, to /dev/null and to a file; whether it is flat."""
    kept = True
    for title, base, options in (
        ("HTTP", site.plain, list[str]()),
        ("HTTP/2", site.http2, []),
        ("to a file", site.plain, ["-o", str(site.root / "ours")]),
    ):
        argv = [*NETKIT, "--cacert", site.ca, *options]
        large, medium = (peak([*argv, f"{base}/{name}.bin"]) for name in ("large", "medium"))
        flat = large - medium <= FLAT
        kept &= flat
        verdict = f"budget +{FLAT:g} MiB: {'kept' if flat else 'MISSED'}"
        print(f"  memory, {title:16}{large:8.1f} MiB for 1 GiB, {medium:.1f} MiB for 1 MiB   {verdict}")
    return kept


def main() -> int:
    programs = [shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("nginx", "curl")]
    if not all(programs):
        print("http: needs nginx and curl (tests/peers/install)")
        return 2
    server, curl = map(str, programs)
    with tempfile.TemporaryDirectory(prefix="netkit-bench-") as name, nginx(server, Path(name)) as site:
        ENVIRONMENT["PYTHONPYCACHEPREFIX"] = f"{name}/cache"
        said = subprocess.run([curl, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        other = httpie(Path(name) / "httpie")
        print(
            f"Python {sys.version.split()[0]}, curl {said}, medians of {ROUNDS} rounds, load {os.getloadavg()[0]:.1f}"
        )
        with slow(site.plain.rpartition(":")[2], DELAY) as line:
            kept = [show(row, *measure(row)) for row in rows(site, curl, other, line)]
        if other is None:
            print("  HTTPie is not there and could not be installed")
        kept.append(memory(site))
    return 0 if all(kept) else 1
