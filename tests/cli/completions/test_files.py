"""Handing the scripts out: which shell, which place, what is left to do; then a shell that finds them by itself."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netkit.cli.completions.files import BASH_COMPLETION, FILES, place, script, this_shell
from netkit.errors import BadInput, LocalFailure

Run = Callable[..., subprocess.CompletedProcess[str]]
PLACES = {
    "bash": ".local/share/bash-completion/completions/netkit",
    "zsh": ".local/share/zsh/site-functions/_netkit",
    "fish": ".config/fish/completions/netkit.fish",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "BASH_COMPLETION_USER_DIR", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("shell", FILES)
def test_places(shell: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place(shell) == home / PLACES[shell]
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")
    local, config = ".local/share", ".config"
    assert place(shell) == Path("/" + PLACES[shell].replace(local, "data").replace(config, "config"))
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # to be ignored, says the XDG base directory specification
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert place(shell) == home / PLACES[shell]


def test_bash_completion_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASH_COMPLETION_USER_DIR", "/own")
    assert place("bash") == Path("/own/completions/netkit")


def test_the_shell_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")  # the parent is no shell
    assert this_shell() == "fish"
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    with pytest.raises(BadInput, match="cannot tell the shell from SHELL='/bin/tcsh'") as caught:
        this_shell()
    assert caught.value.hint == "name it: --install-completion=bash, zsh or fish"


def test_a_script_does_not_tell_the_shell_of_its_user(netkit: Run, home: Path, program: Callable[[str], str]) -> None:
    command = f"{sys.executable} -m netkit --install-completion; true"
    for argv in ([program("bash"), "-c", command], [program("zsh"), "-fc", command]):
        done = subprocess.run(
            argv, env={**os.environ, "SHELL": "/bin/fish"}, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stdout == f"{home / PLACES['fish']}\n"


@pytest.mark.parametrize("shell", FILES)
def test_the_file_is_written_whole_and_alone(shell: str, home: Path, netkit: Run) -> None:
    file = home / PLACES[shell]
    file.parent.mkdir(parents=True)
    file.write_text("an older one")
    done = netkit(f"--install-completion={shell}")
    assert (done.returncode, done.stdout) == (0, f"{file}\n")
    assert file.read_text(encoding="utf-8") == script(shell)
    assert list(file.parent.iterdir()) == [file]


def test_what_zsh_needs_is_told_until_it_is_there(home: Path, netkit: Run) -> None:
    line = f"fpath=({home}/.local/share/zsh/site-functions $fpath)"
    assert netkit("--install-completion=zsh").stderr == f"put `{line}` before `compinit` in ~/.zshrc\n"
    assert not (home / ".zshrc").exists()
    (home / ".zshrc").write_text("fpath=(~/.local/share/zsh/site-functions $fpath)\n")
    assert netkit("--install-completion=zsh").stderr == ""
    assert (home / ".zshrc").read_text() == "fpath=(~/.local/share/zsh/site-functions $fpath)\n"


def test_a_folder_that_cannot_be_made(home: Path, netkit: Run) -> None:
    (home / ".config").write_text("a file")
    done = netkit("--install-completion=fish")
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr == f"netkit: cannot write {home / PLACES['fish']}: Not a directory\n"


def test_no_such_shell(netkit: Run) -> None:
    message = "there is no completion for 'tcsh': the shells are bash, zsh, fish"
    with pytest.raises(BadInput, match=message):
        script("tcsh")
    for option in ("--show-completion=tcsh", "--install-completion=tcsh"):
        done = netkit(option)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"netkit: {message}\n")


def test_scripts_that_are_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("netkit.cli.completions.files.INSTALLED", tmp_path)
    monkeypatch.setattr("netkit.cli.completions.files.CHECKOUT", tmp_path)
    with pytest.raises(LocalFailure, match=r"netkit\.fish is not where it was installed") as caught:
        script("fish")
    assert str(tmp_path) in caught.value.message


@pytest.mark.parametrize("name", FILES)
def test_a_shell_finds_it_by_itself(name: str, home: Path, terminal: Callable[[str, str], Any]) -> None:
    """Typed into the shell, --install-completion knows which one it is; the next shell completes."""
    first = terminal(name, "")
    first.type("netkit --install-completion 2>told; echo DO''NE\r")
    first.until("DONE")
    told = (home / "work" / "told").read_text()
    assert (home / PLACES[name]).exists()
    more = ""
    if name == "zsh":
        more = f"{told.split('`')[1]}\nautoload -Uz compinit; compinit -D\n"
    elif name == "bash":
        there = [path for path in BASH_COMPLETION if Path(path).exists()]
        more = f"source {there[0]}\n" if there else f"{told.split('`')[1]}\n"
    else:
        assert told == ""
    assert terminal(name, more).line("netkit http ge\t") == "netkit http get "
