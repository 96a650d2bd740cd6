"""The tour: each capability at work on the lab, beside the tutorial's listing that it goes back to.

A step is data: a command line, what it must end with and what must be in its output, so the tour is a smoke test as
well. Every command runs as a process of its own, as a user would start it. A new command adds its lines to STEPS.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

from netkit.errors import BadInput
from netkit.lab.steps import STEPS, Step

STEP_SECONDS = 30.0
NARROWEST = 76  # columns in which every step shows what it is to show: a panel on a terminal of 80
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


@dataclass(frozen=True, slots=True)
class Finished:
    """A step that has run. command: as it is typed. failure: why it is not as expected, None if it is."""

    step: Step
    command: str
    exit: int
    stdout: str
    stderr: str
    duration_ms: float
    failure: str | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A step that could not run: it needs a package that is not a dependency. hint: the command that installs it."""

    step: Step
    command: str
    why: str
    hint: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A step that has not run, for the table of contents."""

    step: Step
    command: str


def find_steps(names: Sequence[str]) -> list[Step]:
    """The steps of those names, in the tour's order; all of them for none. Raises BadInput."""
    known = [step.name for step in STEPS]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known)
            hint = f"did you mean {', '.join(near)}?" if near else "netkit tour --list shows its steps"
            raise BadInput(f"the tour has no step {name!r}", hint=hint)
    return [step for step in STEPS if not names or step.name in names]


def contents(steps: Sequence[Step]) -> list[Listed]:
    return [Listed(step, command_text(step.words, step.stdin)) for step in steps]


def tour(steps: Sequence[Step], *, colored: bool = False, columns: int = 80) -> Iterator[Finished | LeftOut]:
    """Run the steps on a lab of their own, each as soon as the one before is taken.

    colored: commands print as on a terminal of so many columns, or of NARROWEST when there are fewer, since what a
    table has to cut or fold is not found any more. Raises what starting the lab raises.
    """
    from tempfile import TemporaryDirectory

    from netkit.lab.run import child_environment
    from netkit.lab.thread import running  # 150 ms with all that the servers need; `--list` does without

    with running() as lab, TemporaryDirectory(prefix="netkit-tour-") as folder:
        ours = lab.environment
        values = {name.removeprefix("NETKIT_LAB_").lower(): value for name, value in ours.items()}
        values["folder"] = folder
        values |= {f"{name}_port": value.rpartition(":")[2] for name, value in values.items()}
        inherited = {name: value for name, value in child_environment(ours).items() if _may_pass(name, ours)}
        environment = inherited | {"COLUMNS": str(max(columns, NARROWEST)), "PYTHONPATH": _python_path()}
        for step in steps:
            if step.needs is not None and find_spec(step.needs.module) is None:
                why = f"it needs the package {step.needs.module}"
                hint = f"pip install 'netkit-cli[{step.needs.extra}]'"
                yield LeftOut(step, command_text(step.words), why, hint)
                continue
            try:
                words = [
                    word.format_map(values) if word.startswith(("@{", "{", "https://")) else word for word in step.words
                ]
            except KeyError as exc:
                why = f"the lab has no {exc.args[0]} on this machine"
                yield LeftOut(step, command_text(step.words), why, "`netkit lab` says at its start what it lacks")
                continue
            yield run_step(step, words, environment, colored=colored)


def run_step(step: Step, words: Sequence[str], environment: Mapping[str, str], *, colored: bool) -> Finished:
    """Run one command line as a process and compare what it did with what the step expects."""
    end = words.index("--") if "--" in words else len(words)
    options = ["--color=always"] if colored else []
    argv = [sys.executable, "-P", "-m", "netkit", *words[:end], *options, *words[end:]]
    start = monotonic()
    try:
        done = subprocess.run(
            argv,
            env=dict(environment),
            input=step.stdin.encode(),
            capture_output=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
        late = None
    except subprocess.TimeoutExpired as exc:
        code, out, err = 4, exc.stdout or b"", exc.stderr or b""
        late = f"it had not ended after {STEP_SECONDS:g} s"
    stdout, stderr = out.decode("utf-8", "backslashreplace"), err.decode("utf-8", "backslashreplace")
    duration_ms = round((monotonic() - start) * 1000, 1)
    failure = late or find_failure(step, code, stdout + stderr)
    return Finished(step, command_text(words, step.stdin), code, stdout, stderr, duration_ms, failure)


def find_failure(step: Step, code: int, output: str) -> str | None:
    """Why what happened is not what the step expects."""
    if code != step.exit:
        return f"exit {code} where {step.exit} was expected"
    seen = " ".join(_ANSI.sub("", output).split())
    missing = [text for text in step.shows if text not in seen]
    return f"{missing[0]!r} is not in the output" if missing else None


def command_text(words: Sequence[str], stdin: str = "") -> str:
    """The command as a shell takes it, with what goes into it; placeholders stay readable."""
    import shlex

    given = f"printf {shlex.quote(stdin.encode('unicode_escape').decode())} | " if stdin else ""
    quoted = [word if "{" in word and " " not in word else shlex.quote(word) for word in words]
    return given + " ".join(["netkit", *quoted])


def _may_pass(name: str, ours: Mapping[str, str]) -> bool:
    """No setting of the user's changes what the tour shows: its own variables, and those that are not netkit's."""
    return name in ours or not (name.startswith("NETKIT_") or name.lower().endswith("_proxy"))


def _python_path() -> str:
    """Where this very package is, so that the commands are of the same one wherever the tour starts."""
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
