"""The scripts of the checkout in real shells, and where they are installed."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netkit.cli.app import Commands

Run = Callable[..., subprocess.CompletedProcess[str]]
Ask = Callable[..., list[str]]
ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "completions"
GROUPS = sorted({path.rpartition(" ")[0] for path in Commands.table})
CASES = [
    ("netkit res", ["resolve"]),
    ("netkit http ", ["get", "head"]),
    ("netkit http get --tim", ["--timeout"]),
    ("netkit resolve --color ", ["auto", "always", "never"]),
    ("netkit resolve -t MX", ["MX"]),
    ("netkit resolve --timeout http --col", ["--color"]),
    ("netkit http get -o page --hel", ["--help"]),
]


@pytest.fixture(scope="session")
def scripts() -> Path:
    """The folder with the scripts of the checkout, in place of those made from a tree of the tests."""
    return SCRIPTS


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_bash(line: str, expected: list[str], bash: Ask) -> None:
    assert bash(line) == expected


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_fish(line: str, expected: list[str], fish: Ask) -> None:
    assert sorted(row.partition("\t")[0] for row in fish(line)) == sorted(expected)


def test_bash_value_behind_an_equals_sign(bash: Ask) -> None:
    assert bash("netkit resolve --color=al") == ["always"]
    assert bash("netkit resolve --trace=h") == ["hex"]
    assert bash("netkit resolve --trace loc") == []


def test_bash_files_and_commands(tmp_path: Path, bash: Ask) -> None:
    (tmp_path / "ca.pem").touch()
    assert bash(f"netkit http get --cacert {tmp_path}/c") == [f"{tmp_path}/ca.pem"]
    assert "env" in bash("netkit lab -- en")


@pytest.mark.parametrize("path", GROUPS)
def test_every_subcommand_is_offered(path: str, bash: Ask, fish: Ask) -> None:
    children = [one.rpartition(" ")[2] for one in Commands.table if one.rpartition(" ")[0] == path]
    line = f"netkit {path} ".replace("  ", " ")
    assert bash(line) == children
    assert {row.partition("\t")[0] for row in fish(line)} >= set(children)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("netkit http g\t", "netkit http get "),
        ("netkit http get --timeo\t", "netkit http get --timeout="),
        ("netkit resolve --color al\t", "netkit resolve --color always "),
        ("netkit --show-c\t", "netkit --show-completion="),
    ],
)
def test_zsh(typed: str, shown: str, terminal: Callable[[str, str], Any]) -> None:
    shell = terminal("zsh", f"autoload -Uz compinit; compinit -D; source {SCRIPTS / '_netkit'}\n")
    assert shell.line(typed) == shown


def test_the_files_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netkit.cli.completions", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("shell", "script", "place"),
    [
        ("bash", "netkit.bash", ".local/share/bash-completion/completions/netkit"),
        ("zsh", "_netkit", ".local/share/zsh/site-functions/_netkit"),
        ("fish", "netkit.fish", ".config/fish/completions/netkit.fish"),
    ],
)
def test_install(shell: str, script: str, place: str, tmp_path: Path, netkit: Run) -> None:
    env = {"HOME": str(tmp_path), "SHELL": f"/bin/{shell}", "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
    done = netkit("--install-completion", env=env)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / place}\n")
    shown = netkit("--show-completion", shell, env=env)
    assert (tmp_path / place).read_text() == shown.stdout == (SCRIPTS / script).read_text()
    assert [path.name for path in (tmp_path / place).parent.iterdir()] == [Path(place).name]


def test_a_shell_that_is_none(netkit: Run) -> None:
    done = netkit("--install-completion=tcsh")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "netkit: there is no completion for 'tcsh': the shells are bash, zsh, fish\n"
    assert netkit("--show-completion", env={"SHELL": "/bin/sh"}).returncode == 2
