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
    from collections.abc import Callable

    from netkit.cli.output.http.live_body import LiveBody
    from netkit.cli.output.meter import Meter
    from netkit.http.receiving import Live
    from netkit.http.request import Request
    from netkit.http.result import Response
    from netkit.http.save import Save
    from netkit.net.hop import Head, Pause


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
        self.meter: Meter | None = None  # of what is fetched
        self.lively: LiveBody | None = None  # a body that is shown while it comes

    def name(self, request: "Request") -> str:
        """What a progress bar calls it: the file, where there is one."""
        if request.save is None:
            return ""
        from netkit.http.filename import name_for

        return os.path.basename(request.save.file or "") or name_for(request.url, None, None)

    def pause(self, pause: "Pause") -> None:
        self.out.note(f"netkit: {pause.why}")

    def live(self, request: "Request") -> "Live | None":
        """Shows a body at a terminal while it comes, where it may have no end."""
        if self.out.form is not Form.HUMAN or "body" not in self.wanted:
            return None
        from netkit.cli.output.http.live_body import LiveBody, comes_bit_by_bit  # 0.1 s, not amid a phase

        def begin(head: "Head") -> "Callable[[bytes], object] | None":
            if not comes_bit_by_bit(head):
                return None
            if self.meter:
                self.meter.silence()
            self.lively = LiveBody(self.out.console, head, raw=self.raw, limit=request.max_body)
            self._note_guess(request.url)
            self.lively.begin(with_headers=self._headers_first)
            return self.lively.write

        return begin

    @property
    def _headers_first(self) -> bool:
        """Whether a body that is shown while it comes has its headers in front, since they are those of one hop."""
        return "headers" in self.wanted and not self.wanted & {"request", "hops"}

    def _left(self, response: "Response") -> frozenset[str]:
        """The parts to show behind a body that was shown while it came."""
        left = self.wanted - {"body"}
        if self._headers_first:
            left -= {"headers"} if response.hops[-1].tls else {"headers", "tls"}
        if left and (left & {"request", "headers", "tls"} or len(response.hops) > 1):
            self.out.console.print()
        return left

    def _note_guess(self, url: Any) -> None:
        if not isinstance(url, str) and url.guessed and self.out.form is Form.HUMAN:
            self.out.note(f"{url.for_people}")

    def tell(self, response: "Response") -> Exit:
        from netkit.cli.output.http.response import View

        out, target = self.out, response.url
        wanted = self.wanted
        if self.lively:
            self.lively.end()
            wanted = self._left(response)
        view = View(response, wanted, raw=self.raw, chosen=self.chosen, several=self.several)
        if not view.heading and not self.lively:
            self._note_guess(target)
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
