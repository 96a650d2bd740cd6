"""`netkit pop3 stat|list|get|capa`."""

import os
import re
import sys
from codecs import getincrementaldecoder
from typing import Annotated

import typer

from netkit.cli.commands.mail.pop3_choice import EVERY, Which
from netkit.cli.commands.mail.pop3_login import POP3, Access, Server, TargetArgument, Timeout, end
from netkit.cli.groups import grouped
from netkit.cli.options import OUTPUT, Color, ColorOption, Json, Quiet, Trace, option
from netkit.cli.output.escape import visible
from netkit.cli.output.mail.pop3 import Capabilities, Stat
from netkit.cli.output.sink import Output
from netkit.cli.output.stdout import write_bytes
from netkit.errors import BadInput, Exit, NetkitError, No, Temporary, combine
from netkit.mail.pop3.listing import Listed
from netkit.mail.pop3.save import Saved

Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="N...", min=1, help="The numbers of the messages.", show_default=False)
]


@grouped
def stat(
    target: TargetArgument,
    *,
    access: Access,
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
    login = access.login(target, timeout, trace)
    out = Output("mail.pop3", json=json, color=color, quiet=quiet)
    with login.session() as session:
        out.show(Stat(login.target.name, login.user or "", *session.stat()))
        end(out, session, required=False)
    return Exit.OK


@grouped
def list_messages(
    target: TargetArgument,
    *,
    which: Which,
    access: Access,
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
    choice = which.choice()
    login = access.login(target, timeout, trace)
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


@grouped
def get(
    target: TargetArgument,
    numbers: Numbers = None,
    *,
    which: Which,
    access: Access,
    timeout: Timeout = 120.0,
    output: Annotated[
        str | None,
        option("--output", "-o", metavar="FILE", help="Save them here: whole, or not.", panel=OUTPUT),
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
    choice = which.choice()
    if numbers and (which.last or which.first or which.span):
        raise BadInput("numbers go with --uid, and not with --last, --first or --range")
    if not numbers and choice == EVERY:
        raise BadInput("get which messages?", hint="their numbers, --last N, --uid UIDL; netkit pop3 list prints them")
    login = access.login(target, timeout, trace)
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
        self._file = None
        if name is not None:
            from netkit.net.download import Download  # 1 ms of CPU, of no use to the other commands here

            self._file = Download(name)

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


@grouped
def capa(
    target: TargetArgument,
    *,
    server: Server,
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
    login = server.nobody(target, timeout, trace)
    out = Output("mail.pop3", json=json, color=color, quiet=quiet)
    with login.session() as session:
        out.show(Capabilities(login.target.name, session.greeting, session.clear_capabilities, session.capabilities,
                              session.wire.tls.version() if session.wire.tls else None))  # fmt: skip
        end(out, session, required=False)
    return Exit.OK
