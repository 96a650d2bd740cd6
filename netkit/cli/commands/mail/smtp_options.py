"""The options of `smtp send`, in groups: the message, its envelope, the mail exchangers, and how it is sent."""

from enum import StrEnum
from typing import Annotated

from netkit.cli.groups import NONE, Group
from netkit.cli.options import option, rate
from netkit.cli.secret import SERVER
from netkit.errors import BadInput
from netkit.mail.mailbox import refuse_control
from netkit.mail.message.content import BareNewline
from netkit.mail.smtp.delivery import Stage
from netkit.mail.smtp.transaction import Dsn

MESSAGE, ENVELOPE, HOW = "Message", "Envelope", "How it is sent"
MX_PORT = 25
NOTIFY = ("never", "success", "failure", "delay")


class Partial(StrEnum):
    send = "send"
    abort = "abort"


class Ret(StrEnum):
    full = "full"
    hdrs = "hdrs"


class Writing(Group):
    """The message: what it is composed of, or one that is there already (--raw)."""

    sender: Annotated[str | None, option("--from", metavar="ADDRESS", help="Who sends it.", panel=MESSAGE)] = None
    to: Annotated[
        list[str],
        option("--to", metavar="ADDRESS", help="Whom it is for; several, or with commas.", panel=MESSAGE),
    ] = NONE
    cc: Annotated[list[str], option("--cc", metavar="ADDRESS", help="Who is to know.", panel=MESSAGE)] = NONE
    bcc: Annotated[list[str], option("--bcc", metavar="ADDRESS", help="Who gets it unseen.", panel=MESSAGE)] = NONE
    subject: Annotated[str | None, option("--subject", metavar="TEXT", help="In any language.", panel=MESSAGE)] = None
    text: Annotated[
        str | None,
        option("--text", metavar="TEXT|@FILE|-", help="The text; - reads standard input.", panel=MESSAGE),
    ] = None
    html: Annotated[str | None, option("--html", metavar="HTML|@FILE|-", help="The same as HTML.", panel=MESSAGE)] = (
        None
    )
    attach: Annotated[
        list[str],
        option("--attach", metavar="FILE[;type=][;name=]", help="A file beside.", panel=MESSAGE),
    ] = NONE
    inline: Annotated[
        list[str],
        option("--inline", metavar="FILE[;cid=]", help="A picture for cid: in --html.", panel=MESSAGE),
    ] = NONE
    header: Annotated[
        list[str],
        option("--header", "-H", metavar="NAME: VALUE", help="One more field.", panel=MESSAGE),
    ] = NONE
    raw: Annotated[
        str | None,
        option("--raw", metavar="FILE|-", help="Send this message as it is.", panel=MESSAGE),
    ] = None
    from_header: Annotated[
        bool,
        option("-t", "--from-header", help="With --raw: to its To, Cc and Bcc; Bcc is left out.", panel=MESSAGE),
    ] = False
    bare: Annotated[
        BareNewline,
        option("--bare-newline", help="A lone CR or LF in --raw: made a line end, refused, or sent.", panel=MESSAGE),
    ] = BareNewline.fix
    long_lines: Annotated[bool, option("--allow-long-lines", help="In --raw: over 998 bytes.", panel=MESSAGE)] = False
    dkim_key: Annotated[
        str | None,
        option("--dkim-key", metavar="FILE", help="Sign with this private key.", panel=MESSAGE),
    ] = None
    dkim_selector: Annotated[
        str | None,
        option("--dkim-selector", metavar="NAME", help="NAME._domainkey is the key's.", panel=MESSAGE),
    ] = None

    @property
    def has_content(self) -> bool:
        """Whether there is more to send than a header."""
        return self.text is not None or self.raw is not None or bool(self.html or self.attach or self.inline)


class Addressing(Group):
    """The envelope, where it is to be another than the header says."""

    envelope_from: Annotated[
        str | None,
        option("--envelope-from", metavar="ADDRESS", help="Where bounces go; '' for none.", panel=ENVELOPE),
    ] = None
    rcpt: Annotated[
        list[str],
        option("--rcpt", metavar="ADDRESS", help="Send to these instead of --to, --cc, --bcc.", panel=ENVELOPE),
    ] = NONE
    dsn: Annotated[
        str | None,
        option("--dsn", metavar="LIST", help="Reports on: never, or success,failure,delay.", panel=ENVELOPE),
    ] = None
    ret: Annotated[Ret | None, option("--ret", help="What reports hold.", panel=ENVELOPE)] = None
    envid: Annotated[str | None, option("--envid", metavar="ID", help="What reports name it by.", panel=ENVELOPE)] = (
        None
    )

    def reports(self) -> Dsn:
        """Raises BadInput."""
        words = tuple(word.strip().lower() for word in self.dsn.split(",")) if self.dsn is not None else ()
        if wrong := [word for word in words if word not in NOTIFY]:
            raise BadInput(f"--dsn: there is no {wrong[0]!r}", hint="of " + ", ".join(NOTIFY))
        if "never" in words and len(words) > 1:
            raise BadInput("--dsn: never excludes the others (RFC 3461)")
        if self.envid is not None:
            refuse_control(self.envid, "--envid")
            if not self.envid.isascii() or not 0 < len(self.envid) <= 100:
                raise BadInput("--envid: 1 to 100 ASCII characters (RFC 3461)")
        return Dsn(words, self.ret, self.envid)


class Exchangers(Group):
    """Whether the message goes to those of each recipient's domain, and how they are found."""

    mx: Annotated[bool, option("--mx", help="To the mail exchangers of each recipient's domain.", panel=SERVER)] = False
    mx_port: Annotated[int, option("--mx-port", metavar="N", min=1, max=65535, help="With --mx.", panel=SERVER)] = (
        MX_PORT
    )
    dns: Annotated[
        str | None,
        option("--dns", metavar="SERVER", help="With --mx: ask this DNS server.", panel=SERVER),
    ] = None


class How(Group):
    """What is done with the message, and how far."""

    partial: Annotated[Partial, option("--partial", help="Where some recipients are refused.", panel=HOW)] = (
        Partial.send
    )
    no_pipelining: Annotated[bool, option("--no-pipelining", help="Wait for each answer.", panel=HOW)] = False
    no_chunking: Annotated[bool, option("--no-chunking", help="DATA also where BDAT is offered.", panel=HOW)] = False
    stop_after: Annotated[Stage | None, option("--stop-after", help="QUIT there, and send nothing.", panel=HOW)] = None
    drop_after: Annotated[Stage | None, option("--drop-after", help="Hang up there, without QUIT.", panel=HOW)] = None
    dry_run: Annotated[bool, option("--dry-run", help="Print the message, connect to nobody.", panel=HOW)] = False
    wire: Annotated[bool, option("--wire", help="With --dry-run: the very bytes behind DATA.", panel=HOW)] = False
    count: Annotated[
        int | None,
        option("--count", "-n", metavar="N", min=1, help="Send it N times.", panel=HOW, default="1"),
    ] = None
    pace: Annotated[
        float | None,
        rate("--rate", help="So many a second.", panel=HOW),
    ] = None

    @property
    def stage(self) -> Stage | None:
        """Where to end before the message is sent. Raises BadInput."""
        if self.stop_after is not None and self.drop_after is not None:
            raise BadInput("--stop-after and --drop-after are two ends: give one")
        return self.stop_after or self.drop_after
