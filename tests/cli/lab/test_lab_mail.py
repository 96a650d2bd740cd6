"""`netkit lab seed` and `lab wait` as processes beside a lab, and their words on a terminal."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from netkit.cli.output.lab import mail
from netkit.lab.mail.seed import Seeded

Netkit = Callable[..., subprocess.CompletedProcess[str]]


def test_seed_then_wait(netkit: Netkit, lab: Mapping[str, str]) -> None:
    done = netkit("lab", "seed", "2", "--to", "ann@cli.test", env=dict(lab))
    assert (done.returncode, done.stderr) == (0, "")
    ids = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert done.stdout == "".join(f"{one}\tann@cli.test\tMessage {n} of 2\n" for n, one in enumerate(ids, 1))
    done = netkit("lab", "wait", "--to", "ann@cli.test", "--subject", "MESSAGE 2", env=dict(lab))
    assert (done.returncode, done.stdout) == (0, f"{ids[1]}\tlab@lab.test\tann@cli.test\tMessage 2 of 2\n")
    done = netkit("lab", "wait", "--to", "ann@cli.test", "--timeout", "10ms", "--subject", "3", "--json", env=dict(lab))
    assert (done.returncode, json.loads(done.stdout)["error"]["kind"]) == (4, "timeout")
    assert done.stderr == "netkit: no message to ann@cli.test with '3' in its subject within 0.01 s\n"


def test_the_json_of_seed(netkit: Netkit, lab: Mapping[str, str]) -> None:
    done = netkit("lab", "seed", "--to", "json@cli.test", "--json", env=dict(lab))
    found = json.loads(done.stdout)
    assert list(found) == ["time", "id", "name", "recipient", "size"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["time"])
    assert (found["name"], found["recipient"]) == ("Message 1 of 1", "json@cli.test")


def test_wait_round_a_command(netkit: Netkit) -> None:
    netkit_here = shlex.join([sys.executable, "-m", "netkit"])
    script = f"{netkit_here} lab seed -q && {netkit_here} lab wait --json"
    done = netkit("lab", "--", "sh", "-c", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[1])["subject"] == "Message 1 of 1"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["seed", "--to", "nobody"], 2, "netkit: --to: 'nobody' has no @"),
        (["wait", "--subject", "("], 2, "netkit: --subject '(' is no regular expression"),
        (["wait", "--http", "http://127.0.0.1:1"], 3, "netkit: cannot connect to 127.0.0.1:1"),
        (["seed", "-5"], 2, "netkit lab seed: "),
    ],
)
def test_what_goes_wrong(netkit: Netkit, arguments: list[str], code: int, message: str) -> None:
    done = netkit("lab", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(message)


def test_lines_are_lines_whatever_a_lab_tells() -> None:
    told: dict[str, Any] = {"id": "lab1", "sender": "", "recipients": ["a@x", "b@x"], "subject": "two\r\nlines\t"}
    assert list(mail.plain(mail.Seen(told))) == ["lab1\t\ta@x,b@x\ttwo  lines "]
    assert list(mail.plain(Seeded(None, "n", "a@x", 1))) == ["-\ta@x\tn"]


def test_on_a_terminal_nothing_acts() -> None:
    from rich.console import Console

    from netkit.cli.output.lab.mail_rich import render

    console = Console(file=None, width=60, record=True, color_system=None)
    with console.capture() as shown:
        console.print(
            render(mail.Seen({"id": "lab1", "sender": "a@x", "recipients": ["b@x"], "subject": "\x1b[31mred"}))
        )
    assert shown.get() == "lab1  a@x  b@x  \\x1b[31mred\n"
