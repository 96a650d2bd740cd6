"""Runs the command line: every error becomes one or two lines on standard error and an exit code.

A command module raises `NetkitError`, returns an `Exit` (or None for 0), and never prints an error or exits itself.
This is also the one place for Ctrl-C, a closed standard output and a bug's traceback.
"""

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import typer

from netkit.cli.output.escape import visible
from netkit.errors import Exit, LocalFailure, NetkitError

UsageError: type[Any] = typer.BadParameter.__mro__[1]  # Click's, which Typer carries inside and does not export
ISSUES = "the project's issue tracker"


def main(argv: Sequence[str]) -> int:
    """Run `netkit ARGV...` in this process; the exit code."""
    arguments = with_values(argv)
    if hasattr(sys.stdout, "reconfigure"):
        # What came as bytes that are no UTF-8 leaves as the same bytes; other encodings escape what they lack.
        utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        sys.stdout.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")
    try:
        code = invoke(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        return closed()
    except NetkitError as exc:
        report(exc)
        code = exc.exit
    except OSError as exc:
        if not writing_failed(exc):
            return bug(exc, arguments)
        report(LocalFailure(f"cannot write standard output: {exc.strerror}"))
        discard_stdout()
        return Exit.LOCAL
    except Exception as exc:
        return bug(exc, arguments)
    return finish(code)


def invoke(arguments: Sequence[str]) -> int:
    from typer.main import get_command

    from netkit.cli.app import build

    try:
        with get_command(build()).make_context("netkit", list(arguments)) as ctx:
            result = ctx.command.invoke(ctx)
    except typer.Exit as exc:
        return exc.exit_code
    except typer.Abort:
        return Exit.INTERRUPTED
    except UsageError as exc:
        return usage(exc)
    return int(result or 0)


# Options whose value may be left out; Typer has none such, so the value is put in before it looks.
OPTIONAL_VALUES = {"--trace": "text", "--show-completion": "auto", "--install-completion": "auto"}
SHELLS = (["bash"], ["zsh"], ["fish"])


def with_values(argv: Sequence[str]) -> list[str]:
    """`--trace` alone means `--trace=text`; `--show-completion` takes the shell as `=bash` or as the next word."""
    end = argv.index("--") if "--" in argv else len(argv)
    words = []
    for at, word in enumerate(argv[:end]):
        followed = word.endswith("-completion") and argv[at + 1 : at + 2] in SHELLS
        words.append(f"{word}={OPTIONAL_VALUES[word]}" if word in OPTIONAL_VALUES and not followed else word)
    return words + list(argv[end:])


def usage(exc: Any) -> Exit:
    """Two lines in place of Typer's box: what is wrong, where to look. Bare groups show their help."""
    message = exc.format_message().strip()
    if type(exc).__name__ == "NoArgsIsHelpError":
        if message:
            print(message)
        return Exit.USAGE
    path = exc.ctx.command_path if exc.ctx else "netkit"
    message, _, suggestion = message.partition(" Did you mean ")
    message = message.removesuffix(".")
    hint = f"did you mean {suggestion}" if suggestion else f"{path} --help lists what it takes"
    say(f"{path}: {message[:1].lower()}{message[1:]}", hint)
    return Exit.USAGE


def report(exc: NetkitError) -> None:
    say(f"netkit: {exc.message}", exc.hint)


def say(line: str, hint: str | None = None) -> None:
    """A diagnostic on standard error; what a peer or user put into it cannot reach the terminal raw."""
    with suppress(OSError, ValueError):  # a closed standard error changes nothing about the exit code
        sys.stderr.write(visible(line) + "\n")
        if hint:
            sys.stderr.write(f"hint: {visible(hint)}\n")
        sys.stderr.flush()


def bug(exc: BaseException, arguments: Sequence[str]) -> int:
    traced = os.environ.get("NETKIT_TRACE", "") not in ("", "0")
    if traced or any(word.startswith("--trace=") for word in arguments):
        import traceback

        with suppress(OSError, ValueError):  # its message may quote a peer, and standard error may be closed
            sys.stderr.write(visible("".join(traceback.format_exception(exc)), lines=True))
    say(f"netkit: bug: {type(exc).__name__}: {exc}", f"--trace shows where; please report it at {ISSUES}")
    return finish(Exit.BUG)


def writing_failed(exc: OSError) -> bool:
    """Whether standard output could not be written: operations translate their own errors, what is left is ours."""
    return exc.filename is None and exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def finish(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return closed()
    except OSError as exc:
        report(LocalFailure(f"cannot write standard output: {exc.strerror}"))
        discard_stdout()
        return Exit.LOCAL
    return int(code)


def closed() -> int:
    """The reader of standard output went away: end quietly, like a program that SIGPIPE ended."""
    discard_stdout()
    return Exit.CLOSED


def discard_stdout() -> None:
    """Point standard output at the null device, so that the interpreter's last flush finds no closed pipe."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
