"""`netkit pop3 subjects`."""

import re
from pathlib import Path
from time import sleep
from typing import Annotated, Any, NamedTuple

import typer

from netkit.cli.options import OUTPUT, TIME, Color, ColorOption, Json, Quiet, Trace, parse_duration
from netkit.cli.output.pop3 import FIELDS, Shown
from netkit.cli.output.sink import Form, Output
from netkit.cli.pop3_login import (
    SERVER,
    Apop,
    CaCert,
    Insecure,
    Login,
    PasswordCmd,
    PasswordFd,
    PasswordFile,
    TargetArgument,
    Timeout,
    TlsOption,
    User,
    end,
    prepare,
)  # fmt: skip
from netkit.errors import BadInput, Exit, No, combine
from netkit.mail.pop3.session import WINDOW, Listed
from netkit.mail.target import Tls

WHICH = "Which messages"


def subjects(
    target: TargetArgument,
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", min=1, help="The last N alone.", rich_help_panel=WHICH)
    ] = None,
    first: Annotated[
        int | None, typer.Option("--first", metavar="N", min=1, help="The first N alone.", rich_help_panel=WHICH)
    ] = None,
    span: Annotated[
        str | None, typer.Option("--range", metavar="A-B", help="Numbers A to B.", rich_help_panel=WHICH)
    ] = None,
    new: Annotated[
        bool,
        typer.Option("--new", help="Those that --new has not shown before (by UIDL).", rich_help_panel=WHICH),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="Dated 2026-01-31 or later.", rich_help_panel=WHICH),
    ] = None,
    grep: Annotated[
        str | None,
        typer.Option(
            "--grep", metavar="REGEX", help="With this in subject or sender, in any case.", rich_help_panel=WHICH
        ),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="The last one first.", rich_help_panel=WHICH)] = False,
    via: Annotated[
        str, typer.Option("--via", metavar="[auto|top|retr]", help="How headers are asked for.", rich_help_panel=SERVER)
    ] = "auto",
    window: Annotated[
        int,
        typer.Option("--window", metavar="N", min=1, max=10000, help="Ask so many at once.", rich_help_panel=SERVER),
    ] = WINDOW,
    follow: Annotated[
        float | None,
        typer.Option(
            "--follow",
            parser=parse_duration,
            metavar="DURATION",
            help="Look again so often, and show what has come.",
            rich_help_panel=TIME,
        ),
    ] = None,
    fields: Annotated[
        str, typer.Option("--fields", metavar="LIST", help=f"Of {','.join(FIELDS)}.", rich_help_panel=OUTPUT)
    ] = "n,date,from,subject",
    user: User = None,
    password_cmd: PasswordCmd = None,
    password_file: PasswordFile = None,
    password_fd: PasswordFd = None,
    apop: Apop = False,
    tls: TlsOption = Tls.auto,
    cacert: CaCert = None,
    insecure: Insecure = False,
    timeout: Timeout = 120.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """List the subjects of what waits, without fetching it.

    Asks for headers alone (TOP), many at a time, and shows each as it comes. Nothing is deleted or marked. Subjects
    are decoded whatever their charset; --json has the raw bytes beside. A message that the server refuses is a row
    with its error, and the others go on.

    Exit: 0 also for an empty mailbox, 1 the server says no, 3 unreachable, 4 timeout, 5 broke off, 6 TLS,
    7 wrong password, 8 some messages failed, 9 try again.
    """
    if via not in ("auto", "top", "retr"):
        raise BadInput(f"--via {via}: auto, top or retr")
    if sum(one is not None for one in (last, first, span)) > 1:
        raise BadInput("--last, --first and --range exclude each other")
    chosen = tuple(fields.split(","))
    if wrong := [field for field in chosen if field not in FIELDS]:
        raise BadInput(f"--fields: there is no {wrong[0]!r}", hint="there are " + ",".join(FIELDS))
    keep = Filter.of(since, grep)
    numbers = parse_range(span) if span else None
    login = prepare(target, user, password_cmd, password_file, password_fd, apop, tls, cacert, insecure, timeout, trace)
    out = Output("pop3", json=json, color=color, quiet=quiet)
    seen: frozenset[str] | None = None
    path = None
    if new:
        from netkit.mail.pop3.seen import load, state_file

        path = state_file(login.user or "", login.target.name)
        seen = load(path)
    elif follow is not None:
        seen = frozenset()
    while True:
        codes, seen = poll(out, login, keep, chosen, seen, path, last, first, numbers, reverse, via, window)
        if follow is None:
            return combine(codes)
        sleep(follow)


class Filter(NamedTuple):
    since: Any
    pattern: re.Pattern[str] | None

    @classmethod
    def of(cls, since: str | None, grep: str | None) -> "Filter":
        from datetime import UTC, datetime

        moment = None
        if since:
            try:
                moment = datetime.fromisoformat(since)
            except ValueError as exc:
                raise BadInput(f"--since {since!r} is no date: write 2026-01-31") from exc
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        try:
            return cls(moment, re.compile(grep, re.IGNORECASE) if grep else None)
        except re.error as exc:
            raise BadInput(f"--grep {grep!r} is no regular expression: {exc}") from exc

    def takes(self, row: Any) -> bool:
        if row.error is not None:
            return True
        if self.since and row.date and row.date < self.since:
            return False
        return not self.pattern or bool(self.pattern.search(row.subject or "") or self.pattern.search(row.sender or ""))


def poll(
    out: Output, login: Login, keep: Filter, fields: tuple[str, ...], seen: frozenset[str] | None, path: Path | None,
    last: int | None, first: int | None, span: tuple[int, int] | None, reverse: bool, via: str, window: int,
) -> tuple[list[Exit], frozenset[str] | None]:  # fmt: skip
    """One session: show what is asked for. Returns the rows' exit codes and the UIDLs seen by now."""
    from netkit.mail.pop3.subjects import subjects as rows

    codes: list[Exit] = []
    with login.session(listing=True) as session:
        waiting = session.list()
        if seen is not None and any(one.uidl is None for one in waiting):
            raise No(f"{login.target.name}: without UIDL nobody can say what is new", kind="no_uidl")
        chosen = select(waiting, last, first, span)
        if seen is not None:
            chosen = [one for one in chosen if one.uidl not in seen]
        shown = set()
        for row in rows(session, chosen[::-1] if reverse else chosen, via=via, window=window, on_note=out.note):
            if keep.takes(row):
                out.show(Shown(row, fields))
            if row.error is None:
                shown.add(row.uidl)
                codes.append(Exit.OK)
            else:
                codes.append(Exit(row.error.exit))
                if out.form is Form.JSON:
                    out.error(row.error)
        end(out, session, required=path is not None)
    if seen is None:
        return codes, None
    left = {one.uidl for one in waiting}
    now = frozenset(uidl for uidl in (seen | shown) if uidl in left and uidl is not None)
    if path is not None:
        from netkit.mail.pop3.seen import store

        store(path, now)
    return codes, now


def select(waiting: list[Listed], last: int | None, first: int | None, span: tuple[int, int] | None) -> list[Listed]:
    if last is not None:
        return waiting[-last:]
    if first is not None:
        return waiting[:first]
    return [one for one in waiting if span is None or span[0] <= one.n <= span[1]]


def parse_range(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,8})-([1-9]\d{0,8})", text)
    if not found or int(found[1]) > int(found[2]):
        raise BadInput(f"--range {text!r}: write A-B, from the lower to the higher number, as 1-20")
    return int(found[1]), int(found[2])
