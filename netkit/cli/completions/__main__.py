"""Write the completion scripts, or check that they are current."""

import sys
from collections.abc import Callable, Sequence

from netkit.cli.completions import bash, fish, zsh
from netkit.cli.completions.files import CHECKOUT, FILES
from netkit.cli.completions.tree import Command, read

WRITERS: dict[str, Callable[[Sequence[Command]], str]] = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}


def main(argv: Sequence[str]) -> int:
    if list(argv) not in (["--write"], ["--check"]):
        print("usage: python -m netkit.cli.completions --write | --check", file=sys.stderr)
        return 2
    commands = read()
    stale = []
    for shell, write in WRITERS.items():
        text, file = write(commands), CHECKOUT / FILES[shell]
        if argv[0] == "--write":
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(file.name)
    if stale:
        print(f"out of date: {', '.join(stale)}; run python -m netkit.cli.completions --write", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
