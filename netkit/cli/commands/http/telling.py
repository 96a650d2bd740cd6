"""How `netkit http` tells of a response: the parts that are wanted, in the form of the output, then what is wrong."""

import os
import sys
from typing import TYPE_CHECKING, Any

from netkit.cli.commands.http.output import Showing
from netkit.cli.output.say import say
from netkit.cli.output.sink import Form, Output
from netkit.cli.output.stdout import write_bytes, write_data
from netkit.errors import Exit

if TYPE_CHECKING:
    from netkit.http.request import Request
    from netkit.http.result import Response
    from netkit.http.save import Save
    from netkit.net.hop import Pause


class Telling:
    """One after the other with `tell`. streams: bodies go to standard output as they come, and are not told here."""

    def __init__(
        self, method: str, showing: Showing, out: Output, *, raw: bool = False, save: "Save | None" = None
    ) -> None:
        """Raises BadInput."""
        self.method, self.out, self.raw = method, out, raw
        self.wanted = showing.sections(method, out)
        self.chosen = showing.verbose or showing.show is not None
        self.streams = out.form is Form.PLAIN and self.wanted == {"body"}
        self.names = save is not None and save.file is None  # which nobody knows before
        self.several = False  # whether what is told is of one of several URLs
        self.told = False

    def name(self, request: "Request") -> str:
        """What a progress bar calls it: the file, where there is one."""
        if request.save is None:
            return ""
        from netkit.http.filename import name_for

        return os.path.basename(request.save.file or "") or name_for(request.url, None, None)

    def pause(self, pause: "Pause") -> None:
        self.out.note(f"netkit: {pause.why}")

    def tell(self, response: "Response") -> Exit:
        from netkit.cli.output.http.response import View

        out, target = self.out, response.url
        view = View(response, self.wanted, raw=self.raw, chosen=self.chosen, several=self.several)
        if not isinstance(target, str) and target.guessed and out.form is Form.HUMAN and not view.heading:
            out.note(f"{target.for_people}")
        apart = self.told and bool(response.hops)
        if out.form is Form.HUMAN:
            from netkit.cli.output.http.response_rich import print_view

            if apart and not self.wanted <= {"body"}:
                out.console.print()  # between one URL's facts and the next one's
            print_view(out.console, view)
            sys.stdout.flush()
        elif out.form is Form.JSON:
            out.show(view)
        elif not self.streams:
            _plain(view, apart=apart)
        if self.names and self.wanted == {"body"} and out.form is not Form.JSON and response.body.saved_to:
            write_data(os.fsencode(f"{response.body.saved_to}\n"))
        self.told = self.told or bool(response.hops)
        for warning in response.warnings:
            out.note(f"netkit: warning: {target}: {warning.message}")
        if response.error and response.error.kind != "check_failed":
            out.error(response.error)
        for check in response.checks if out.form is not Form.HUMAN or self.wanted <= {"body"} else ():
            if check.ok is False:
                say(f"netkit: {response.final_url}: {check.message}")
        if response.error and response.error.kind == "check_failed" and response.error.hint:
            say(f"hint: {response.error.hint}")
        return response.exit_code


def _plain(view: Any, *, apart: bool) -> None:
    """The sections with the body between them, as bytes: nothing of it is changed. apart: from what is in front."""
    from netkit.cli.output.http.response import after, before

    front = "\n" if apart else ""
    if view.heading:
        front += f"{view.heading}\n"
    write_bytes(front.encode("utf-8", "surrogateescape"))
    write_bytes("".join(f"{line}\n" for line in before(view)).encode("latin-1", "replace"))
    facts = "".join(f"{line}\n" for line in after(view)).encode("utf-8", "surrogateescape")
    if "body" in view.sections and (content := view.response.body.content):
        write_bytes(content)
        if (facts or view.several) and not content.endswith(b"\n"):
            write_bytes(b"\n")
    write_bytes(facts)
