"""`netkit smtp send` and smtplib to Postfix's smtp-sink, behind 25 ms each way; a large attachment to and fro.

The time is that from the connection's start to the last answer, QUIT's among them, as `--json` tells it; smtplib's is
measured likewise. smtplib waits for each answer, so of TWENTY messages it sends SMTPLIB, and the rest is reckoned.
The memory is the growth of a client's peak from a small message to one with an attachment of LARGE bytes.
"""

import hashlib
import json
import os
import shutil
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from pathlib import Path

from netkit.lab import running
from netkit.mail.sasl.server import PASSWORD
from tests.bench.delay import slow
from tests.peers.smtp_sink import smtp_sink

ROUNDS = int(os.environ.get("ROUNDS", "5"))
DELAY = 25  # milliseconds each way
RECIPIENTS = [f"user{number}@y.test" for number in range(50)]
TWENTY, SMTPLIB = 20, 2
LARGE = 50 * 1024 * 1024
ONE_BUDGET, TWENTY_BUDGET, MEMORY_BUDGET = 0.25, 2.2, 20.0  # seconds, seconds, MiB
TEXT = "x" * 70 + "\n"
# A process of its own reports the peak: at its start a child has the peak of whoever forked it (getrusage(2)).
PEAK = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL)
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
NETKIT = [sys.executable, "-m", "netkit"]


def send(where: str, environment: dict[str, str], count: int) -> float:
    """Seconds from the connection's start until all is answered."""
    argv = [*NETKIT, "smtp", "send", where, "--from", "ann@x.test", "--subject", "s", "--text", TEXT, "--json"]
    for address in RECIPIENTS:
        argv += ["--to", address]
    done = subprocess.run([*argv, "--count", str(count)], env=environment, capture_output=True, check=True)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["outcome"] for one in documents] == ["accepted"] * count
    assert {len(one["recipients"]) for one in documents} == {len(RECIPIENTS)}
    return float(documents[-1]["timings"]["total_ms"]) / 1000


def smtplib_send(where: str, count: int) -> float:
    host, _, port = where.rpartition(":")
    message = f"From: ann@x.test\nSubject: s\nTo: {', '.join(RECIPIENTS)}\n\n{TEXT}"
    start = time.perf_counter()
    with smtplib.SMTP(host, int(port)) as client:
        for _ in range(count):
            client.sendmail("ann@x.test", RECIPIENTS, message)
    return time.perf_counter() - start


def peak(environment: dict[str, str], *options: str) -> float:
    """MiB that `netkit OPTIONS` had at most."""
    done = subprocess.run([sys.executable, "-c", PEAK, *NETKIT, *options], env=environment, stdout=-1, check=True)
    code, size = done.stdout.split()[-2:]
    assert code == b"0", done.stdout.decode()
    return int(size) / 1024


def attachment(message: Path) -> str:
    """The SHA-256 of what is attached to a message that netkit made."""
    digest, inside = hashlib.sha256(), False
    with message.open("rb") as lines:
        for line in lines:
            if inside and line.startswith(b"--="):
                break
            if inside:
                digest.update(b64decode(line))
            elif line.startswith(b"Content-Disposition: attachment"):
                inside = next(lines).startswith(b" filename=") and next(lines) == b"\r\n"
    return digest.hexdigest()


def to_and_fro(environment: dict[str, str], folder: Path) -> tuple[float, float, float, float]:
    """MiB of `smtp send` and of `pop3 get`, small and large: the peaks of each."""
    (folder / "small").write_bytes(b"small")
    (folder / "large").write_bytes(os.urandom(1024 * 1024) * (LARGE // 1024**2))
    peaks: list[float] = []
    with running(bind=["127.0.0.1"]) as lab:
        smtp, pop3 = lab.environment["NETKIT_LAB_SMTP"], lab.environment["NETKIT_LAB_POP3"]
        known = {**environment, "NETKIT_PASSWORD": PASSWORD}
        for name in ("small", "large"):
            to, file = f"{name}@lab.test", str(folder / name)
            peaks.append(peak(environment, "smtp", "send", smtp, "--from", "a@x.test", "--to", to, "--attach", file))
            copy = folder / f"{name}.eml"
            peaks.append(peak(known, "pop3", "get", pop3, "1", "--user", to, "-q", "-o", str(copy)))
            assert attachment(copy) == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    return peaks[0], peaks[2], peaks[1], peaks[3]


def show(what: str, seconds: float, note: str) -> None:
    print(f"  {what:25}{seconds:7.2f} s   {note}")


def main(environment: dict[str, str]) -> int:
    """environment: of netkit's processes, where they find themselves compiled."""
    program = shutil.which("smtp-sink", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        print("mail: needs smtp-sink (tests/peers/install)")
        return 2
    with smtp_sink(program) as sink, slow(sink.rpartition(":")[2], DELAY) as line:
        send(sink, environment, 1)  # Python compiles
        one = statistics.median(send(line, environment, 1) for _ in range(ROUNDS))
        twenty = statistics.median(send(line, environment, TWENTY) for _ in range(ROUNDS))
        theirs = smtplib_send(line, 1)
        their_twenty = (smtplib_send(line, SMTPLIB) - theirs) * (TWENTY - 1) / (SMTPLIB - 1) + theirs
    with tempfile.TemporaryDirectory(prefix="netkit-bench-") as folder:
        send_small, send_large, get_small, get_large = to_and_fro(environment, Path(folder))
    kept = (
        one <= ONE_BUDGET
        and twenty <= TWENTY_BUDGET
        and send_large - send_small <= MEMORY_BUDGET
        and get_large - get_small <= MEMORY_BUDGET
    )
    print(f"Sending, {len(RECIPIENTS)} recipients a message, {DELAY} ms each way, medians of {ROUNDS} runs")
    show("netkit smtp send", one, f"budget {ONE_BUDGET} s")
    show("smtplib", theirs, f"x{theirs / one:.1f}")
    show(f"{TWENTY} messages, netkit", twenty, f"budget {TWENTY_BUDGET} s")
    show(f"{TWENTY} messages, smtplib", their_twenty, f"x{their_twenty / twenty:.1f}, reckoned from {SMTPLIB} of them")
    print(f"An attachment of {LARGE // 1024**2} MiB to the lab and back, equal; peak, budget +{MEMORY_BUDGET:g} MiB")
    for what, small, large in (("smtp send", send_small, send_large), ("pop3 get", get_small, get_large)):
        print(f"  netkit {what:18}{large:7.1f} MiB   {large - small:+.1f}")
    print("  kept" if kept else "  MISSED")
    return 0 if kept else 1
