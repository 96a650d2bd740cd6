"""A command tree with every kind of option and word, its scripts, and shells in a pty to try them in."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import netkit
from netkit.cli.completions import bash as for_bash
from netkit.cli.completions import fish as for_fish
from netkit.cli.completions import zsh as for_zsh
from netkit.cli.completions.tree import Command, Option, Takes

MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000
ROOT = Path(netkit.__file__).resolve().parents[1]
Ask = Callable[..., list[str]]

ODD = """It's "odd": 100% of $HOME, `id` [x] \\ {a,b} *? ~ !1 ; & | <> () #"""
HELP = Option(("--help", "-h"), "Show this message and exit.")
TRACE = Option(("--trace",), "Show every step.", Takes.ATTACHED, ("text", "json", "hex"), "text|json|hex")
COLOR = Option(("--color",), "Colour or not.", Takes.CHOICE, ("auto", "always", "never"))
TREE = [
    Command(
        "netkit",
        (Option(("--version",), "Show the version."), HELP),
        (("resolve", ODD), ("http", "Send: requests."), ("lab", "Run servers.")),
    ),
    Command(
        "netkit resolve",
        (
            Option(("--type", "-t"), "Types.", Takes.LIST, ("A", "AAAA", "MX", "TXT"), "TYPE", repeatable=True),
            Option(("--server", "-s"), ODD, Takes.FREE, value="IP:PORT", repeatable=True),
            Option(("--tcp", "--no-tcp"), "Ask over TCP."),
            COLOR,
            TRACE,
            HELP,
        ),
    ),
    Command("netkit http", (HELP,), (("get", "Fetch."), ("head", "Fetch the headers."))),
    Command(
        "netkit http get",
        (
            Option(("--output", "-o"), "Write here.", Takes.FILE, value="FILE"),
            Option(("--folder",), "Write there.", Takes.DIRECTORY, value="DIR"),
            Option(("--timeout",), "Give up.", Takes.FREE, value="DURATION"),
            COLOR,
            TRACE,
            HELP,
        ),
    ),
    Command("netkit http head", (HELP,)),
    Command("netkit lab", (Option(("--zone",), "Serve.", Takes.FILE, repeatable=True), TRACE, HELP), (), runs=True),
]


@pytest.fixture
def odd() -> str:
    """A summary with every character that some shell treats in a way of its own."""
    return ODD


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the three scripts of TREE."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, write in (
        ("netkit.bash", for_bash.script),
        ("_netkit", for_zsh.script),
        ("netkit.fish", for_fish.script),
    ):
        (folder / name).write_text(write(TREE), encoding="utf-8")
    return folder


BASH = """
set -eu
shopt -s failglob
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_netkit
if ((${#COMPREPLY[@]})); then printf '%s\\n' "${COMPREPLY[@]}"; fi
"""


@pytest.fixture
def bash(program: Callable[[str], str], scripts: Path, tmp_path: Path) -> Ask:
    """What bash offers at the end of a line, whose words are cut at `breaks`, as COMP_WORDBREAKS does."""

    def run(line: str, breaks: str = "=:") -> list[str]:
        words = []
        for word in line.split(" "):
            for char in breaks:
                word = word.replace(char, f" {char} ")
            words += word.split() or [""]
        done = subprocess.run(
            [program("bash"), "--norc", "-c", BASH, "_", str(scripts / "netkit.bash"), *words],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


@pytest.fixture
def fish(program: Callable[[str], str], scripts: Path, tmp_path: Path) -> Ask:
    """What fish offers at the end of a line: words with their descriptions behind a tab."""

    def run(line: str) -> list[str]:
        code = "source $argv[1]; complete -C $argv[2]"
        done = subprocess.run(
            [program("fish"), "--no-config", "-c", code, scripts / "netkit.fish", line],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


class Terminal:
    """An interactive shell in a pty. Ctrl-G is bound by the shell's start-up file to print `<the command line>`."""

    def __init__(self, argv: list[str], env: dict[str, str], folder: Path) -> None:
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(argv[0], argv, env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 250, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def until(self, pattern: str) -> re.Match[str]:
        """Read until the pattern shows behind what was read before."""
        while not (found := re.search(pattern, self.seen, re.DOTALL)):
            if not select.select([self.fd], [], [], 20_000 * MS)[0]:
                pytest.fail(f"{pattern!r} did not come: {self.seen!r}")
            self.seen += os.read(self.fd, 65536).decode(errors="replace")
        self.seen = self.seen[found.end() :]
        return found

    def line(self, keys: str) -> str:
        """What the command line is after the keys; it is emptied then."""
        self.type(f"{keys}\x07")
        found = self.until(r"BUFFER<(.*?)>END")[1]
        self.type("\x15")
        return found

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)  # a shell may ask or wait when it is hung up
        os.close(self.fd)
        os.waitpid(self.pid, 0)


BASHRC = """\
PS1='READY> '
bind 'set enable-bracketed-paste off'
dump() { printf 'BUFFER<%s>END\\n' "$READLINE_LINE"; }
bind -x '"\\C-g":dump'
"""
ZSHRC = """\
PS1='READY> '
unset zle_bracketed_paste
dump() { print -r -- "BUFFER<$BUFFER>END" }
zle -N dump
bindkey -e
bindkey '^G' dump
"""
FISHRC = """\
function fish_prompt; echo 'READY> '; end
function fish_greeting; end
bind \\cg 'printf "BUFFER<%s>END\\n" (commandline)'
"""


@pytest.fixture
def terminal(program: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[[str, str], Terminal]]:
    """Start an interactive shell with its home in tmp_path: terminal("zsh", "lines for its start-up file")."""
    running: list[Terminal] = []

    def start(name: str, more: str) -> Terminal:
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        config = tmp_path / ".config" / "fish"
        config.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".bashrc").write_text(BASHRC + more)
        (tmp_path / ".zshrc").write_text(ZSHRC + more)
        (config / "config.fish").write_text(FISHRC + more)
        command = tmp_path / "bin" / "netkit"
        command.parent.mkdir(exist_ok=True)
        command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m netkit "$@"\n')
        command.chmod(0o755)
        path = f"{command.parent}:{os.environ['PATH']}"
        env = {"HOME": str(tmp_path), "PATH": path, "TERM": "xterm", "LC_ALL": "C.UTF-8", "SHELL": "/bin/nologin"}
        argv = {"bash": ["--noprofile", "-i"], "zsh": ["--no-globalrcs", "-i"], "fish": ["-i"]}
        one = Terminal([program(name), *argv[name]], env, work)
        running.append(one)
        one.until("READY> ")
        return one

    yield start
    for one in running:
        one.close()
