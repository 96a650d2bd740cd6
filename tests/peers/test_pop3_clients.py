"""mpop and curl on the lab's POP3 server: they fetch what `netkit pop3` fetches, byte for byte."""

import smtplib
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from netkit.lab import running

Program = Callable[[str], str]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
USER = "peers@lab.test"
MAIL = [
    b"Subject: %d\r\n\r\n.\r\n..\r\n.x\r\nFrom here\r\n>From there\r\n\r\n%b\r\n" % (number, b"caf\xe9 " * number)
    for number in range(1, 41)
]


@pytest.fixture(scope="module")
def lab() -> Iterator[Mapping[str, str]]:
    with running(bind=["127.0.0.1"]) as running_lab:
        host, _, port = running_lab.environment["NETKIT_LAB_SMTP"].rpartition(":")
        with smtplib.SMTP(host, int(port)) as client:
            for message in MAIL:
                client.sendmail("a@lab.test", [USER], message)
        yield running_lab.environment


def messages(folder: Path) -> list[bytes]:
    return sorted(one.read_bytes() for one in folder.iterdir())


@pytest.fixture
def mpop(program: Program, lab: Mapping[str, str], tmp_path: Path) -> Callable[..., None]:
    """Fetch everything over STLS, pipelined: mpop("maildir", FOLDER)."""
    path = program("mpop")
    host, _, port = lab["NETKIT_LAB_POP3"].rpartition(":")

    def run(method: str, where: Path, *more: str) -> None:
        options = {
            "host": host, "port": port, "user": USER, "passwordeval": "echo netkit", "tls": "on",
            "tls-trust-file": lab["NETKIT_LAB_CA"], "pipelining": "on", "keep": "on", "received-header": "off",
            "delivery": f"{method},{where}", "uidls-file": str(tmp_path / "uidls"), "timeout": "60",
        }  # fmt: skip
        argv = [path, "-q", *(f"--{name}={value}" for name, value in options.items()), *more]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    return run


def test_mpop_fetches_the_same(netkit: Run, mpop: Callable[..., None], lab: Mapping[str, str], tmp_path: Path) -> None:
    for name in ("tmp", "new", "cur"):
        (tmp_path / "theirs" / name).mkdir(parents=True)
    mpop("maildir", tmp_path / "theirs")
    where = ("--user", USER, lab["NETKIT_LAB_POP3"], "--tls", "starttls", "--cacert", lab["NETKIT_LAB_CA"])
    environment = {"NETKIT_PASSWORD": "netkit"}
    done = netkit("pop3", "save", *where, "--maildir", str(tmp_path / "ours"), env=environment)
    assert (done.stderr, done.returncode) == ("", 0)
    assert messages(tmp_path / "ours/new") == messages(tmp_path / "theirs/new")
    assert messages(tmp_path / "ours/new") == sorted(one.replace(b"\r\n", b"\n") for one in MAIL)


def test_mpop_writes_the_same_mbox(
    mpop: Callable[..., None], netkit: Run, lab: Mapping[str, str], tmp_path: Path
) -> None:
    mpop("mbox", tmp_path / "theirs")
    done = netkit("pop3", "save", "--user", USER, lab["NETKIT_LAB_POP3"], "--mbox", str(tmp_path / "ours"),
                  env={"NETKIT_PASSWORD": "netkit"})  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 0)

    def bare(name: str) -> list[bytes]:
        lines = (tmp_path / name).read_bytes().split(b"\n")
        return [b"From" if line.startswith(b"From MAILER-DAEMON ") else line for line in lines]

    assert bare("ours") == bare("theirs")


def test_curl(program: Program, lab: Mapping[str, str]) -> None:
    def curl(path: str, *more: str) -> bytes:
        host, _, port = lab["NETKIT_LAB_POP3"].rpartition(":")
        argv = [program("curl"), "-sS", "--ssl-reqd", "--cacert", lab["NETKIT_LAB_CA"], "-u", f"{USER}:netkit"]
        return subprocess.run([*argv, *more, f"pop3://{host}:{port}/{path}"], capture_output=True, check=True).stdout

    sizes = b"".join(b"%d %d\r\n" % (number, len(message)) for number, message in enumerate(MAIL, 1))
    assert curl("") == sizes
    assert curl("7") == MAIL[6]
    head, _, body = MAIL[6].partition(b"\r\n\r\n")
    assert curl("", "-X", "TOP 7 1") == head + b"\r\n\r\n" + body.splitlines(keepends=True)[0]
