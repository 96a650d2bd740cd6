"""The options of `netkit http` that say which parts of a response are shown, and how much."""

from typing import TYPE_CHECKING, Annotated, Any

from netkit.cli.groups import Group
from netkit.cli.options import OUTPUT, option, size
from netkit.cli.output.sink import Form, Output
from netkit.errors import BadInput

if TYPE_CHECKING:
    from netkit.http.save import Save

MAX_BODY = 10 * 1024 * 1024  # bytes


class Keeping(Group):
    max_body: Annotated[
        int | None, size("--max-body", help="Show so much of a body, also in --json.", panel=OUTPUT, default="10M")
    ] = None
    raw: Annotated[bool, option("--raw", help="Show the body as it came, not laid out.", panel=OUTPUT)] = False

    def octets(self, *, save: "Save | None", **_: Any) -> int:
        """What is shown of a body at most. save: where it goes instead. Raises BadInput."""
        if save and (self.raw or self.max_body is not None):
            name, hint = ("--raw", None) if self.raw else ("--max-body", "--max-size limits what is saved")
            raise BadInput(f"{name} is about a body that is shown, and -o and -O save it", hint=hint)
        return MAX_BODY if self.max_body is None else self.max_body


class Showing(Group):
    show: Annotated[
        str | None,
        option("--show", help="Show these parts: headers,body,timing,...", panel=OUTPUT, metavar="PARTS"),
    ] = None
    verbose: Annotated[
        bool, option("--verbose", "-v", help="Show all parts, of every hop, and the whole chain.", panel=OUTPUT)
    ] = False

    show_secrets: Annotated[bool, option("--show-secrets", help="Mask no secrets of requests.", panel=OUTPUT)] = False

    def sections(self, method: str, out: Output) -> frozenset[str]:
        """The parts to show. Raises BadInput."""
        from netkit.cli.output.http.response import AT_A_TERMINAL, SECTIONS

        if self.verbose:
            if self.show is not None:
                raise BadInput("-v shows all parts: --show has nothing to choose")
            return frozenset(SECTIONS)
        if self.show is None:
            if out.form is Form.HUMAN and not out.quiet:
                return AT_A_TERMINAL
            return frozenset({"body" if method == "GET" else "headers"})
        wanted = frozenset(word.strip() for word in self.show.split(",") if word.strip())
        if unknown := wanted - set(SECTIONS):
            raise BadInput(f"--show {sorted(unknown)[0]!r}: the parts are {', '.join(SECTIONS)}")
        if not wanted:
            raise BadInput(f"--show {self.show!r}: no part is named", hint=f"the parts are {', '.join(SECTIONS)}")
        return wanted
