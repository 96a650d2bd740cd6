"""`netkit tour`: every step holds, and a step that does not is told."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from netkit.errors import BadInput
from netkit.lab.steps import STEPS, Step
from netkit.lab.tour import command_text, contents, find_failure, find_steps, run_step
from tests.conftest import MS

Netkit = Callable[..., subprocess.CompletedProcess[str]]


def test_every_step_is_as_expected(netkit: Netkit) -> None:
    done = netkit("tour", timeout=len(STEPS) * 10_000 * MS)  # each is a command of its own
    assert re.findall("NOT AS EXPECTED.*", done.stdout) == []
    assert (done.returncode, done.stderr) == (0, f"{len(STEPS)} steps, all as expected\n")
    assert re.findall(r"^== (\S+):", done.stdout, re.MULTILINE) == [step.name for step in STEPS]
    assert "\x1b" not in done.stdout.replace("\x1b[31m", "")


def test_one_step_in_full(netkit: Netkit) -> None:
    done = netkit("tour", "-q", "--step", "resolve-script")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.sub(r":\d{4,5}\b", ":PORT", done.stdout) == (
        "== resolve-script: The same for a script: one address a line, and an exit code ==\n"
        "-- listing 3\n"
        '   socket.gethostbyname("www.lab.test")\n'
        "$ netkit resolve @127.0.0.1:PORT --short -t A many.lab.test\n"
        "127.0.0.11\n127.0.0.12\n127.0.0.13\n"
        "exit 0\n\n"
    )


def test_json_has_every_key(netkit: Netkit) -> None:
    done = netkit("tour", "--json", "--step", "resolve", "--step", "resolve-no")
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [document["name"] for document in documents] == ["resolve", "resolve-no"]
    for document in documents:
        assert list(document) == [
            *("name", "title", "listing", "tutorial", "command", "expected_exit_code", "exit_code"),
            *("stdout", "stderr", "duration_ms", "failure", "left_out"),
        ]
        assert document["exit_code"] == document["expected_exit_code"]
        assert document["failure"] is None


def test_the_list_runs_nothing(netkit: Netkit) -> None:
    done = netkit("tour", "--list")
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [step.name for step in STEPS]
    (first, *_) = netkit("tour", "--list", "--json").stdout.splitlines()
    assert json.loads(first)["exit_code"] is None


def test_an_unknown_step(netkit: Netkit) -> None:
    done = netkit("tour", "--step", "nosuch")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "netkit: the tour has no step 'nosuch'\nhint: netkit tour --list shows its steps\n"
    near = netkit("tour", "--step", "smtp-sent")
    assert near.stderr.splitlines()[1].startswith("hint: did you mean smtp-send")


def test_a_listed_command_is_a_line_on_a_terminal_too(terminal: Any) -> None:
    done = terminal("tour", "--list", columns=60)
    (line,) = (line for line in done.lines if line.startswith("smtp-check-domain"))
    assert line.split()[1:6] == ["listing", "26", "netkit", "smtp", "check"]
    assert line.endswith("--mx-port {smtp_port} --policy-port {https_port}")


def test_on_a_terminal_it_draws_panels(netkit: Netkit) -> None:
    done = netkit("tour", "--color", "always", "--step", "resolve-script", env={"COLUMNS": "100"})
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert text.startswith("╭─ The same for a script: one address a line, and an exit code ─")
    assert "│ 127.0.0.11 " in text
    assert {len(line) for line in text.splitlines()} == {100}


def test_on_a_narrow_terminal_a_step_is_as_expected_too(netkit: Netkit) -> None:
    steps = ("--step", "resolve-compare", "--step", "resolve-servers")
    done = netkit("tour", "--color", "always", *steps, env={"COLUMNS": "60"})
    assert (done.returncode, done.stderr) == (0, "2 steps, all as expected\n")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).splitlines()
    assert lines[0] == "╭─ The same question to every server, the system and the …─╮"
    assert {len(line) for line in lines} == {60}


def test_settings_of_the_user_change_nothing(netkit: Netkit) -> None:
    done = netkit("tour", "--step", "resolve-script", env={"NETKIT_TRACE": "hex", "http_proxy": "http://127.0.0.1:1"})
    assert " socket " not in done.stdout


def test_every_step_has_a_name_of_its_own_and_known_placeholders() -> None:
    assert len({step.name for step in STEPS}) == len(STEPS)
    for step in STEPS:
        words = [word for word in step.words if word.startswith(("{", "@{"))]
        " ".join(words).format(
            dns="",
            dns_port="",
            http="",
            https="",
            ca="",
            anchor="",
            root="",
            root_anchor="",
            dns_tls="",
            echo="",
            hello="",
            chat="",
            chat_web="",
            smtp="",
            lmtp="",
            pop3="",
            folder="",
            smtp_port="",
            https_port="",
        )


STEP = Step("s", "t", 1, "code", ("--version",), ("netkit",))


def test_steps_that_fail_say_why() -> None:
    assert find_failure(STEP, 0, "netkit 1") is None
    assert find_failure(STEP, 0, "\x1b[1mnet\x1b[0mkit 1") is None
    assert find_failure(STEP, 3, "netkit 1") == "exit 3 where 0 was expected"
    assert find_failure(STEP, 0, "other") == "'netkit' is not in the output"
    assert find_steps([]) == list(STEPS)
    with pytest.raises(BadInput):
        find_steps(["x"])


def test_a_step_that_fails_makes_the_tour_fail(netkit: Netkit) -> None:
    code = (
        "import sys\nfrom netkit.lab import tour\nfrom netkit.cli.run import main\n"
        "tour.STEPS = (tour.Step('bad', 'A step', 3, 'code', ('--version',), ('nothing like it',)),)\n"
        "sys.exit(main(['tour']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "exit 0, NOT AS EXPECTED: 'nothing like it' is not in the output" in done.stdout
    assert done.stderr == "netkit: 1 of 1 steps are not as expected: bad\n"


def test_a_step_that_needs_what_is_not_installed_is_left_out_and_told(netkit: Netkit) -> None:
    code = (
        "import sys\nsys.modules['websockets'] = None\nfrom netkit.cli.run import main\n"
        "sys.exit(main(['tour', '--step', 'chat-page', *sys.argv[1:]]))\n"
    )

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", code, *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    why, hint = "it needs the package websockets", "pip install 'netkit-cli[chat]'"
    done = run("--step", "chat-greeting")
    assert done.returncode == 0
    assert done.stdout.endswith(f"$ netkit http head {{chat_web}}\nleft out: {why}: {hint}\n\n")
    assert done.stderr == f"1 step, all as expected\nleft out: chat-page, {why}\nhint: {hint}\n"
    ran, left = map(json.loads, run("--json", "--step", "chat-greeting").stdout.splitlines())
    assert (ran["left_out"], left["exit_code"], left["left_out"]) == (None, None, f"{why}: {hint}")
    assert f"left out: {why}" in run("--color", "always").stdout


def test_output_that_is_no_utf8_is_shown_escaped() -> None:
    import os

    done = run_step(STEP, ["--version"], os.environ, colored=False)
    assert (done.failure, done.exit, done.command) == (None, 0, "netkit --version")


def test_commands_are_quoted_for_a_shell() -> None:
    assert command_text(["http", "get", "http://h/?a=b&c"]) == "netkit http get 'http://h/?a=b&c'"
    assert contents([STEPS[0]])[0].command == "netkit resolve @{dns} www.lab.test"
