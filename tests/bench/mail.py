"""`netkit pop3 subjects` and `save`, mpop and poplib, for 2,000 messages on Dovecot behind a line of 25 ms each way.

The whole process is timed, from its start to its end. mpop, the one client beside ours that pipelines, has no list of
subjects: its filter gets the header of each message by TOP, in a process each, and here one that fetches nothing more.
poplib is asked one by one, for the first POPLIB messages alone, since all of them take minutes.
What decoding a subject costs is told at the end.
"""

import os
import poplib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from netkit.lab.odd import SUBJECTS
from netkit.mail.header_text import decode
from tests.bench import mail_smtp
from tests.bench.delay import slow
from tests.peers.dovecot import PASSWORD, dovecot

ROUNDS = int(os.environ.get("ROUNDS", "5"))
MESSAGES, POPLIB = 2000, 100
DELAY = 25  # milliseconds each way
BUDGET, DECODE_BUDGET = 1.3, 15.0  # seconds; microseconds
SKIP = "cat > /dev/null; exit 2"  # "do not fetch it" (mpop(1)); the header is on standard input
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


def netkit(where: str, *options: str) -> float:
    """Seconds of `netkit pop3 subjects --json`, every row counted."""
    argv = [sys.executable, "-m", "netkit", "pop3", "subjects", where, "--user", "many", "--json", *options]
    start = time.perf_counter()
    done = subprocess.run(argv, env=ENVIRONMENT, capture_output=True, check=True)
    seconds = time.perf_counter() - start
    assert done.stdout.count(b'"subject": "number ') == MESSAGES
    return seconds


def save(where: str, folder: Path, turn: int) -> float:
    """Seconds of `netkit pop3 save --mbox`."""
    argv = [sys.executable, "-m", "netkit", "pop3", "save", where, "--user", "many", "--mbox", f"{folder}/ours{turn}"]
    return timed(argv, ENVIRONMENT)


def mpop(program: str, where: str, folder: Path, turn: int, *options: str) -> float:
    """Seconds of mpop into an mbox, or with a filter into nothing; the UIDLs are forgotten before."""
    host, _, port = where.rpartition(":")
    argv = [program, "-q", f"--host={host}", f"--port={port}", "--user=many", f"--passwordeval=echo {PASSWORD}"]
    argv += ["--auth=user", "--keep=on", "--received-header=off", "--pipelining=on", f"--uidls-file={folder}/{turn}"]
    argv += [f"--delivery=mbox,{folder}/theirs{turn}", *options]
    return timed(argv, dict(os.environ))


def timed(argv: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


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


def show(what: str, seconds: float, note: str = "") -> None:
    print(f"  {what:26}{seconds:7.2f} s   {seconds / MESSAGES * 1e3:6.2f} ms a message   {note}".rstrip())


def main() -> int:
    program = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or os.geteuid():
        print("mail: needs dovecot (tests/peers/install) and root")
        return 2
    cache = tempfile.TemporaryDirectory(prefix="netkit-bench-")
    ENVIRONMENT["PYTHONPYCACHEPREFIX"] = cache.name
    other = shutil.which("mpop")
    folder = Path(cache.name)
    theirs = filtered = 0.0
    with cache, dovecot(program, {"many": [message(n) for n in range(1, MESSAGES + 1)]}) as server:
        netkit(server.plain)  # Dovecot indexes the mailbox once, and Python compiles
        save(server.plain, folder, -1)
        with slow(server.plain.rpartition(":")[2], DELAY) as line:
            whole = statistics.median(netkit(line) for _ in range(ROUNDS))
            ours = statistics.median(save(line, folder, turn) for turn in range(ROUNDS))
            if other:
                theirs = statistics.median(mpop(other, line, folder, turn) for turn in range(ROUNDS))
                assert size(folder / "theirs0") == size(folder / "ours0") > 0
                skip = f"--filter={SKIP}"
                filtered = statistics.median(mpop(other, line, folder, ROUNDS + turn, skip) for turn in range(ROUNDS))
                assert size(folder / f"theirs{ROUNDS}") == 0
            poplib_one = one_by_one(line) / POPLIB
        direct = statistics.median(netkit(server.plain) for _ in range(ROUNDS))
        sending = mail_smtp.main(ENVIRONMENT)
    micro = decoding(PLAIN)
    odd = decoding(tuple(subject for name, subject in SUBJECTS if name != "long"))
    kept = whole <= BUDGET and micro <= DECODE_BUDGET
    print(f"Python {sys.version.split()[0]}, {MESSAGES} messages, {DELAY} ms each way, medians of {ROUNDS} runs")
    show("netkit pop3 subjects", whole, f"budget {BUDGET} s")
    if other:
        show("mpop with a filter", filtered, f"x{filtered / whole:.1f}")
    show("poplib.top one by one", poplib_one * MESSAGES, f"x{poplib_one * MESSAGES / whole:.0f}")
    show("netkit pop3 save --mbox", ours)
    if other:
        show("mpop to an mbox", theirs, f"x{theirs / ours:.1f}")
    else:
        print("  mpop is not installed: tests/peers/install")
    print(f"  netkit subjects without the delay {direct:6.2f} s")
    print(f"  decoding a subject {micro:.2f} µs, odd ones {odd:.2f} µs, budget {DECODE_BUDGET:g} µs")
    print("  kept" if kept else "  MISSED")
    return max(sending, 0 if kept else 1)
