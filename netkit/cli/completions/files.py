"""The written scripts, as `netkit --show-completion` and `--install-completion` hand them out.

Installing writes one file where the shell loads completions from by itself. It never touches a start-up file; what
one of them may still need is told.
"""

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from shlex import quote

from netkit.errors import BadInput, LocalFailure

FILES = {"bash": "netkit.bash", "zsh": "_netkit", "fish": "netkit.fish"}
INSTALLED = Path(__file__).resolve().parent / "scripts"  # a wheel has them here
CHECKOUT = Path(__file__).resolve().parents[3] / "completions"
BASH_COMPLETION = (  # Linux and BSD; Homebrew on both of its prefixes
    "/usr/share/bash-completion/bash_completion",
    "/usr/local/share/bash-completion/bash_completion",
    "/opt/homebrew/share/bash-completion/bash_completion",
)


def script(shell: str) -> str:
    """The completion script of a shell, as it is shipped. Raises BadInput, LocalFailure."""
    if shell not in FILES:
        raise BadInput(f"there is no completion for {shell!r}: the shells are {', '.join(FILES)}")
    for folder in (INSTALLED, CHECKOUT):
        with suppress(OSError):
            return (folder / FILES[shell]).read_text(encoding="utf-8")
    raise LocalFailure(f"the completion script {FILES[shell]} is not where it was installed: {INSTALLED}")


def this_shell() -> str:
    """The shell that netkit was typed into, else the one in $SHELL. Raises BadInput.

    A parent with a script or -c behind its name says nothing about what the user types into.
    """
    words = parent()
    if words:
        name = Path(words[0]).name.removeprefix("-")
        if name in FILES and all(word[:1] in "-+" and word[1:2] != "c" for word in words[1:]):
            return name
    name = Path(os.environ.get("SHELL", "")).name
    if name in FILES:
        return name
    raise BadInput(
        f"cannot tell the shell from SHELL={os.environ.get('SHELL', '')!r}",
        hint="name it: --install-completion=bash, zsh or fish",
    )


def parent() -> list[str]:
    """The command line of the parent process; empty where the system does not tell."""
    pid = os.getppid()
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        pass
    with suppress(OSError, subprocess.SubprocessError):  # macOS has no /proc
        shown = subprocess.run(
            ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, timeout=5, check=False
        )
        return shown.stdout.split()
    return []


def place(shell: str) -> Path:
    """Where the shell loads a user's completions from by itself; zsh needs the folder in its fpath."""
    try:
        home = Path.home()
    except RuntimeError:
        raise LocalFailure("there is no home directory to install into", hint="set HOME") from None
    data = _folder("XDG_DATA_HOME", home / ".local" / "share")
    match shell:
        case "bash":
            return _folder("BASH_COMPLETION_USER_DIR", data / "bash-completion") / "completions" / "netkit"
        case "zsh":
            return data / "zsh" / "site-functions" / FILES["zsh"]
        case _:
            return _folder("XDG_CONFIG_HOME", home / ".config") / "fish" / "completions" / FILES["fish"]


def _folder(variable: str, default: Path) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else default  # a relative one is to be ignored (XDG base directories)


def install(shell: str) -> tuple[Path, str | None]:
    """Write the script where the shell finds it: (its path, what the user still has to do). Raises LocalFailure."""
    text, path = script(shell), place(shell)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as exc:
        with suppress(OSError):
            aside.unlink()
        raise LocalFailure(f"cannot write {path}: {exc.strerror}") from exc
    return path, _still_to_do(shell, path)


def _still_to_do(shell: str, path: Path) -> str | None:
    if shell == "zsh" and not _zshrc_names(path.parent):
        return f"put `fpath=({quote(str(path.parent))} $fpath)` before `compinit` in ~/.zshrc"
    if shell == "bash" and not any(map(os.path.exists, BASH_COMPLETION)):
        return f"bash-completion is not installed, so put `source {quote(str(path))}` into ~/.bashrc"
    return None


def _zshrc_names(folder: Path) -> bool:
    home = Path.home()
    zshrc = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
    name = folder.relative_to(home) if folder.is_relative_to(home) else folder  # it may be written ~/ or $HOME/
    try:
        return str(name) in zshrc.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
