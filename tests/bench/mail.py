"""`netkit pop3 subjects` for 2,000 messages on Dovecot, behind a line of 25 ms each way; poplib one by one beside it.

The whole process is timed, from its start to its end. poplib is asked for the first POPLIB messages alone, since all
of them take minutes: both figures are given for one message. The last figure is what decoding a subject costs.
"""

import os
import poplib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from netkit.lab.odd import SUBJECTS
from netkit.mail.header_text import decode
from tests.peers.dovecot import PASSWORD, dovecot

ROUNDS = int(os.environ.get("ROUNDS", "5"))
MESSAGES, POPLIB = 2000, 100
DELAY = 25  # milliseconds each way
BUDGET, DECODE_BUDGET = 1.3, 15.0  # seconds; microseconds
# Compiled once, as an installed package is.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["NETKIT_PASSWORD"] = PASSWORD
HEADER = b"".join(b"Received: from relay%d.example.org by mx.example.org; %s\n" % (n, b"x" * 100) for n in range(7))
PLAIN = (
    b"Minutes of the meeting",
    b"=?utf-8?q?caf=C3=A9?=",
    b"Re: invoice 4711",
    b"=?iso-8859-1?b?R3L832U=?= =?utf-8?b?4pyT?=",
)


def message(number: int) -> bytes:
    head = b"From: Ann <a@x.test>\nDate: Fri, 2 Jan 2026 03:04:05 +0000\nSubject: number %d\n" % number
    return HEADER + head + b"\n" + b"x" * 76 + b"\n" + (b"y" * 76 + b"\n") * 50


@contextmanager
def slow(port: str) -> Iterator[str]:
    argv = [sys.executable, "-m", "tests.bench.delay", port, str(DELAY)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        try:
            yield f"127.0.0.1:{proxy.stdout.readline().strip()}"
        finally:
            proxy.terminate()


def netkit(where: str, *options: str) -> float:
    """Seconds of `netkit pop3 subjects --json`, every row counted."""
    argv = [sys.executable, "-m", "netkit", "pop3", "subjects", where, "--user", "many", "--json", *options]
    start = time.perf_counter()
    done = subprocess.run(argv, env=ENVIRONMENT, capture_output=True, check=True)
    seconds = time.perf_counter() - start
    assert done.stdout.count(b'"subject": "number ') == MESSAGES
    return seconds


def one_by_one(where: str) -> float:
    """Seconds of poplib for POPLIB messages, the session's own start left out."""
    host, _, port = where.rpartition(":")
    client = poplib.POP3(host, int(port))
    client.user("many")
    client.pass_(PASSWORD)
    start = time.perf_counter()
    for number in range(1, POPLIB + 1):
        client.top(number, 0)
    seconds = time.perf_counter() - start
    client.quit()
    return seconds


def decoding(subjects: tuple[bytes, ...]) -> float:
    """Microseconds for one."""
    for subject in subjects:
        decode(subject)
    start = time.perf_counter()
    for _ in range(2000):
        for subject in subjects:
            decode(subject)
    return (time.perf_counter() - start) / 2000 / len(subjects) * 1e6


def main() -> int:
    program = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or os.geteuid():
        print("mail: needs dovecot (tests/peers/install) and root")
        return 2
    cache = tempfile.TemporaryDirectory(prefix="netkit-bench-")
    ENVIRONMENT["PYTHONPYCACHEPREFIX"] = cache.name
    with cache, dovecot(program, {"many": [message(n) for n in range(1, MESSAGES + 1)]}) as server:
        netkit(server.plain)  # Dovecot indexes the mailbox once, and Python compiles
        with slow(server.plain.rpartition(":")[2]) as line:
            whole = statistics.median(netkit(line) for _ in range(ROUNDS))
            poplib_one = one_by_one(line) / POPLIB
        direct = statistics.median(netkit(server.plain) for _ in range(ROUNDS))
    micro = decoding(PLAIN)
    odd = decoding(tuple(subject for name, subject in SUBJECTS if name != "long"))
    kept = whole <= BUDGET and micro <= DECODE_BUDGET
    each, one = whole / MESSAGES * 1e3, poplib_one * 1e3
    print(f"Python {sys.version.split()[0]}, {MESSAGES} messages, {DELAY} ms each way, medians of {ROUNDS} runs")
    print(f"  netkit pop3 subjects      {whole:6.2f} s   {each:6.2f} ms a message   budget {BUDGET} s")
    print(f"  poplib.top one by one              {one:6.2f} ms a message   x{one / each:.0f}")
    print(f"  netkit without the delay  {direct:6.2f} s")
    print(f"  decoding a subject        {micro:6.2f} µs   odd ones {odd:.2f} µs   budget {DECODE_BUDGET:g} µs")
    print("  kept" if kept else "  MISSED")
    return 0 if kept else 1
