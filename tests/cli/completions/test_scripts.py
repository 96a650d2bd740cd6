"""What the scripts offer, in real shells: bash and fish asked directly, then all three typed into, in a pty."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ask = Callable[..., list[str]]

# (line, what is offered at its end)
CASES: list[tuple[str, list[str]]] = [
    ("netkit ", ["resolve", "http", "lab"]),
    ("netkit h", ["http"]),
    ("netkit x", []),
    ("netkit http ", ["get", "head"]),
    ("netkit http h", ["head"]),
    ("netkit --vers", ["--version"]),
    ("netkit http get --ti", ["--timeout"]),
    ("netkit http get --color ", ["auto", "always", "never"]),
    ("netkit http get --color al", ["always"]),
    ("netkit resolve --no-", ["--no-tcp"]),
    ("netkit resolve --t", ["--type", "--tcp", "--trace"]),
    ("netkit resolve -t A", ["A", "AAAA"]),
    ("netkit resolve --type MX,TX", ["MX,TXT"]),
    ("netkit resolve -s ", []),  # a free value
    ("netkit resolve -s h", []),
    ("netkit resolve ", []),  # names are free
    ("netkit resolve http ", []),  # a name, no command
    ("netkit resolve -s http --col", ["--color"]),  # a value, no command
    ("netkit resolve --server=http --col", ["--color"]),
    ("netkit resolve -s -s --tc", ["--tcp"]),  # the second one is a value
    ("netkit resolve --color always --tc", ["--tcp"]),
    ("netkit resolve --color=always --tc", ["--tcp"]),
    ("netkit resolve --trace --tc", ["--tcp"]),  # its value is behind "=" alone
    ("netkit resolve --trace=json --tc", ["--tcp"]),
    ("netkit resolve --trace j", []),
    ("netkit resolve -- --t", []),
    ("netkit resolve -- ", []),
    ("netkit lab -- mkfif", ["mkfifo"]),
]
EQUALS = [
    ("netkit resolve --color=", ["auto", "always", "never"]),
    ("netkit resolve --color=al", ["always"]),
    ("netkit resolve --type=MX,TX", ["MX,TXT"]),
    ("netkit resolve --trace=", ["text", "json", "hex"]),
    ("netkit resolve --trace=h", ["hex"]),
    ("netkit resolve --server=h", []),
    ("netkit http get http://x/ --trace=h", ["hex"]),
]


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_bash(line: str, expected: list[str], bash: Ask) -> None:
    assert list(dict.fromkeys(bash(line))) == expected  # a command may be in two folders of PATH


@pytest.mark.parametrize(("line", "expected"), EQUALS)
def test_bash_value_behind_an_equals_sign(line: str, expected: list[str], bash: Ask) -> None:
    assert bash(line) == expected
    option = line.split(" ")[-1].partition("=")[0]
    assert bash(line, breaks=":") == [f"{option}={word}" for word in expected]


def test_bash_files(tmp_path: Path, bash: Ask) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "a folder").mkdir()
    assert sorted(bash("netkit http get -o a")) == ["a file", "a folder"]
    assert sorted(bash("netkit http get --output=a")) == ["a file", "a folder"]
    assert sorted(bash("netkit http get --output=a", breaks="")) == ["--output=a file", "--output=a folder"]
    assert bash("netkit http get --folder a") == ["a folder"]
    assert sorted(bash("netkit http get http://x/ > a")) == ["a file", "a folder"]
    assert sorted(bash("netkit lab -- touch a")) == ["a file", "a folder"]


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_fish(line: str, expected: list[str], fish: Ask) -> None:
    offered = [row.partition("\t")[0] for row in fish(line)]
    assert sorted(set(offered) - {"--trace="}) == sorted(expected)  # fish offers both spellings


@pytest.mark.parametrize(("line", "expected"), EQUALS)
def test_fish_value_behind_an_equals_sign(line: str, expected: list[str], fish: Ask) -> None:
    offered = [row.partition("\t")[0] for row in fish(line)]
    option = line.split(" ")[-1].partition("=")[0]
    assert sorted(offered) == sorted(f"{option}={word}" for word in expected)


def test_fish_files(tmp_path: Path, fish: Ask) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "a folder").mkdir()
    assert sorted(fish("netkit http get -o a")) == ["a file", "a folder/"]
    assert [row.partition("\t")[0] for row in fish("netkit http get --folder a")] == ["a folder/"]
    assert fish("netkit resolve a") == []


def test_fish_shows_descriptions(odd: str, fish: Ask) -> None:
    assert fish("netkit res") == [f"resolve\t{odd}"]
    assert fish("netkit resolve --ser") == [f"--server\t{odd}"]


# Typed into a terminal: what the command line is after a TAB.
TYPED = [
    ("netkit htt\t", "netkit http "),
    ("netkit http g\t", "netkit http get "),
    ("netkit http get --color al\t", "netkit http get --color always "),
    ("netkit http get --color=al\t", "netkit http get --color=always "),
    ("netkit http get --trace=h\t", "netkit http get --trace=hex "),
    ("netkit http get -o a\\ f\t", "netkit http get -o a\\ file "),
    ("netkit http get --folder fo\t", "netkit http get --folder folder/"),
    ("netkit resolve -s http --col\t", "netkit resolve -s http --color "),
    ("netkit resolve -s fo\t", "netkit resolve -s fo"),
    ("netkit lab --trace -- touc\t", "netkit lab --trace -- touch "),
    ("netkit lab -- touch fold\t", "netkit lab -- touch folder/"),
]
# Where the shells differ: zsh puts "=" behind an option that takes a value.
IN_ZSH = {"netkit resolve -s http --col\t": "netkit resolve -s http --color="}


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_typed(name: str, scripts: Path, tmp_path: Path, terminal: Callable[[str, str], Any]) -> None:
    files = {"bash": "netkit.bash", "zsh": "_netkit", "fish": "netkit.fish"}
    before = "autoload -Uz compinit; compinit -D\n" if name == "zsh" else ""
    shell = terminal(name, f"{before}source {scripts / files[name]}\n")
    (tmp_path / "work" / "a file").touch()
    (tmp_path / "work" / "folder").mkdir()
    shown = {keys: shell.line(keys) for keys, _ in TYPED}
    assert shown == dict(TYPED) | (IN_ZSH if name == "zsh" else {})


ZSH = "autoload -Uz compinit; compinit -D; source {}\n"


def test_zsh_shows_descriptions(odd: str, scripts: Path, terminal: Callable[[str, str], Any]) -> None:
    shell = terminal("zsh", ZSH.format(scripts / "_netkit"))
    shell.type("netkit \t")
    shell.until("http +-- Send: requests\\.")
    shell.until(f"resolve +-- {re.escape(odd)}")
    shell.type("\x15netkit resolve -\t")
    shell.until(f"--server +-s +-- {re.escape(odd)}")


def test_zsh_knows_what_stands_already(scripts: Path, terminal: Callable[[str, str], Any]) -> None:
    shell = terminal("zsh", ZSH.format(scripts / "_netkit"))
    assert shell.line("netkit resolve --no-tcp --tc\t") == "netkit resolve --no-tcp --tc"
    assert shell.line("netkit resolve --server x --serv\t") == "netkit resolve --server x --server="
    assert shell.line("netkit resolve -tM\t") == "netkit resolve -tMX,"  # zsh takes the comma back at a blank
    assert shell.line("netkit resolve --type MX,TX\t") == "netkit resolve --type MX,TXT,"


def test_a_summary_that_a_shell_would_run_is_data(scripts: Path, program: Callable[[str], str]) -> None:
    for name, file in (("bash", "netkit.bash"), ("zsh", "_netkit"), ("fish", "netkit.fish")):
        done = subprocess.run([program(name), "-n", scripts / file], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), name
