"""What is looked up, on the terminal of standard error, once the servers take over a second to answer."""

from collections.abc import Sequence

from netkit.cli.output.sink import Output
from netkit.cli.output.waiting import Waiting

MAX_SHOWN = 60  # characters of a name; the line has to fit one


def looking_up(out: Output, names: Sequence[str]) -> Waiting:
    """Used as `with`; results are shown while it stands aside."""
    if len(names) > 1:
        return Waiting(out, f"looking up {len(names)} names")
    return Waiting(out, f"looking up {names[0][:MAX_SHOWN]}")
