"""`netkit pop3 delete`, and how `netkit pop3 save --delete` does it."""

import os
import re
from collections.abc import Sequence
from typing import Annotated

import typer

from netkit.cli.commands.mail.pop3_choice import WHICH, Uid, parse_uids
from netkit.cli.commands.mail.pop3_login import POP3, Access, TargetArgument, Timeout
from netkit.cli.groups import NONE, grouped
from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace, option
from netkit.cli.output.mail.pop3 import Deleted
from netkit.cli.output.sink import Output
from netkit.errors import BadInput, Exit, No, PeerError, TimedOut, Unknown, Unreachable, combine
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.session import WINDOW, Command, Session, shown

PAIR = r"([1-9]\d{0,8})(?:=([!-~]{1,70}))?"
UNCHANGED = "nothing was deleted; netkit pop3 list shows what is there"


@grouped
def delete(
    target: TargetArgument,
    messages: Annotated[
        list[str] | None,
        typer.Argument(metavar="N=UIDL...", help="Number and UIDL, as `list` prints them.", show_default=False),
    ] = None,
    *,
    uid: Uid = NONE,
    yes: Annotated[bool, option("--yes", help="Numbers alone will do.", panel=WHICH)] = False,
    access: Access,
    timeout: Timeout = 120.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Delete messages, each named by its UIDL.

    A number means another message in the next session, so it must come with the UIDL it had; a pair that does not fit,
    or a UIDL that no message or more than one has, deletes nothing. The server deletes when it has answered QUIT, and
    that is waited for.

    Exit: 0 all deleted, 1 a pair does not fit or the server says no, 7 wrong password, 8 some, 10 QUIT was not
    answered: they may be deleted or not.

    $ netkit pop3 delete pop3s://ann@mail.example.org 3=0000002a67
    """
    if re.fullmatch(PAIR, target) and (server := os.environ.get(POP3)):
        target, messages = server, [target, *(messages or [])]
    pairs = [parse_message(text, yes) for text in messages or []]
    uids = parse_uids(uid)
    if not pairs and not uids:
        raise BadInput("delete which messages?", hint="N=UIDL, or --uid UIDL; netkit pop3 list prints both")
    login = access.login(target, timeout, trace)
    out = Output("mail.pop3", json=json, color=color, quiet=quiet)
    with login.session(listing=True) as session:
        waiting = session.list()
        there = {one.n: one for one in waiting}
        wanted: dict[int, Listed] = {}
        for number, uidl in pairs:
            if number not in there:
                raise No(f"there is no message {number}", hint=UNCHANGED)
            if uidl is not None and there[number].uidl != uidl:
                raise No(f"message {number} has the UIDL {there[number].uidl}, not {uidl}", hint=UNCHANGED)
            wanted[number] = there[number]
        for text in uids:
            found = [one for one in waiting if one.uidl == text]
            if len(found) != 1:
                many = f"{len(found)} messages have" if found else "no message has"
                raise No(f"{many} the UIDL {text}", hint=UNCHANGED)
            wanted[found[0].n] = found[0]
        done = mark(session, list(wanted.values()))
        confirm(session)
        for message in done:
            out.show(message)
    return combine([Exit.OK if message.error is None else Exit.NO for message in done])


def parse_message(text: str, yes: bool) -> tuple[int, str | None]:
    found = re.fullmatch(PAIR, text)
    if not found:
        raise BadInput(f"{text!r}: write N=UIDL, as `netkit pop3 list` prints them")
    if found[2] is None and not yes:
        raise BadInput(f"{text}: a number alone may be another message by now", hint=f"{text}=UIDL, or --yes")
    return int(found[1]), found[2]


def mark(session: Session, messages: Sequence[Listed]) -> list[Deleted]:
    """Mark them to be deleted at QUIT, and how the server answered."""
    answers = session.answers((Command(("DELE", str(one.n))) for one in messages), WINDOW)
    return [
        Deleted(one.n, one.uidl, None if status.ok else shown(status.text))
        for one, status in zip(messages, answers, strict=True)
    ]


def confirm(session: Session) -> None:
    try:
        session.quit()
    except (PeerError, TimedOut, Unreachable) as exc:
        raise Unknown(
            f"{exc.message}: the messages may be deleted or not", hint="netkit pop3 list shows what is there"
        ) from exc
