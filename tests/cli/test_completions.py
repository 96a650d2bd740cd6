"""The completion scripts in real shells, and where they are installed."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netkit.cli.app import Commands

Run = Callable[..., subprocess.CompletedProcess[str]]
MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000
ROOT = Path(__file__).resolve().parents[2]
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


def need(shell: str) -> str:
    path = shutil.which(shell)
    if path is None:
        reason = f"{shell} is not installed: tests/peers/install"
        if os.environ.get("NETKIT_PEERS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def bash(line: str, *, script: Path = SCRIPTS / "netkit.bash") -> list[str]:
    """What bash offers at the end of the line, its words cut as readline cuts them at `=`."""
    code = (
        f"set -u; source {script}\n"
        "IFS=$"
        "'\\n'"
        ' read -d "" -ra COMP_WORDS < <(sed "s/ /\\n/g; s/=/\\n=\\n/g" <<<"$1"; printf "\\0")\n'
        '[[ $1 == *[\\ =] ]] && COMP_WORDS+=("")\n'
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$1; COMP_POINT=${#1}\n"
        '_netkit; printf "%s\\n" "${COMPREPLY[@]-}"'
    )
    done = subprocess.run(
        [need("bash"), "--norc", "-c", code, "_", line],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def fish(line: str) -> list[str]:
    code = f"source {SCRIPTS / 'netkit.fish'}; complete -C $argv[1]"
    done = subprocess.run(
        [need("fish"), "--no-config", "-c", code, line], capture_output=True, text=True, timeout=60, check=True
    )
    return [row.partition("\t")[0] for row in done.stdout.splitlines()]


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_bash(line: str, expected: list[str]) -> None:
    assert bash(line) == expected


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_fish(line: str, expected: list[str]) -> None:
    assert sorted(fish(line)) == sorted(expected)


def test_bash_value_behind_an_equals_sign() -> None:
    assert bash("netkit resolve --color=al") == ["always"]
    assert bash("netkit resolve --trace=h") == ["hex"]
    assert bash("netkit resolve --trace loc") == []


def test_bash_files_and_commands(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    assert bash(f"netkit http get --cacert {tmp_path}/c") == [f"{tmp_path}/ca.pem"]
    assert "env" in bash("netkit lab -- en")


@pytest.mark.parametrize("path", GROUPS)
def test_every_subcommand_is_offered(path: str) -> None:
    children = [one.rpartition(" ")[2] for one in Commands.table if one.rpartition(" ")[0] == path]
    line = f"netkit {path} ".replace("  ", " ")
    assert bash(line) == children
    assert set(fish(line)) >= set(children)


class Terminal:
    """An interactive shell in a pty; `until` reads until the pattern shows."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, {**os.environ, "TERM": "dumb", **env})

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def until(self, pattern: str) -> str:
        seen = ""
        while not re.search(pattern, seen):
            if not select.select([self.fd], [], [], 20_000 * MS)[0]:
                pytest.fail(f"{pattern!r} did not come: {seen!r}")
            seen += os.read(self.fd, 4096).decode(errors="replace")
        return seen

    def close(self) -> None:
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("netkit http g\t", "netkit http get "),
        ("netkit http get --timeo\t", "netkit http get --timeout="),
        ("netkit resolve --color al\t", "netkit resolve --color always"),
        ("netkit --show-c\t", "netkit --show-completion"),
    ],
)
def test_zsh(typed: str, shown: str, tmp_path: Path) -> None:
    home = {"PS1": "READY> ", "HOME": str(tmp_path), "ZDOTDIR": str(tmp_path)}
    shell = Terminal([need("zsh"), "-f", "-i"], home)
    try:
        shell.until("READY> ")
        shell.type(f"autoload -Uz compinit; compinit -D; source {SCRIPTS / '_netkit'}; print LOAD''ED\n")
        shell.until("LOADED[^']")
        shell.type(typed)
        shell.until(re.escape(shown))
    finally:
        shell.close()


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
    ("shell", "place"),
    [
        ("bash", ".local/share/bash-completion/completions/netkit"),
        ("zsh", ".local/share/zsh/site-functions/_netkit"),
        ("fish", ".config/fish/completions/netkit.fish"),
    ],
)
def test_install(shell: str, place: str, tmp_path: Path, netkit: Run) -> None:
    env = {"HOME": str(tmp_path), "SHELL": f"/bin/{shell}", "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
    done = netkit("--install-completion", env=env)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / place}\n")
    shown = netkit("--show-completion", shell, env=env)
    assert (tmp_path / place).read_text() == shown.stdout
    assert [path.name for path in (tmp_path / place).parent.iterdir()] == [Path(place).name]


def test_installed_bash_completion_works(tmp_path: Path, netkit: Run) -> None:
    netkit("--install-completion=bash", env={"HOME": str(tmp_path), "XDG_DATA_HOME": ""})
    file = tmp_path / ".local/share/bash-completion/completions/netkit"
    assert bash("netkit res", script=file) == ["resolve"]


def test_a_shell_that_is_none(netkit: Run) -> None:
    done = netkit("--install-completion=tcsh")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "netkit: there is no completion for 'tcsh': the shells are bash, zsh, fish\n"
    assert netkit("--show-completion", env={"SHELL": "/bin/sh"}).returncode == 2
