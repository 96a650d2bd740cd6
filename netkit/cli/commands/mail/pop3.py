"""`netkit pop3 subjects`."""

import re
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Annotated, NamedTuple

from netkit.cli.commands.mail.pop3_choice import WHICH, Choice, Which, Window
from netkit.cli.commands.mail.pop3_login import Access, Login, TargetArgument, Timeout, end
from netkit.cli.groups import grouped
from netkit.cli.options import OUTPUT, TIME, Color, ColorOption, Json, Quiet, Trace, duration, option
from netkit.cli.output.mail.pop3 import FIELDS, Shown
from netkit.cli.output.sink import Form, Output
from netkit.cli.secret import SERVER
from netkit.errors import BadInput, Exit, No, combine
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.session import WINDOW
from netkit.mail.pop3.subjects import Row, Via
from netkit.mail.pop3.subjects import subjects as rows


@grouped
def subjects(
    target: TargetArgument,
    *,
    which: Which,
    new: Annotated[
        bool,
        option("--new", help="Those that --new has not shown before (by UIDL).", panel=WHICH),
    ] = False,
    since: Annotated[
        str | None,
        option("--since", metavar="DATE", help="Dated 2026-01-31 or later.", panel=WHICH),
    ] = None,
    grep: Annotated[
        str | None,
        option("--grep", metavar="REGEX", help="With this in subject or sender, in any case.", panel=WHICH),
    ] = None,
    reverse: Annotated[bool, option("--reverse", help="The last one first.", panel=WHICH)] = False,
    access: Access,
    via: Annotated[
        Via, option("--via", help="How headers are asked for; auto: TOP, else RETR.", panel=SERVER)
    ] = Via.auto,
    window: Window = WINDOW,
    follow: Annotated[
        float | None,
        duration(
            "--follow",
            help="Look again so often, and show what has come.",
            panel=TIME,
        ),
    ] = None,
    timeout: Timeout = 120.0,
    fields: Annotated[
        str, option("--fields", metavar="LIST", help=f"Of {','.join(FIELDS)}.", panel=OUTPUT)
    ] = "n,date,from,subject",
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

    $ netkit pop3 subjects pop3s://ann@mail.example.org --last 20
    $ netkit pop3 subjects pop3s://ann@mail.example.org --new --grep invoice
    """
    choice = which.choice()
    if which.uid and follow is not None:
        raise BadInput("--uid is for messages that are there, --follow for those that come")
    shown = tuple(fields.split(","))
    if wrong := [field for field in shown if field not in FIELDS]:
        raise BadInput(f"--fields: there is no {wrong[0]!r}", hint="there are " + ",".join(FIELDS))
    wanted = Wanted(choice, parse_date(since), parse_pattern(grep), reverse)
    login = access.login(target, timeout, trace)
    out = Output("mail.pop3", json=json, color=color, quiet=quiet)
    seen: frozenset[str] | None = None
    state = None
    if new:
        from netkit.mail.pop3.seen import load, state_file

        state = state_file(login.user or "", login.target.name)
        seen = load(state)
    elif follow is not None:
        seen = frozenset()
    while True:
        code, seen = poll(out, login, wanted, shown, seen, state, via, window)
        if follow is None:
            return code
        sleep(follow)
        if login.secret and login.secret.bearer:
            login = access.login(target, timeout, trace)  # tokens are good for an hour


class Wanted(NamedTuple):
    """Which messages are shown: chosen before a header is asked for, by date and text after."""

    choice: Choice
    since: datetime | None
    pattern: re.Pattern[str] | None
    reverse: bool

    def among(self, waiting: list[Listed]) -> list[Listed]:
        chosen = self.choice.among(waiting)
        return chosen[::-1] if self.reverse else chosen

    def takes(self, row: Row) -> bool:
        if row.error is not None:
            return True
        if self.since and row.date and row.date < self.since:
            return False
        return not self.pattern or any(self.pattern.search(text or "") for text in (row.subject, row.sender))


def poll(
    out: Output, login: Login, wanted: Wanted, fields: tuple[str, ...], seen: frozenset[str] | None, state: Path | None,
    via: Via, window: int,
) -> tuple[Exit, frozenset[str] | None]:  # fmt: skip
    """One session: show what is asked for and was not seen. Returns its exit code and the UIDLs seen by now."""
    codes: list[Exit] = []
    with login.session(listing=True) as session:
        waiting = session.list()
        if seen is not None and any(one.uidl is None for one in waiting):
            raise No(f"{login.target.name}: without UIDL nobody can say what is new", kind="no_uidl")
        for error in wanted.choice.missing(waiting):
            out.error(error)
            codes.append(Exit(error.exit))
        chosen = [one for one in wanted.among(waiting) if seen is None or one.uidl not in seen]
        shown: set[str | None] = set()
        for row in rows(session, chosen, via=via, window=window, on_note=out.note):
            if wanted.takes(row):
                out.show(Shown(row, fields))
                if row.error is None:
                    shown.add(row.uidl)
            codes.append(Exit(row.error.exit) if row.error else Exit.OK)
            if row.error and out.form is Form.JSON:
                out.error(row.error)
        end(out, session, required=state is not None)
    if seen is None:
        return combine(codes), None
    left = {one.uidl for one in waiting}
    now = frozenset(uidl for uidl in seen | shown if uidl is not None and uidl in left)
    if state is not None:
        from netkit.mail.pop3.seen import store

        store(state, now)
    return combine(codes), now


def parse_date(text: str | None) -> datetime | None:
    """A day begins at midnight UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise BadInput(f"--since {text!r} is no date: write 2026-01-31") from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as exc:
        raise BadInput(f"--grep {text!r} is no regular expression: {exc}") from exc
