"""`netkit pop3 stat|list|get|delete|capa`."""

import os
import re
import sys
from codecs import getincrementaldecoder
from collections.abc import Sequence
from typing import Annotated

import typer

from netkit.cli.commands.mail.pop3_choice import EVERY, WHICH, First, Last, Span, Uid, choose, parse_uids
from netkit.cli.commands.mail.pop3_login import (
    Apop,
    TargetArgument,
    Timeout,
    TlsOption,
    end,
    nobody,
    prepare,
)  # fmt: skip
from netkit.cli.login import (
    AuthOption,
    CaCert,
    Four,
    Insecure,
    PasswordCmd,
    PasswordFd,
    PasswordFile,
    Six,
    TokenCmd,
    TokenFile,
    User,
)
from netkit.cli.options import OUTPUT, Color, ColorOption, Json, Quiet, Trace
from netkit.cli.output.escape import visible
from netkit.cli.output.mail.pop3 import Capabilities, Deleted, Stat
from netkit.cli.output.sink import Output
from netkit.cli.output.stdout import write_bytes
from netkit.errors import BadInput, Exit, NetkitError, No, PeerError, Temporary, TimedOut, Unknown, Unreachable, combine
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.save import Saved
from netkit.mail.pop3.session import WINDOW, Command, Session, shown
from netkit.mail.target import Tls
from netkit.net.download import Download

POP3 = "NETKIT_POP3"  # where it names the server, the first word is a message
PAIR = r"([1-9]\d{0,8})(?:=([!-~]{1,70}))?"
UNCHANGED = "nothing was deleted; netkit pop3 list shows what is there"
Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="N...", min=1, help="The numbers of the messages.", show_default=False)
]


def stat(
    target: TargetArgument,
    user: User = None,
    auth: AuthOption = None,
    password_cmd: PasswordCmd = None,
    password_file: PasswordFile = None,
    password_fd: PasswordFd = None,
    token_cmd: TokenCmd = None,
    token_file: TokenFile = None,
    apop: Apop = False,
    tls: TlsOption = Tls.auto,
    cacert: CaCert = None,
    insecure: Insecure = False,
    four: Four = False,
    six: Six = False,
    timeout: Timeout = 120.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Count the messages that wait, and their bytes.

    Exit: 0 also for none, 7 wrong password; the others are those of `netkit pop3 subjects`.

    $ netkit pop3 stat pop3s://ann@mail.example.org --password-cmd 'pass mail'
    """
    login = prepare(
        target, user, password_cmd, password_file, password_fd, auth, token_cmd, token_file, apop, tls, cacert,
        insecure, timeout, trace, four, six,
    )  # fmt: skip
    out = Output("mail.pop3", json=json, color=color, quiet=quiet)
    with login.session() as session:
        out.show(Stat(login.target.name, login.user or "", *session.stat()))
        end(out, session, required=False)
    return Exit.OK


def list_messages(
    target: TargetArgument,
    last: Last = None,
    first: First = None,
    span: Span = None,
    uid: Uid = [],
    user: User = None,
    auth: AuthOption = None,
    password_cmd: PasswordCmd = None,
    password_file: PasswordFile = None,
    password_fd: PasswordFd = None,
    token_cmd: TokenCmd = None,
    token_file: TokenFile = None,
    apop: Apop = False,
    tls: TlsOption = Tls.auto,
    cacert: CaCert = None,
    insecure: Insecure = False,
    four: Four = False,
    six: Six = False,
    timeout: Timeout = 120.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """List the messages that wait: number, size, UIDL.

    Exit: 0 also for none, 7 wrong password; the others are those of `netkit pop3 subjects`.

    $ netkit pop3 list pop3s://ann@mail.example.org --last 1
    """
    choice = choose(last, first, span, uid)
    login = prepare(
        target, user, password_cmd, password_file, password_fd, auth, token_cmd, token_file, apop, tls, cacert,
        insecure, timeout, trace, four, six,
    )  # fmt: skip
    out = Output("mail.pop3", json=json, color=color, quiet=quiet)
    with login.session(listing=True) as session:
        waiting = session.list()
        missing = choice.missing(waiting)
        for error in missing:
            out.error(error)
        found = choice.among(waiting)
        for message in found:
            out.show(message)
        end(out, session, required=False)
    return combine([Exit.NO] * len(missing) + [Exit.OK] * len(found))


def get(
    target: TargetArgument,
    numbers: Numbers = None,
    last: Last = None,
    first: First = None,
    span: Span = None,
    uid: Uid = [],
    user: User = None,
    auth: AuthOption = None,
    password_cmd: PasswordCmd = None,
    password_file: PasswordFile = None,
    password_fd: PasswordFd = None,
    token_cmd: TokenCmd = None,
    token_file: TokenFile = None,
    apop: Apop = False,
    tls: TlsOption = Tls.auto,
    cacert: CaCert = None,
    insecure: Insecure = False,
    four: Four = False,
    six: Six = False,
    timeout: Timeout = 120.0,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Save them here: whole, or not.", rich_help_panel=OUTPUT),
    ] = None,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Fetch messages, exact to the byte.

    They are written one behind the other as they come, with the CRLF line ends of the wire, in constant memory.
    A message that the server refuses is said on standard error, and the others go on. --json needs -o, and prints
    an object for each.

    Exit: 0 all, 1 the server says no, 5 broke off, 7 wrong password, 8 some, 11 cannot write.

    $ netkit pop3 get pop3s://ann@mail.example.org --last 1
    $ netkit pop3 get pop3s://ann@mail.example.org 3 5 -o two.eml
    """
    if json and output is None:
        raise BadInput("--json is for the facts and standard output for the messages: -o FILE takes those")
    if re.fullmatch(r"[1-9]\d{0,8}", target) and (server := os.environ.get(POP3)):
        target, numbers = server, [int(target), *(numbers or [])]
    choice = choose(last, first, span, uid)
    if numbers and (last or first or span):
        raise BadInput("numbers go with --uid, and not with --last, --first or --range")
    if not numbers and choice == EVERY:
        raise BadInput("get which messages?", hint="their numbers, --last N, --uid UIDL; netkit pop3 list prints them")
    login = prepare(
        target, user, password_cmd, password_file, password_fd, auth, token_cmd, token_file, apop, tls, cacert,
        insecure, timeout, trace, four, six,
    )  # fmt: skip
    out = Output("mail.pop3", json=json, color=color, quiet=quiet)
    codes: list[Exit] = []
    wanted = [Listed(number, None, None) for number in numbers or []]
    with Sink(output) as sink, login.session(listing=choice != EVERY) as session:
        if choice != EVERY:
            waiting = session.list()
            wanted += choice.among(waiting)
            for error in choice.missing(waiting):
                out.error(error)
                codes.append(Exit.NO)
        for one in wanted:
            size = 0
            failed: NetkitError | None = None
            try:
                for piece in session.stream("RETR", str(one.n)):
                    sink.write(piece)
                    size += len(piece)
            except (No, Temporary) as exc:
                out.error(failed := exc)
            codes.append(Exit(failed.exit) if failed else Exit.OK)
            if json:
                row = (size, output, None) if failed is None else (one.size, None, failed)
                out.show(Saved(one.n, one.uidl, *row))
        if Exit.OK in codes:
            sink.commit()
        end(out, session, required=False)
    return combine(codes)


class Sink:
    """Standard output, or a file that is whole or not there; on a terminal the text is made harmless."""

    def __init__(self, name: str | None) -> None:
        self._decoder = getincrementaldecoder("utf-8")("backslashreplace") if sys.stdout.isatty() else None
        self._file = Download(name) if name is not None else None

    def __enter__(self) -> "Sink":
        if self._file:
            self._file.open()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._file:
            self._file.close()

    def write(self, data: bytes) -> None:
        if self._file:
            self._file.write(data)
        elif self._decoder:
            sys.stdout.write(visible(self._decoder.decode(data).replace("\r\n", "\n"), lines=True))
        else:
            write_bytes(data)

    def commit(self) -> None:
        if self._file:
            self._file.commit()


def delete(
    target: TargetArgument,
    messages: Annotated[
        list[str] | None,
        typer.Argument(metavar="N=UIDL...", help="Number and UIDL, as `list` prints them.", show_default=False),
    ] = None,
    uid: Uid = [],
    yes: Annotated[bool, typer.Option("--yes", help="Numbers alone will do.", rich_help_panel=WHICH)] = False,
    user: User = None,
    auth: AuthOption = None,
    password_cmd: PasswordCmd = None,
    password_file: PasswordFile = None,
    password_fd: PasswordFd = None,
    token_cmd: TokenCmd = None,
    token_file: TokenFile = None,
    apop: Apop = False,
    tls: TlsOption = Tls.auto,
    cacert: CaCert = None,
    insecure: Insecure = False,
    four: Four = False,
    six: Six = False,
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
    login = prepare(
        target, user, password_cmd, password_file, password_fd, auth, token_cmd, token_file, apop, tls, cacert,
        insecure, timeout, trace, four, six,
    )  # fmt: skip
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


def parse_message(text: str, yes: bool) -> tuple[int, str | None]:
    found = re.fullmatch(PAIR, text)
    if not found:
        raise BadInput(f"{text!r}: write N=UIDL, as `netkit pop3 list` prints them")
    if found[2] is None and not yes:
        raise BadInput(f"{text}: a number alone may be another message by now", hint=f"{text}=UIDL, or --yes")
    return int(found[1]), found[2]


def capa(
    target: TargetArgument,
    tls: TlsOption = Tls.auto,
    cacert: CaCert = None,
    insecure: Insecure = False,
    four: Four = False,
    six: Six = False,
    timeout: Timeout = 120.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Show what a POP3 server can do, before and after TLS.

    Nobody logs in.

    $ netkit pop3 capa mail.example.org
    """
    login = nobody(target, tls, cacert, insecure, timeout, trace, four, six)
    out = Output("mail.pop3", json=json, color=color, quiet=quiet)
    with login.session() as session:
        out.show(Capabilities(login.target.name, session.greeting, session.clear_capabilities, session.capabilities,
                              session.wire.tls.version() if session.wire.tls else None))  # fmt: skip
        end(out, session, required=False)
    return Exit.OK
