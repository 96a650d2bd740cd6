"""What is read from the command tree."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.main import get_command

from netkit.cli.app import Commands
from netkit.cli.completions.__main__ import WRITERS, main
from netkit.cli.completions.files import FILES
from netkit.cli.completions.tree import HINTS, Command, Option, Takes, read, walk
from netkit.cli.options import Color
from netkit.dns.types import FREQUENT

CHECKOUT = Path(__file__).parents[3] / "completions"  # of these tests: netkit itself may be installed elsewhere
HELP = Option(("--help", "-h"), "Show this message and exit.")


def every_kind(
    command: Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND]")] = None,
    zone: Annotated[Path | None, typer.Option("--zone", "-z", help="A\n  file.")] = None,
    out: Annotated[str, typer.Option("--out", metavar="FILE|-", help="Out.")] = "",
    folder: Annotated[str, typer.Option("--folder", metavar="DIR", help="There.")] = "",
    tcp: Annotated[bool, typer.Option("--tcp/--no-tcp", help="TCP.")] = False,
    loud: Annotated[int, typer.Option("--loud", "-l", count=True, help="Louder.")] = 0,
    color: Annotated[Color, typer.Option("--color", help="Colour.")] = Color.auto,
    header: Annotated[list[str], typer.Option("--header", metavar="[NAME:VALUE]", help="Header.")] = [],  # noqa: B006
    trace: Annotated[str, typer.Option("--trace", help="Trace.")] = "",
    secret: Annotated[str, typer.Option("--secret", hidden=True)] = "",
) -> None:
    """Try."""


def test_every_kind_of_option() -> None:
    app = typer.Typer(add_completion=False)
    app.command()(every_kind)
    [command] = walk(get_command(app), "netkit try")
    assert command == Command(
        "netkit try",
        (
            Option(("--zone", "-z"), "A file.", Takes.FILE),
            Option(("--out",), "Out.", Takes.FILE, value="FILE|-"),
            Option(("--folder",), "There.", Takes.DIRECTORY, value="DIR"),
            Option(("--tcp", "--no-tcp"), "TCP."),
            Option(("--loud", "-l"), "Louder.", repeatable=True),
            Option(("--color",), "Colour.", Takes.CHOICE, ("auto", "always", "never")),
            Option(("--header",), "Header.", Takes.FREE, value="NAME:VALUE", repeatable=True),
            Option(("--trace",), "Trace.", Takes.ATTACHED, ("text", "json", "hex")),
            HELP,
        ),
        (),
        runs=True,
    )


def test_a_word_that_shells_would_read_is_refused() -> None:
    app = typer.Typer(add_completion=False)

    @app.command()
    def odd(choice: Annotated[str, typer.Option("--a$b")] = "") -> None:
        """Odd."""

    with pytest.raises(ValueError, match=r"netkit odd: '--a\$b' has characters"):
        list(walk(get_command(app), "netkit odd"))


def test_the_tree_is_whole() -> None:
    commands = {command.path: command for command in read()}
    assert list(commands) == ["netkit", *(f"netkit {path}" for path in Commands.table)]
    assert [path for path, command in commands.items() if command.runs] == ["netkit watch", "netkit lab"]
    types = commands["netkit resolve"].options[0]
    assert (types.names, types.takes, types.choices) == (("--type", "-t"), Takes.LIST, tuple(FREQUENT))
    for path, command in commands.items():
        below = [entry.rpartition(" ")[2] for entry in Commands.table if f"netkit {entry}".rpartition(" ")[0] == path]
        assert [name for name, _ in command.children] == below


def test_every_hint_has_its_option() -> None:
    known = set()
    for command in read():
        for option in command.options:
            known |= {name for one in option.names for name in (one, f"{command.path} {one}")}
    assert set(HINTS) <= known


def test_check_names_what_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("netkit.cli.completions.__main__.CHECKOUT", tmp_path / "completions")
    assert main(["--check"]) == 1
    assert main(["--write"]) == 0
    assert main(["--check"]) == 0
    assert sorted(path.name for path in (tmp_path / "completions").iterdir()) == sorted(FILES.values())
    (tmp_path / "completions" / "_netkit").write_text("older")
    capsys.readouterr()
    assert main(["--check"]) == 1
    assert capsys.readouterr().err == "out of date: _netkit; run python -m netkit.cli.completions --write\n"
    assert main([]) == 2


@pytest.mark.parametrize("shell", FILES)
def test_the_files_of_this_tree_are_current(shell: str) -> None:
    assert (CHECKOUT / FILES[shell]).read_text(encoding="utf-8") == WRITERS[shell](read())


def test_the_generator_is_run_as_a_module() -> None:
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run
    done = run([sys.executable, "-m", "netkit.cli.completions", "--check"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
