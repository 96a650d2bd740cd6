"""`netkit pop3 save`."""

from typing import Annotated

from netkit.cli.commands.mail.pop3_choice import WHICH, Which, Window
from netkit.cli.commands.mail.pop3_delete import confirm, mark
from netkit.cli.commands.mail.pop3_login import Access, TargetArgument, end
from netkit.cli.groups import grouped
from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace, option, timeout
from netkit.cli.output.sink import Form, Output
from netkit.errors import BadInput, Exit, No, combine
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.save import Box, Saved
from netkit.mail.pop3.save import save as rows
from netkit.mail.pop3.session import WINDOW, Session

FATE = "What becomes of them"


@grouped
def save(
    target: TargetArgument,
    *,
    which: Which,
    new: Annotated[
        bool,
        option("--new", help="Those that --new has not saved there before (by UIDL).", panel=WHICH),
    ] = False,
    maildir: Annotated[
        str | None,
        option("--maildir", metavar="DIR", help="A file each, in this maildir.", panel=FATE),
    ] = None,
    mbox: Annotated[
        str | None,
        option("--mbox", metavar="FILE", help="Append all to this file.", panel=FATE),
    ] = None,
    delete: Annotated[
        bool,
        option("--delete", help="Delete them on the server once they are on the disk.", panel=FATE),
    ] = False,
    access: Access,
    window: Window = WINDOW,
    timeout: Annotated[float, timeout("1h")] = 3600.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Save messages to a maildir or an mbox.

    Many are asked for at once, and each is told when it is on the disk, whole: a run that breaks off leaves no half
    message. Line ends become those of files here; in an mbox, lines of "From " are quoted (mboxrd), and fcntl and a
    dotlock keep other programs out while one is appended. A message that the server refuses is a row with its error,
    and the others go on. Nothing is deleted without --delete, and what --new has saved counts when the server has
    answered QUIT.

    Exit: 0 also for an empty mailbox, 1 the server says no, 5 broke off, 7 wrong password, 8 some, 10 QUIT was not
    answered after --delete, 11 cannot write.

    $ netkit pop3 save pop3s://ann@mail.example.org --maildir ~/Mail --new
    $ netkit pop3 save pop3s://ann@mail.example.org --mbox inbox --delete
    """
    choice = which.choice()
    box = open_box(maildir, mbox)
    login = access.login(target, timeout, trace)
    out = Output("mail.pop3", json=json, color=color, quiet=quiet)
    seen: frozenset[str] = frozenset()
    state = None
    if new:
        from os.path import realpath

        from netkit.mail.pop3.seen import load, state_file

        state = state_file(login.user or "", login.target.name, realpath(box.name))
        seen = load(state)
    codes: list[Exit] = []
    saved: list[Listed] = []
    with login.session(listing=True) as session, box:
        waiting = session.list()
        if (new or delete) and any(one.uidl is None for one in waiting):
            what = "what is new" if new else "which message is deleted"
            raise No(f"{login.target.name}: without UIDL nobody can say {what}", kind="no_uidl")
        for error in choice.missing(waiting):
            out.error(error)
            codes.append(Exit(error.exit))
        chosen = [one for one in choice.among(waiting) if one.uidl not in seen]
        for message, row in zip(chosen, rows(session, chosen, box, window=window), strict=True):
            show(out, row)
            if row.error is None:
                saved.append(message)
            codes.append(Exit(row.error.exit) if row.error else Exit.OK)
        if delete and saved:
            codes += take_away(out, session, saved)
        else:
            end(out, session, required=state is not None)
    if state is not None:
        from netkit.mail.pop3.seen import store

        there = {one.uidl for one in waiting}
        store(state, {uidl for uidl in seen | {one.uidl for one in saved} if uidl is not None and uidl in there})
    return combine(codes)


def open_box(maildir: str | None, mbox: str | None) -> Box:
    """Raises BadInput, LocalFailure."""
    if maildir is not None and mbox is None:
        from netkit.mail.maildir import Maildir

        return Maildir(maildir)
    if mbox is not None and maildir is None:
        from netkit.mail.mbox import Mbox

        return Mbox(mbox)
    raise BadInput("save to what: --maildir DIR or --mbox FILE?" if mbox is None else "--maildir or --mbox, not both")


def show(out: Output, row: Saved) -> None:
    out.show(row)
    if row.error and out.form is not Form.HUMAN:
        out.error(row.error)


def take_away(out: Output, session: Session, saved: list[Listed]) -> list[Exit]:
    """Delete what is on the disk, in the session that told its numbers, and wait for QUIT."""
    done = mark(session, saved)
    confirm(session)
    for message in done:
        out.show(message)
    return [Exit.OK if message.error is None else Exit.NO for message in done]
