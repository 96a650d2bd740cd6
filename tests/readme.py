"""Keeps README.md true: runs every command in it on the lab, in a terminal, and writes or checks what they print.

    python -m tests.readme --write          fill in the real output of every command, and the generated tables
    python -m tests.readme --check          end with 1, and show the difference, where README is out of date
    python -m tests.readme --command tour   print README's command for a fresh machine that has this word

In README:

- a ```console block holds commands behind `$ ` and what they print, as a terminal of 100 columns without colour
  shows it; they run in README's order, in one empty folder, while `netkit lab` runs on its default ports;
- a table between `<!-- generated: NAME -->` and `<!-- end -->` is made from the code;
- a ```pycon block is a doctest (tests/test_readme.py); a ```sh block is for a fresh machine (.ci/run runs it).

Durations, dates, free ports and process ids differ from run to run: they are masked before comparing, never in README.
"""

import difflib
import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from netkit.cli.app import Commands
from netkit.cli.output.names.resolve import KEYS
from netkit.cli.run import main as run
from netkit.errors import MEANINGS
from netkit.mail.smtp.check.findings import TABLE as FINDINGS

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
COLUMNS = 100
LONGEST = 60.0  # seconds of one command
TRIES = 40  # to start the lab

CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TABLE = re.compile(r"(<!-- generated: (.*?) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")

SPINNER = re.compile("[\u2800-\u28ff] ")  # what a wait of over a second shows, and takes away again

MASKS = [
    # A phase shorter than a twentieth of a millisecond has no row in the waterfall, and which that is varies.
    (re.compile(r"^(dns|connect|tls|send|wait|body) [ \u2580-\u259f]*[\d.]+ ms\n", re.MULTILINE), ""),
    (re.compile(r"^(Date|Last-Modified|Expires): .*$", re.MULTILINE), r"\1: DATE"),
    (re.compile(r"[\u2580-\u259f\u2500\u2501\u2574-\u257b]+"), "▇"),  # bars are as long as their times
    (re.compile(r"\d+(\.\d+)? ?(ms|µs|s)\b"), "TIME"),
    (re.compile(r'(_ms":\s*)[\d.]+'), r"\1TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+Z)?"), "DATE"),
    (re.compile(r"(127\.0\.0\.1|\[::1\]):[3-6]\d{4}\b"), r"\1:PORT"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"\bquery 0x[0-9a-f]{4}\b"), "query ID"),
    (re.compile(r"^ *\d+\.\d\d (?=[a-z])", re.MULTILINE), "TIME "),  # the first column of a trace
    (re.compile(r"\b\d+ d(ays)?\b"), "N days"),
    (re.compile(r"\b[0-9a-f]{16}…"), "DIGEST"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"^[\u2800-\u28ff] .*\n", re.MULTILINE), ""),  # a spinner, where a command took long
    (re.compile(r"[ \t]+"), " "),
]


def masked(text: str) -> str:
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    return text


def in_terminal(command: str, folder: Path, path: str) -> str:
    """What a terminal shows of `bash -c COMMAND`, stripped of colour and cursor movement."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NETKIT_")}
        environment |= {"PATH": path, "TERM": "xterm-256color", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
        environment |= {"COLUMNS": str(COLUMNS), "LINES": "50", "PYTHONPATH": str(ROOT)}
        os.execvpe("bash", ["bash", "-c", f"stty cols {COLUMNS} rows 50 -echo; {command}"], environment)
    seen = bytearray()
    until = time.monotonic() + LONGEST
    while True:
        if not select.select([master], [], [], max(0.0, until - time.monotonic()))[0]:
            os.killpg(pid, signal.SIGKILL)  # a terminal's first process leads its group
            raise SystemExit(f"README.md: not done within {LONGEST:g} s: {command}")
        try:
            chunk = os.read(master, 65536)
        except OSError:  # EIO: the last process of the terminal has ended
            break
        if not chunk:
            break
        seen += chunk
    os.close(master)
    os.waitpid(pid, 0)
    text = ANSI.sub("", seen.decode("utf-8", "backslashreplace").replace("\r\n", "\n"))
    lines = [line.rpartition("\r")[2].rstrip() for line in text.split("\n") if not SPINNER.match(line)]
    return "\n".join(lines).strip("\n")


def start_lab() -> "subprocess.Popen[bytes]":
    """A lab on its default ports. Those of echo and hello are among the ones that systems give to any client for a
    moment (45000 and 45001), so a port that is taken is tried again.
    """
    for _ in range(TRIES):
        read, write = os.pipe()
        lab = subprocess.Popen(
            [sys.executable, "-m", "netkit", "lab", "--ready-fd", str(write)],
            cwd=ROOT,
            pass_fds=[write],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as ready:
            if ready.readline():
                return lab
        lab.wait()
    raise SystemExit("tests.readme: the lab did not start on its default ports")


@contextmanager
def stage() -> Iterator[tuple[Path, str]]:
    """An empty folder, a PATH on which `netkit` is this checkout, and a lab on the default ports."""
    with tempfile.TemporaryDirectory() as name:
        folder, bin_ = Path(name, "work"), Path(name, "bin")
        folder.mkdir()
        bin_.mkdir()
        (bin_ / "netkit").write_text(f'#!/bin/sh\nexec {sys.executable} -m netkit "$@"\n')
        (bin_ / "netkit").chmod(0o755)
        path = f"{bin_}:{os.environ['PATH']}"
        lab = start_lab()
        try:
            yield folder, path
        finally:
            lab.send_signal(signal.SIGTERM)
            lab.wait()


def commands(body: str) -> Iterator[str]:
    """The commands of a console block; a line that ends in a backslash goes on."""
    lines = iter(body.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line
            while command.endswith("\\"):
                command += "\n" + next(lines)
            yield command.removeprefix("$ ")


def tables() -> dict[str, str]:
    codes = "| code | meaning |\n|---|---|\n"
    codes += "".join(f"| {int(code)} | {meaning} |\n" for code, meaning in MEANINGS.items())
    listed = "| | command | what it does |\n|---|---|---|\n" + "".join(commands_by_family())
    found = "| id | level | meaning |\n|---|---|---|\n"
    found += "".join(f"| `{kind.id}` | {kind.level} | {kind.meaning} |\n" for kind in FINDINGS)
    keys = "| JSON key, or column | what it is |\n|---|---|\n"
    keys += "".join(f"| `{key}` | {meaning} |\n" for key, meaning in KEYS.items())
    return {
        "exit codes": codes,
        "commands": listed,
        "findings": found,
        "resolve fields": keys,
        "help": "\n".join(helps()),
    }


def commands_by_family() -> Iterator[str]:
    """A row a command of the root, which leads to its section and names those below it."""
    headings = re.findall(r"^## (.*)$", README.read_text(), re.MULTILINE)
    told = ""
    for path, entry in Commands.table.items():
        if " " in path:
            continue
        section = next((slug(heading) for heading in headings if re.search(rf"`{path}\b", heading)), "install-and-try")
        below = [other.removeprefix(f"{path} ") for other in Commands.table if other.startswith(f"{path} ")]
        names = " ".join([f"[`{path}`](#{section})", *(f"`{name}`" for name in below)])
        family, told = "" if entry.panel == told else entry.panel, entry.panel
        yield f"| {family} | {names} | {entry.summary} |\n"


def slug(heading: str) -> str:
    """What a link to a heading is written as: lower case, hyphens for spaces, no other marks."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def helps() -> Iterator[str]:
    """The help of each command as a pipe gets it, folded away."""
    for path, entry in Commands.table.items():
        if entry.target:
            with redirect_stdout(io.StringIO()) as out:
                run([*path.split(), "--help"])
            summary = f"<summary><code>netkit {path} --help</code></summary>"
            yield f"<details>{summary}\n\n```text\n{out.getvalue().strip()}\n```\n\n</details>\n"


def rewritten(text: str, *, only_differences: bool) -> str:
    """README with real outputs; with only_differences, an output that says the same stays as it is."""
    made = tables()

    def table(found: re.Match[str]) -> str:
        return "".join((found[1], made[found[2]], found[4]))

    with stage() as (folder, path):

        def block(found: re.Match[str]) -> str:
            parts = []
            for command in commands(found[1]):
                output = in_terminal(command, folder, path)
                parts.append(f"$ {command}\n" + (f"{output}\n" if output else ""))
            fresh = "".join(parts)
            kept = only_differences and masked(fresh) == masked(found[1])
            return str(found[0]) if kept else f"```console\n{fresh}```"

        result: str = CONSOLE.sub(block, TABLE.sub(table, text))
        return result


def fresh_machine_command(word: str) -> str:
    """The line of README's sh blocks that has the word."""
    lines = [line for block in SHELL.findall(README.read_text()) for line in block.splitlines()]
    found: str = next(line for line in lines if word in line.split("/")[-1])
    return found


def main() -> int:
    if sys.argv[1:2] == ["--command"]:
        print(fresh_machine_command(sys.argv[2]))
        return 0
    old = README.read_text()
    new = rewritten(old, only_differences=True)
    if sys.argv[1:] == ["--write"]:
        README.write_text(new)
        return 0
    sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "README.md", "real"))
    return int(old != new)


if __name__ == "__main__":
    sys.exit(main())
