"""The chat server beside a C server that does nothing else, ncat, ngircd and the tutorial's own, on loopback.

All servers of a group stay up with their clients; in each round every one gets the same load in turn, the first one
changing, so a busy machine disturbs all alike. The figures are medians of the rounds, the ratio of CPU the median of
each round's own ratio; budgets of speed and time look at the round that was disturbed least, and at the end it is told
how much of the machine others had meanwhile. The load generator is C (reference/chat_load.c) and counts every line at
every client; servers and it share the machine's cores. ROUNDS and SECONDS (of one load) come from the environment.
"""

import json
import os
import platform
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.processes import Server, build, command, other, reference

ROUNDS = int(os.environ.get("ROUNDS", "7"))
SECONDS = os.environ.get("SECONDS", "1")
CLIENTS, MANY, SIZE = 1000, 9000, 40
SELECTABLE = 900  # clients of who uses select(), whose descriptors end at 1024
TOGETHER = 60  # clients of ncat --chat, which tells each newcomer everybody, and everybody that: n * n * n bytes
CHANNEL = 200  # clients of ngircd, whose accept queue holds 10: they register one after the other
SECURED = 500  # clients of whom it is told what TLS costs
CPU_RATIO, SPEED_RATIO = 0.85, 3.0  # netkit's to C's deliveries a CPU second, to ncat's a second
P99, P99_MANY, FIRST = 30.0, 150.0, 1.0  # ms
IDLE_MIB, DEAD_MIB = 80.0, 5.0
DISTURBED = 0.1  # of the machine
DEAD, SAID = 500, 3 * 1024 * 1024  # readers who never read, bytes that each of them is owed
NETKIT = ("chat", "serve", "--rate", "off", "--max-clients", "20000")


class Load(NamedTuple):
    """times: milliseconds; of `lines` p50 and p99 of a round, of `rate` p50 of the first, p50 and p99 of all."""

    deliveries: int
    seconds: float
    cpu: float
    times: list[float]

    @property
    def speed(self) -> float:
        return self.deliveries / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of CPU for a delivery."""
        return self.cpu / self.deliveries * 1e6


class Crowd:
    """The clients of a server, in a process of the load generator."""

    def __init__(self, server: Server, process: "subprocess.Popen[str]") -> None:
        self.server = server
        self.process = process

    def run(self, what: str) -> Load:
        assert self.process.stdin
        before = self.server.cpu()
        self.process.stdin.write(f"{what} {SECONDS}\n")
        self.process.stdin.flush()
        deliveries, seconds, *times = self.answer()
        return Load(int(deliveries), seconds, self.server.cpu() - before, times)

    def answer(self) -> list[float]:
        assert self.process.stdout
        words = self.process.stdout.readline().split()
        if not words:
            raise SystemExit(f"bench chat: chat_load ended with {self.process.wait()}")
        return [float(word) for word in words]


@contextmanager
def crowd(folder: Path, server: Server, clients: int, *speaking: str) -> Iterator[Crowd]:
    """They are all in, and have been told of each other. speaking: irc, where it is not lines."""
    argv = [str(folder / "chat_load"), str(server.port), str(clients), str(SIZE), *speaking]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        found = Crowd(server, process)
        found.answer()
        yield found
        assert process.stdin
        process.stdin.close()


def rounds(crowds: dict[str, Crowd], what: str) -> dict[str, list[Load]]:
    """The loads of each, a round each; the round before the first is thrown away."""
    names = list(crowds)
    loads: dict[str, list[Load]] = {name: [] for name in names}
    for number in range(ROUNDS + 1):
        for step in range(len(names)):
            name = names[(number + step) % len(names)]
            load = crowds[name].run(what)
            if number:
                loads[name].append(load)
    return loads


def verdict(kept: bool, words: str) -> int:
    print(f"    {words}: {'kept' if kept else 'MISSED'}")
    return not kept


def median(loads: list[Load], place: int) -> float:
    return statistics.median(load.times[place] for load in loads)


def least(loads: list[Load], place: int) -> float:
    return min(load.times[place] for load in loads)


def fastest(loads: list[Load]) -> float:
    return max(load.speed for load in loads)


def table(title: str, loads: dict[str, list[Load]], heads: tuple[str, ...]) -> None:
    print(title)
    for name, all_of in loads.items():
        speed, cost = (statistics.median(getattr(load, what) for load in all_of) for what in ("speed", "cost"))
        times = "  ".join(f"{head} {median(all_of, place):7.2f}" for place, head in enumerate(heads))
        print(f"  {name:15}{speed:12,.0f} deliveries/s {cost:7.3f} µs CPU each   {times} ms")


def busy() -> tuple[float, float]:
    """Seconds of CPU that were spent on this machine, by all and by us and our children that have ended."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    spent = sum(fields) - fields[3] - fields[4]  # but idle and iowait (proc_stat(5))
    own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return spent / os.sysconf("SC_CLK_TCK"), sum(one.ru_utime + one.ru_stime for one in own)


def a_thousand(folder: Path) -> int:
    """Speed and latency with CLIENTS clients; how many budgets were missed."""
    with ExitStack() as stack:
        servers: dict[str, tuple[Server, int] | tuple[Server, int, str]] = {
            "netkit": (stack.enter_context(command(*NETKIT)), CLIENTS),
            "C epoll": (stack.enter_context(reference(folder / "chat_epoll")), CLIENTS),
            "ncat --broker": (stack.enter_context(other(*ncat("--broker"))), CLIENTS),
            "ngircd": (stack.enter_context(ngircd(folder)), CHANNEL, "irc"),
            "tutorial": (stack.enter_context(other(*tutorial())), SELECTABLE),
            "ncat --chat": (stack.enter_context(other(*ncat("--chat"))), TOGETHER),
        }
        crowds = {name: stack.enter_context(crowd(folder, *which)) for name, which in servers.items()}
        few = ", ".join(f"{name} {count}" for name, (_, count, *_) in servers.items() if count != CLIENTS)
        print(f"{CLIENTS:,} clients ({few}), lines of {SIZE} B")
        loads = rounds(crowds, "lines 1")
        table("One line at a time", loads, ("all have it: p50", "p99"))
        pairs = zip(loads["netkit"], loads["C epoll"], strict=True)
        cpu = statistics.median(theirs.cost / ours.cost for ours, theirs in pairs)
        speed = fastest(loads["netkit"]) / fastest(loads["ncat --broker"])
        missed = verdict(cpu >= CPU_RATIO, f"deliveries a CPU second x{cpu:.2f} of C's, budget >= x{CPU_RATIO:g}")
        missed += verdict(
            speed >= SPEED_RATIO, f"deliveries/s x{speed:.2f} of ncat --broker's, budget >= x{SPEED_RATIO:g}"
        )
        table("64 lines at a time", rounds(crowds, "lines 64"), ("all have them: p50", "p99"))
        heads = ("first p50", "all p50", "p99")
        loads = rounds(crowds, "rate 50")
        table("50 lines/s", loads, heads)
        first = least(loads["netkit"], 0)
        missed += verdict(first < FIRST, f"first delivery p50 {first:.2f} ms, budget < {FIRST:g} ms")
        quick = {name: crowds[name] for name in ("netkit", "C epoll")}
        loads = rounds(quick, "rate 1000")
        table("1,000 lines/s", loads, heads)
        p99 = least(loads["netkit"], 2)
        return missed + verdict(p99 < P99, f"p99 {p99:.1f} ms, budget < {P99:g} ms")


def own_limit(folder: Path) -> None:
    """`netkit chat bench` beside the C load generator, each on a C server of its own: how much it can measure."""
    print(f"{CLIENTS:,} clients of C epoll, 64 lines under way")
    argv = ["chat", "bench", "--clients", str(CLIENTS), "--lines", "64", "--duration", SECONDS, "--json"]
    speeds, ours = [], []
    with ExitStack() as stack:
        theirs = stack.enter_context(crowd(folder, stack.enter_context(reference(folder / "chat_epoll")), CLIENTS))
        server = stack.enter_context(reference(folder / "chat_epoll", "quiet"))
        for _ in range(ROUNDS):
            speeds.append(theirs.run("lines 64").speed)
            done = subprocess.run([sys.executable, "-m", "netkit", *argv, f"127.0.0.1:{server.port}"],
                                  stdout=subprocess.PIPE, check=True)  # fmt: skip
            ours.append(json.loads(done.stdout))
    own = statistics.median(1000 * one["own_cpu_ms"] / one["deliveries"] for one in ours)
    busy = statistics.median(one["own_cpu_ms"] / one["duration_ms"] for one in ours)
    speed = statistics.median(one["deliveries_per_s"] for one in ours)
    print(f"  {'chat bench':15}{speed:12,.0f} deliveries/s {own:7.3f} µs of its own CPU each, {busy:.0%} of a core")
    print(f"  {'C load':15}{statistics.median(speeds):12,.0f} deliveries/s (of 64 lines of one client, then the next)")


def secured() -> None:
    """What a client over TLS costs, beside a plain one: no budget, for OpenSSL has most of it."""
    print(f"{SECURED} clients of chat bench, 50 lines/s")
    argv = ["chat", "bench", "--clients", str(SECURED), "--rate", "50", "--duration", SECONDS, "--json"]
    for name, serving, joining in (("plain", [], []), ("TLS", ["--tls-self-signed"], ["--tls", "--insecure"])):
        with command(*NETKIT, *serving) as server:
            before = server.memory()
            done = subprocess.run([sys.executable, "-m", "netkit", *argv, *joining, "--pid", str(server.process.pid),
                                   f"127.0.0.1:{server.port}"], stdout=subprocess.PIPE, check=True)  # fmt: skip
        found = json.loads(done.stdout)
        each = (found["server"]["idle_rss"] / 1024 - before * 1024) / SECURED
        cost = found["server"]["cpu_us_per_delivery"]
        ready = found["connect_ms"] / SECURED
        print(f"  {name:15}{each:8.1f} KiB each, {cost:.3f} µs CPU a delivery, {ready:.2f} ms until one is in")


def many(folder: Path) -> int:
    """MANY clients: their memory, and what they get of 200 lines/s."""
    print(f"{MANY:,} clients")
    with ExitStack() as stack:
        server = stack.enter_context(command(*NETKIT))
        plain = stack.enter_context(reference(folder / "chat_epoll", "quiet"))
        before = server.memory()
        crowds = {"netkit": stack.enter_context(crowd(folder, server, MANY))}
        idle = server.memory()
        print(f"  {'netkit':15}{idle:8.1f} MiB resident, {before:.1f} without them")
        missed = verdict(idle <= IDLE_MIB, f"budget <= {IDLE_MIB:g} MiB")
        crowds["C epoll"] = stack.enter_context(crowd(folder, plain, MANY))
        print(f"  {'C epoll':15}{plain.memory():8.1f} MiB")
        loads = rounds(crowds, "rate 200")
        table("200 lines/s", loads, ("first p50", "all p50", "p99"))
        p99, theirs = least(loads["netkit"], 2), least(loads["C epoll"], 2)
        return missed + verdict(p99 < P99_MANY, f"p99 {p99:.0f} ms (C {theirs:.0f}), budget < {P99_MANY:g} ms")


def dead() -> int:
    """What DEAD readers cost who do not read."""
    line = b"x" * 999 + b"\n"
    with command(*NETKIT, "--slow", "skip") as server, ExitStack() as stack:

        def join() -> socket.socket:
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", server.port))
            return sock

        for _ in range(DEAD):
            join()
        reader, speaker = join(), join()
        speaker.sendall(line)  # who connected is in when this is told
        read_to(reader, line)
        before = server.memory()
        for _ in range(0, SAID, 16 * len(line)):
            speaker.sendall(line * 16)
            read_to(reader, line, 16)
        cost = server.memory() - before
    print(f"{DEAD} readers who do not read, {SAID // 2**20} MiB said")
    return verdict(cost <= DEAD_MIB, f"they cost {cost:.1f} MiB, budget <= {DEAD_MIB:g} MiB")


def read_to(reader: socket.socket, line: bytes, times: int = 1) -> None:
    got = b""
    while got.count(line) < times:
        data = reader.recv(1 << 16)
        assert data, "the reader was closed"
        got += data


def ncat(how: str) -> tuple[str, ...]:
    return "ncat", "-l", how, "--max-conns", "1010", "127.0.0.1", "PORT"


NGIRCD = """\
[Global]
Name = bench.test
Info = bench
Listen = 127.0.0.1
Ports = PORT
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxPenaltyTime = 0
PingTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
"""


@contextmanager
def ngircd(folder: Path) -> Iterator[Server]:
    config = folder / "ngircd.conf"
    config.write_text(NGIRCD)
    with other(shutil.which("ngircd") or "/usr/sbin/ngircd", "-n", "-f", str(config), config=config) as server:
        yield server


def tutorial() -> tuple[str, ...]:
    return sys.executable, str(Path(__file__).parents[1] / "chat" / "tutorial_server.py"), "PORT"


def lacking() -> list[str]:
    """What this machine lacks for the run."""
    missing = [f"{tool} is not installed" for tool in ("cc", "ncat") if not shutil.which(tool)]
    if not shutil.which("ngircd") and not Path("/usr/sbin/ngircd").exists():
        missing.append("ngircd is not installed")
    if not sys.platform.startswith("linux"):
        missing.append("the reference programs need Linux (epoll)")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MANY + 100:
        missing.append(f"RLIMIT_NOFILE is {hard}, {MANY:,} clients need {MANY + 100:,}")
    elif soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return missing


def main() -> int:
    if missing := lacking():
        print("bench chat: " + "; ".join(missing), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            build(folder)
        except subprocess.CalledProcessError as exc:
            print(f"bench chat: {' '.join(map(str, exc.cmd))} ended with {exc.returncode}", file=sys.stderr)
            return 2
        print(f"Python {sys.version.split()[0]}, {platform.system()} {platform.release()}, {os.cpu_count()} cores,")
        print(f"{ROUNDS} rounds of {SECONDS} s each, medians")
        begun, (all_before, own_before) = time.monotonic(), busy()
        missed = a_thousand(folder) + many(folder) + dead()
        secured()
        own_limit(folder)
        seconds, (all_after, own_after) = time.monotonic() - begun, busy()
        others = (all_after - all_before - own_after + own_before) / seconds / (os.cpu_count() or 1)
        if others > DISTURBED:
            print(f"Others had {others:.0%} of this machine meanwhile: that is in every time above")
        return 1 if missed else 0
