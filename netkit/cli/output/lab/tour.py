"""The tour as JSON and as a plain transcript.

JSON keys of a step that ran: name, title, listing, tutorial, command, exit_code, expected_exit_code, stdout, stderr,
duration_ms, failure, left_out. With --list the last six are null; left_out: why a step did not run.
"""

from collections.abc import Iterator
from typing import Any

from netkit.lab.steps import Step
from netkit.lab.tour import Finished, LeftOut, Listed


def document(result: Finished | LeftOut | Listed) -> dict[str, Any]:
    ran = result if isinstance(result, Finished) else None
    return {
        "name": result.step.name,
        "title": result.step.title,
        "listing": result.step.listing,
        "tutorial": result.step.tutorial,
        "command": result.command,
        "expected_exit_code": result.step.exit,
        "exit_code": ran.exit if ran else None,
        "stdout": ran.stdout if ran else None,
        "stderr": ran.stderr if ran else None,
        "duration_ms": ran.duration_ms if ran else None,
        "failure": ran.failure if ran else None,
        "left_out": f"{result.why}: {result.hint}" if isinstance(result, LeftOut) else None,
    }


def plain(result: Finished | LeftOut | Listed) -> Iterator[str]:
    if isinstance(result, Listed):
        yield f"{result.step.name}\t{source(result.step)}\t{result.command}"
        return
    yield f"== {result.step.name}: {result.step.title} =="
    yield f"-- {source(result.step)}"
    yield from (f"   {line}" for line in result.step.tutorial.splitlines())
    yield f"$ {result.command}"
    if isinstance(result, Finished):
        yield from (result.stdout + result.stderr).splitlines()
    yield outcome(result)
    yield ""


def source(step: Step) -> str:
    return f"listing {step.listing}" if step.listing else "the socket module"


def outcome(result: Finished | LeftOut) -> str:
    """The last line of a step: its exit code, and what is wrong with it; or why it did not run."""
    if isinstance(result, LeftOut):
        return f"left out: {result.why}: {result.hint}"
    return f"exit {result.exit}" + (f", NOT AS EXPECTED: {result.failure}" if result.failure else "")
