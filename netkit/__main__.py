"""Entry point of `netkit` and `python -m netkit`."""

import os
import sys


def open_standard_streams() -> None:
    """Open descriptors 0 to 2 that are closed on the null device, before a socket could take their number."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


def main() -> int:
    open_standard_streams()
    if sys.argv[1:] == ["--version"]:  # needs neither Typer nor any command module
        from netkit import __version__

        sys.stdout.write(f"netkit {__version__}\n")
        return 0
    from netkit.cli.run import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
