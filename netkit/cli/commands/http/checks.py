"""The options of `netkit http` that say what a reply must be like, so that it counts as good."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from netkit.cli.groups import NONE, Group
from netkit.cli.options import option, parse_duration
from netkit.errors import BadInput

if TYPE_CHECKING:
    from netkit.http.checks import Checks

CHECKS = "Checks"


class Checking(Group):
    """Of status, headers and time."""

    expect_status: Annotated[
        str | None,
        option("--expect-status", help="The status must be one of these: 200,3xx.", panel=CHECKS, metavar="CODES"),
    ] = None
    expect_header: Annotated[
        list[str],
        option(
            "--expect-header", help="This header must match: 'N: REGEX'. Repeatable.", panel=CHECKS, metavar="HEADER"
        ),
    ] = NONE
    slo: Annotated[
        str | None,
        option("--slo", help="It may take so long: total=500ms,ttfb=200ms.", panel=CHECKS, metavar="LIMITS"),
    ] = None
    no_fail: Annotated[bool, option("--no-fail", help="4xx and 5xx are no failures.", panel=CHECKS)] = False

    def checks(self, body: Sequence[str]) -> "Checks | None":
        """Those asked for. body: regular expressions for it. Raises BadInput."""
        if self.expect_status is None and self.slo is None and not self.expect_header and not body:
            return None
        from netkit.http.checks import Checks, parse_expected_header, parse_pattern, parse_slo, parse_status

        return Checks(
            status=() if self.expect_status is None else parse_status(self.expect_status),
            headers=tuple(map(parse_expected_header, self.expect_header)),
            body=tuple(map(parse_pattern, body)),
            slo=() if self.slo is None else parse_slo(self.slo, _duration),
        )


class BodyChecking(Group):
    expect_body: Annotated[
        list[str],
        option(
            "--expect-body",
            help="The first MiB of the body must have a match. Repeatable.",
            panel=CHECKS,
            metavar="REGEX",
        ),
    ] = NONE


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except typer.BadParameter as exc:
        raise BadInput(f"--slo: {exc.message}") from exc
