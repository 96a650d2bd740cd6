"""The command tree keeps the contract: summaries, shared options, help in a pipe and on a terminal, usage errors."""

import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from typer.main import get_command

from netkit.cli.app import Commands, build

Netkit = Callable[..., subprocess.CompletedProcess[str]]
LEAVES = [path for path, entry in Commands.table.items() if entry.target]
HINT = "hint: netkit resolve --help lists what it takes\n"
HINT_SEED = "hint: netkit lab seed --help lists what it takes\n"
SHARED = {"--json", "--color", "--quiet", "--trace"}


def real(path: str) -> Any:
    command: Any = get_command(build())
    for name in path.split():
        command = command.real(name)
    return command


@pytest.mark.parametrize("path", LEAVES)
def test_the_table_says_what_the_docstring_says(path: str) -> None:
    assert real(path).help.partition("\n")[0] == Commands.table[path].summary


@pytest.mark.parametrize("path", LEAVES)
def test_every_leaf_has_the_shared_options_and_help_for_all(path: str) -> None:
    options = [param for param in real(path).params if param.param_type_name == "option"]
    assert {name for param in options for name in param.opts} >= SHARED
    assert [param.opts for param in options if not param.help] == []


def test_a_letter_means_one_thing_in_all_commands() -> None:
    meanings: dict[str, set[str]] = {}
    for path in LEAVES:
        for param in real(path).params:
            letters = [name for name in param.opts if not name.startswith("--") and name.startswith("-")]
            words = [name for name in param.opts if name.startswith("--")]
            for letter in letters:
                meanings.setdefault(letter, set()).add(words[0] if words else letter)
    known = {
        "-t": {"--type", "--from-header"},  # what mail programs have piped into sendmail(8) for 40 years
        "-i": {"--input", "--interval"},  # ping(8)'s, and that of wget and curl's relatives
    }
    assert {letter: words for letter, words in meanings.items() if len(words) > 1} == known


@pytest.mark.parametrize("path", ["", *Commands.table])
def test_help_in_a_pipe_is_plain(path: str, netkit: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = netkit(*path.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(['netkit', *path.split()])} ")
    assert "\x1b" not in done.stdout
    assert "╭" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 110


@pytest.mark.parametrize("columns", [80, 90])
@pytest.mark.parametrize("path", ["", *Commands.table])
def test_help_on_a_terminal_has_panels(path: str, columns: int, terminal: Callable[..., Any]) -> None:
    done = terminal(*path.split(), "--help", columns=columns)
    assert done.returncode == 0
    assert done.lines[1].split() == ["Usage:", "netkit", *path.split(), *done.lines[1].split()[2 + len(path.split()) :]]
    assert any(line.startswith("╭─ ") for line in done.lines)
    assert max(map(len, done.lines)) <= columns
    assert [line for line in done.lines if "…" in line] == []  # nothing is cut


@pytest.mark.parametrize("columns", [40, 60, 79])
@pytest.mark.parametrize("path", ["", "http get", "sockopt set", "chat serve", "lab"])
def test_help_on_a_narrow_terminal_is_plain_and_cuts_no_name(
    path: str, columns: int, terminal: Callable[..., Any]
) -> None:
    done = terminal(*path.split(), "--help", columns=columns)
    text, _, _ = "\n".join(done.lines).partition("\nExamples:\n")  # which are there to be copied
    assert done.returncode == 0
    assert "╭" not in text
    assert "…" not in text
    named = [param.opts[0] for param in real(path).params if param.param_type_name == "option"]
    assert [name for name in named if not re.search(rf"(?m)^ .*{name}\b", text)] == []
    assert max(map(len, text.splitlines())) <= max(columns, 50)  # the least that Click writes for


@pytest.mark.parametrize(
    ("argv", "stderr"),
    [
        (["resolv"], "netkit: no such command 'resolv'\nhint: did you mean 'resolve'?\n"),
        (["http", "gte"], "netkit http: no such command 'gte'\nhint: did you mean 'get'?\n"),
        (["--nosuch"], "netkit: no such option: --nosuch\nhint: netkit --help lists what it takes\n"),
        (["resolve", "--hlep"], "netkit resolve: no such option: --hlep\nhint: did you mean --help?\n"),
        (
            ["echo-client", "-n", "0"],
            "netkit echo-client: invalid value for '--count' / '-n': 0 is less than 1\n"
            "hint: netkit echo-client --help lists what it takes\n",
        ),
        (["lab", "seed", "0"], "netkit lab seed: invalid value for '[N]': 0 is outside 1 to 10000\n" + HINT_SEED),
        (["resolve", "--timeout"], "netkit resolve: option '--timeout' requires an argument\n" + HINT),
        (["resolve", "--json=1", "x"], "netkit resolve: option '--json' does not take a value\n" + HINT),
        (
            ["resolve"],
            "netkit: no name to resolve\nhint: netkit resolve @192.0.2.53 example.com, or -i FILE for many\n",
        ),
        (
            ["resolve", "--timeout", "soon", "x"],
            "netkit resolve: invalid value for '--timeout': 'soon' is not a duration: write 500ms, 2s or 1m\n" + HINT,
        ),
    ],
)
def test_usage_errors_are_two_lines(
    argv: list[str], stderr: str, netkit: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = netkit(*argv)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", stderr)


@pytest.mark.parametrize("argv", [[], ["http"]])
def test_a_bare_group_shows_its_help(argv: list[str], netkit: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = netkit(*argv)
    assert done.returncode == 2
    assert "Usage: netkit" in done.stdout


@pytest.mark.parametrize("path", ["pop3", "lab"])
def test_the_commands_of_a_group_stand_under_that_word(path: str, netkit: Netkit, terminal: Callable[..., Any]) -> None:
    assert "\nCommands:\n" in netkit(path, "--help").stdout
    assert any(line.startswith("╭─ Commands ") for line in terminal(path, "--help").lines)


ERROR = "\x1b[1;31mnetkit:\x1b[0m no name to resolve\n"
MISTAKE = "\x1b[1;31mnetkit resolve:\x1b[0m no such option: --hlep\n\x1b[36mhint:\x1b[0m did you mean --help?\n"


def test_an_error_stands_out_on_a_terminal(terminal: Callable[..., Any]) -> None:
    colours = {"NO_COLOR": ""}
    assert terminal("resolve", env=colours).text.startswith(ERROR)
    assert terminal("resolve", "--hlep", env=colours).text == MISTAKE
    assert "\x1b" not in terminal("resolve", env={"NO_COLOR": "1"}).text
    assert "\x1b" not in terminal("resolve", env=colours | {"TERM": "dumb"}).text
    assert "\x1b" not in terminal("resolve", "--color", "never", env=colours).text
    assert "\x1b" not in terminal("resolve", "--color=never", "--hlep", env=colours).text


def test_an_error_in_a_pipe_has_colour_when_asked_for(netkit: Netkit) -> None:
    assert netkit("resolve", "--color=always", "--hlep").stderr == MISTAKE
    assert netkit("resolve", "--color", "always").stderr.startswith(ERROR)
    assert "\x1b" not in netkit("resolve", "--hlep", "--", "--color=always").stderr


@pytest.mark.parametrize("path", LEAVES)
def test_the_examples_are_what_the_command_takes(path: str) -> None:
    command = real(path)
    assert command.examples
    for line in command.examples:
        assert len(line) <= 76  # between a panel's edges
        words = shlex.split(line)
        assert words[: 1 + len(path.split())] == ["netkit", *path.split()]
        command.make_context(path, words[1 + len(path.split()) :])
