"""The echo server beside C servers that do nothing else, ncat and socat, on loopback.

Servers stay up through the whole run; in each round every one of a group gets the same load in turn, the first one
changing, so a busy machine disturbs all alike. The figures are medians of the rounds, the ratios medians of each
round's own ratio. Load generator and server share the machine's cores. ROUNDS and SECONDS (of one load) come from the
environment.
"""

import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.bench.processes import Load, Server, build, load, netkit, other, reference

ROUNDS = int(os.environ.get("ROUNDS", "9"))
SECONDS = os.environ.get("SECONDS", "0.5")
CONNECTIONS, IDLE = 100, 10_000
WINDOW = 64  # datagrams under way
IDLE_MIB = 60
NCAT = ["ncat", "-l", "-k", "--max-conns", "200", "-e", "/bin/cat", "127.0.0.1", "PORT"]
SOCAT = ["socat", "-t", "5", "TCP-LISTEN:PORT,bind=127.0.0.1,fork,reuseaddr,backlog=200", "PIPE"]


class Figure(NamedTuple):
    """What is looked at: `of` one load, and how it is shown."""

    of: Callable[[Load], float]
    show: str


RATE = Figure(lambda load: load.number / load.seconds, "{:11,.0f} echoes/s")
SPEED = Figure(lambda load: load.number / load.seconds / 1e6, "{:11,.0f} MB/s    ")
CPU_ECHO = Figure(lambda load: load.cpu / load.number * 1e6, "{:6.2f} µs CPU an echo")
CPU_GIB = Figure(lambda load: load.cpu / load.number * 2**30, "{:6.2f} s CPU a GiB   ")


class Budget(NamedTuple):
    """netkit's figure as a ratio to a rival's: at least, or at most."""

    figure: Figure
    least: float | None = None
    most: float | None = None


class Group(NamedTuple):
    title: str
    program: str  # the load generator
    arguments: list[object]
    figures: list[Figure]
    budgets: dict[str, list[Budget]]  # by rival


GROUPS = [
    Group(
        f"TCP, {CONNECTIONS} connections x 64 B",
        "tcp_load",
        [CONNECTIONS, 64, SECONDS],
        [RATE, CPU_ECHO],
        {"C epoll": [Budget(RATE, least=0.8)], "ncat": [Budget(RATE, least=2)], "socat": [Budget(RATE, least=2)]},
    ),
    Group(
        "TCP, one stream",  # without ncat: after a half-close it loses what is under way
        "tcp_bulk",
        [SECONDS],
        [SPEED, CPU_GIB],
        {"C epoll": [], "socat": [Budget(SPEED, least=1)]},
    ),
    *(
        Group(
            f"UDP, {size:,} B, {WINDOW} under way",
            "udp_load",
            [size, WINDOW, SECONDS],
            [RATE, CPU_ECHO],
            {"C recvmmsg": [Budget(CPU_ECHO, most=1.25)]},
        )
        for size in (64, 1400)
    ),
]


def measure(group: Group, folder: Path, servers: dict[str, Server]) -> dict[str, list[Load]]:
    """The loads of every server of the group, a round each; the round before the first is thrown away."""
    names = ["netkit", *group.budgets]
    loads: dict[str, list[Load]] = {name: [] for name in names}
    for round_ in range(ROUNDS + 1):
        for step in range(len(names)):
            name = names[(round_ + step) % len(names)]
            try:
                result = load(folder / group.program, servers[name], *group.arguments)
            except subprocess.CalledProcessError as exc:
                raise SystemExit(f"{group.title}: {group.program} ended with {exc.returncode} on {name}") from exc
            if round_:
                loads[name].append(result)
        scrape(servers["netkit"])
    return loads


def scrape(server: Server) -> None:
    """Read the counters as a Prometheus server would: they are on, and used, while the figures are taken."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics}/metrics", timeout=10) as reply:
        assert b"netkit_echo_connections_total" in reply.read()


def report(group: Group, loads: dict[str, list[Load]]) -> int:
    """Print the group's table; how many budgets were missed."""
    print(group.title)
    missed = 0
    for name, budgets in {"netkit": list[Budget](), **group.budgets}.items():
        shown = [f.show.format(statistics.median(map(f.of, loads[name]))) for f in group.figures]
        verdicts = []
        for budget in budgets:
            value = budget.figure.of
            pairs = zip(loads["netkit"], loads[name], strict=True)
            ratio = statistics.median(value(ours) / value(theirs) for ours, theirs in pairs)
            if budget.least is not None:
                kept, bound = ratio >= budget.least, f">= x{budget.least:g}"
            else:
                kept, bound = ratio <= (budget.most or 0), f"<= x{budget.most:g}"
            missed += not kept
            what = "CPU" if budget.figure is CPU_ECHO else "speed"
            verdicts.append(f"netkit's {what} x{ratio:.2f}, budget {bound}: {'kept' if kept else 'MISSED'}")
        print(f"  {name:12}{'  '.join(shown)}   {'; '.join(verdicts)}".rstrip())
    return missed


def idle(folder: Path, server: Server) -> tuple[float, float]:
    """MiB of resident memory before and with IDLE connections that each had a byte echoed."""
    before = server.memory()
    argv = [str(folder / "idle"), str(server.port), str(IDLE)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin
        assert client.stdout
        if client.stdout.readline().strip() != str(IDLE):
            raise SystemExit(f"{IDLE:,} idle connections: they did not all get their echo")
        if server.metrics:
            scrape(server)
        after = server.memory()
        client.stdin.close()
    return before, after


def report_idle(folder: Path) -> int:
    print(f"{IDLE:,} idle connections")
    with reference(folder / "tcp_epoll") as plain:
        before, after = idle(folder, plain)
    print(f"  {'C epoll':12}{after:11.1f} MiB resident  {before:6.1f} without")
    with netkit("--max-conns", str(2 * IDLE), "--idle", "1h") as server:
        before, after = idle(folder, server)
    kept = after <= IDLE_MIB
    verdict = f"budget <= {IDLE_MIB} MiB: {'kept' if kept else 'MISSED'}"
    print(f"  {'netkit':12}{after:11.1f} MiB resident  {before:6.1f} without            {verdict}")
    return not kept


def lacking() -> list[str]:
    """What this machine lacks for the run."""
    missing = [f"{tool} is not installed" for tool in ("cc", "ncat", "socat") if not shutil.which(tool)]
    if not sys.platform.startswith("linux"):
        missing.append("the reference programs need Linux (epoll, recvmmsg)")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + 100:
        missing.append(f"RLIMIT_NOFILE is {hard}, {IDLE:,} connections need {IDLE + 100:,}")
    elif soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return missing


def main() -> int:
    if missing := lacking():
        print("bench echo: " + "; ".join(missing), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        try:
            build(folder)
        except subprocess.CalledProcessError as exc:
            print(f"bench echo: {' '.join(map(str, exc.cmd))} ended with {exc.returncode}", file=sys.stderr)
            return 2
        print(f"Python {sys.version.split()[0]}, {platform.system()} {platform.release()}, {os.cpu_count()} cores,")
        print(f"{ROUNDS} rounds of {SECONDS} s each, medians")
        servers = {
            "netkit": stack.enter_context(netkit()),
            "C epoll": stack.enter_context(reference(folder / "tcp_epoll")),
            "C recvmmsg": stack.enter_context(reference(folder / "udp_mmsg")),
            "ncat": stack.enter_context(other(*NCAT)),
            "socat": stack.enter_context(other(*SOCAT)),
        }
        missed = sum(report(group, measure(group, folder, servers)) for group in GROUPS)
        return 1 if missed + report_idle(folder) else 0
