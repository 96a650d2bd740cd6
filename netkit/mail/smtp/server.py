"""The server's side of SMTP and LMTP without sockets: bytes in, answers out, any split.

RFC 5321, 2033 (LMTP), 2034 (status codes in answers), 2920 (pipelining), 3030 (BDAT, without BINARYMIME, which POP3
could not hand out again), 3461 (notifications: checked and kept, none is sent). Every recipient is taken, as is any
password (for SCRAM it is `netkit`): it is a server for tests. Only CRLF.CRLF ends the message of a DATA, and a line
that holds a lone CR or LF stays as it is. Not here: the connection, TLS itself, time limits.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from typing import NamedTuple

from netkit.mail.dots import DotReader
from netkit.mail.fault import Faults, Gate, no_faults
from netkit.mail.sasl.outcome import Challenge, Done
from netkit.mail.sasl.server import MECHANISMS, Server, for_tests, hear, initial
from netkit.mail.smtp.server_chunk import Chunk, read_bdat
from netkit.mail.smtp.server_parameters import MailParameters, RcptParameters, Refused, read_mail, read_rcpt

MAX_LINE = 16 * 1024  # bytes of a command: an AUTH response with a token is long (RFC 4954 section 4: 12,288)
MAX_RECIPIENTS = 1000
MAX_PATH = 320  # bytes of an address: 64 before the @ and 255 behind it (RFC 5321 section 4.5.3.1)
MAX_ERRORS = 20
STAGES = {"HELO": "ehlo", "EHLO": "ehlo", "LHLO": "ehlo", "BDAT": "data"}  # of faults; else the command's own name
_PATH = re.compile(r"(FROM|TO): ?<((?:[^<>\s\"\\]|\"(?:[^\"\\]|\\.)*\")*)>(?: (.*))?", re.IGNORECASE)


class Envelope(NamedTuple):
    """A message that came in: sender ("" for bounces), recipients, the message with its line ends as they came.

    asked: what MAIL asked for. asked_for: what RCPT asked for, in the order of the recipients; () for nothing at all.
    """

    helo: str
    sender: str
    recipients: tuple[str, ...]
    data: bytes
    user: str | None
    asked: MailParameters = MailParameters()
    asked_for: tuple[RcptParameters, ...] = ()


class Smtp:
    """One session. deliver: called with a whole message; what it returns is the queue id, None if there is no room.

    `feed` returns what to send; `starts_tls` is set when STARTTLS was answered (call `secured` then), `closed` when
    the connection is to be closed, `gate.wait` when a fault asks to wait: set it to 0 after so many seconds, and go on.
    """

    def __init__(
        self,
        deliver: Callable[[Envelope], str | None],
        *,
        host: str,
        max_size: int,
        offers_tls: bool,
        lmtp: bool = False,
        faults: Faults = no_faults,
    ) -> None:
        self._deliver = deliver
        self._host = host
        self._max_size = max_size
        self._lmtp = lmtp
        self.gate = Gate(faults)
        self.offers_tls = offers_tls
        self.starts_tls = False
        self.closed = False
        self._buffer = b""
        self._body: DotReader | None = None
        self._chunk: Chunk | None = None
        self._ended = False  # the message is whole and not answered yet
        self._login: Server | None = None  # a SASL exchange under way
        self._forget()

    def _forget(self) -> None:
        self._helo = ""
        self._user: str | None = None
        self._errors = 0
        self._reset()

    def _reset(self) -> None:
        self._sender: str | None = None
        self._asked = MailParameters()
        self._recipients: list[str] = []
        self._asked_for: list[RcptParameters] = []
        self._data = bytearray()
        self._too_big = False
        self._chunks = 0  # BDATs of this message so far
        self._chunk_failed = False

    def greeting(self) -> bytes:
        """Nothing while it is to wait: then it is asked for again."""
        for fault in self.gate.meet("banner", [()]):
            self.closed = fault.drop or fault.reply.startswith("421")
            protocol = "LMTP" if self._lmtp else "ESMTP"
            greeting = fault.reply or f"220 {self._host} {protocol} the lab's mail server"
            return b"" if fault.drop else f"{greeting}\r\n".encode()
        return b""

    def secured(self) -> None:
        """TLS is on: what was said before counts no more (RFC 3207 section 4.2)."""
        self.starts_tls = False
        self._buffer = b""
        self._forget()

    def feed(self, data: bytes) -> bytes:
        """The answers to what the bytes complete."""
        self._buffer += data
        out: list[str] = []
        while (self._buffer or self._chunk or self._ended) and not (self.closed or self.starts_tls or self.gate.wait):
            if self._ended:
                out += self._accept()
                continue
            if self._chunk is not None:
                if self._chunk.left and not self._buffer:
                    break
                out += self._read_chunk(self._chunk)
                continue
            if self._body is not None:
                piece = self._body.feed(self._buffer)
                self._buffer = piece.rest
                self._take(piece.data)
                if not piece.done:
                    break
                self._body = None
                self._ended = True
                continue
            line, newline, rest = self._buffer.partition(b"\r\n")
            if len(line) > MAX_LINE:
                self.closed = True
                out.append("500 5.5.6 the line is too long")
                break
            if not newline:
                break
            answers = self._line(line)
            if not self.gate.wait:
                self._buffer = rest
            out += answers
        return "".join(f"{line}\r\n" for line in out).encode()

    def _read_chunk(self, chunk: Chunk) -> list[str]:
        """Take what is here of a chunk; the answer when it is whole (RFC 3030 section 2)."""
        piece, self._buffer = self._buffer[: chunk.left], self._buffer[chunk.left :]
        chunk.left -= len(piece)
        if not chunk.refusal:
            self._take(piece)
        if chunk.left:
            return []
        self._chunk = None
        if chunk.refusal:
            self._chunk_failed = True  # the message is lost, and so are the chunks behind this one
            self._data.clear()
            return [chunk.refusal] * (self._answers if chunk.last else 1)
        self._ended = chunk.last
        return [] if chunk.last else ["250 2.0.0 go on"]

    def _take(self, data: bytes) -> None:
        if len(self._data) + len(data) > self._max_size:
            self._too_big = True
            self._data.clear()
        if not self._too_big:
            self._data += data

    def _accept(self) -> list[str]:
        """The answer to the final dot; LMTP has one for each recipient (RFC 2033 section 4.2)."""
        met = [(each,) for each in self._recipients] if self._lmtp else [self._recipients]
        faults = self.gate.meet("dot", met)
        self.closed = any(fault.drop or fault.reply.startswith("421") for fault in faults)
        if not faults or any(fault.drop for fault in faults):
            return []
        self._ended = False
        taken = [n for n in range(len(self._recipients)) if not faults[n if self._lmtp else 0].reply]
        if not taken:
            answer = ""
        elif self._too_big:
            answer = f"552 5.3.4 the message is larger than {self._max_size} bytes"
        else:
            queued = self._deliver(
                Envelope(
                    self._helo,
                    self._sender or "",
                    tuple(self._recipients[n] for n in taken),
                    bytes(self._data),
                    self._user,
                    self._asked,
                    tuple(self._asked_for[n] for n in taken) if any(map(any, self._asked_for)) else (),
                )
            )
            answer = f"250 2.0.0 queued as {queued}" if queued else "452 4.3.1 the lab has no room for it"
        self._reset()
        return [fault.reply or answer for fault in faults]

    @property
    def _answers(self) -> int:
        """How many answers the end of a message gets."""
        return max(1, len(self._recipients)) if self._lmtp else 1

    def _line(self, line: bytes) -> list[str]:
        text = line.decode("utf-8", "backslashreplace")
        if self._login:
            return self._respond(self._login, line)
        if re.search(r"[\x00-\x1f\x7f]", text):
            return self._no("500 5.5.2 a control character in a command")
        verb, _, rest = text.partition(" ")
        verb, rest = verb.upper(), rest.strip()
        handler = HANDLERS.get(verb)
        if handler is None:
            return self._no(f"500 5.5.1 no such command: {verb[:20]!r}")
        for fault in self.gate.meet(STAGES.get(verb, verb.lower()), [(_argument(verb, rest),)]):
            self.closed = fault.drop or fault.reply.startswith("421")
            if fault.drop:
                return []
            answers = handler(self, rest) if verb == "BDAT" or not fault.reply else [fault.reply]
            if fault.reply and self._chunk:
                self._chunk.refusal = fault.reply
            return answers
        return []

    def _no(self, answer: str) -> list[str]:
        self._errors += 1
        if self._errors >= MAX_ERRORS:
            self.closed = True
            return ["421 4.7.0 too many mistakes"]
        return [answer]

    def ehlo(self, rest: str) -> list[str]:
        if not rest:
            return self._no("501 5.5.4 who are you?")
        self._reset()
        self._helo = rest
        names = ["PIPELINING", f"SIZE {self._max_size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        names += ["DSN", "CHUNKING"]
        names += ["STARTTLS"] if self.offers_tls else []
        lines = [f"{self._host} at your service", *names, f"AUTH {' '.join(MECHANISMS)}"]
        return [f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]

    def helo(self, rest: str) -> list[str]:
        if self._lmtp:
            return self._no("500 5.5.1 LMTP begins with LHLO")
        if not rest:
            return self._no("501 5.5.4 who are you?")
        self._reset()
        self._helo = rest
        return [f"250 {self._host}"]

    def hello(self, rest: str) -> list[str]:
        return self._no("500 5.5.1 LMTP begins with LHLO") if self._lmtp else self.ehlo(rest)

    def lhlo(self, rest: str) -> list[str]:
        return self.ehlo(rest) if self._lmtp else self._no("500 5.5.1 this is no LMTP port")

    def starttls(self, rest: str) -> list[str]:
        if not self.offers_tls:
            return self._no("503 5.5.1 TLS is on already")
        self.starts_tls, self.offers_tls = True, False
        return ["220 2.0.0 begin"]

    def mail(self, rest: str) -> list[str]:
        found = _PATH.fullmatch(rest)
        if not self._helo:
            return self._no("503 5.5.1 EHLO first")
        if self._sender is not None:
            return self._no("503 5.5.1 there is a sender already")
        if found is None or found[1].upper() != "FROM":
            return self._no("501 5.5.4 MAIL FROM:<address>")
        try:
            asked = read_mail(found[3] or "")
        except Refused as exc:
            return self._no(str(exc))
        if asked.size and asked.size > self._max_size:
            return [f"552 5.3.4 {asked.size} bytes are more than {self._max_size}"]
        self._sender, self._asked = found[2], asked
        return ["250 2.1.0 sender ok"]

    def rcpt(self, rest: str) -> list[str]:
        found = _PATH.fullmatch(rest)
        if self._sender is None:
            return self._no("503 5.5.1 MAIL first")
        if found is None or found[1].upper() != "TO" or not _is_mailbox(found[2]):
            return self._no("501 5.1.3 RCPT TO:<name@domain>")
        if len(found[2].encode()) > MAX_PATH:
            return self._no("501 5.1.3 the address is too long")
        if len(self._recipients) >= MAX_RECIPIENTS:
            return [f"452 4.5.3 more than {MAX_RECIPIENTS} recipients"]
        if self._chunks:
            return self._no("503 5.5.1 the message has begun")
        try:
            asked_for = read_rcpt(found[3] or "")
        except Refused as exc:
            return self._no(str(exc))
        self._recipients.append(found[2])
        self._asked_for.append(asked_for)
        return ["250 2.1.5 recipient ok"]

    def data(self, rest: str) -> list[str]:
        if not self._recipients:
            return self._no("503 5.5.1 RCPT first")
        if self._chunks:
            return self._no("503 5.5.1 a message is all DATA or all BDAT")
        self._body = DotReader()
        return ["354 end with a dot on a line of its own"]

    def bdat(self, rest: str) -> list[str]:
        chunk = read_bdat(rest)
        if chunk is None:
            self.closed = True  # nobody knows what of the following is message and what is a command
            return ["501 5.5.4 BDAT SIZE [LAST]"]
        if not self._recipients:
            chunk.refusal = "503 5.5.1 RCPT first"
        elif self._chunk_failed:
            chunk.refusal = "503 5.5.1 a chunk of this message was refused: RSET"
        elif len(self._data) + chunk.left > self._max_size:
            chunk.refusal = f"552 5.3.4 the message is larger than {self._max_size} bytes"
        else:
            self._chunks += 1
        self._chunk = chunk
        return []

    def rset(self, rest: str) -> list[str]:
        self._reset()
        return ["250 2.0.0 forgotten"]

    def noop(self, rest: str) -> list[str]:
        return ["250 2.0.0 ok"]

    def vrfy(self, rest: str) -> list[str]:
        return ["252 2.5.0 send, and see"]

    def quit(self, rest: str) -> list[str]:
        self.closed = True
        return ["221 2.0.0 bye"]

    def auth(self, rest: str) -> list[str]:
        mechanism, _, first = rest.partition(" ")
        if self._user is not None or self._sender is not None:
            return self._no("503 5.5.1 not now")
        if mechanism.upper() not in MECHANISMS:
            return self._no(f"504 5.5.4 there are {', '.join(MECHANISMS)}")
        return self._respond(for_tests(mechanism.upper(), self._host), initial(first))

    def _respond(self, login: Server, line: bytes | None) -> list[str]:
        self._login = None
        outcome = hear(login, line)
        if isinstance(outcome, Done):
            self._user = outcome.user
            return ["235 2.7.0 welcome"]
        if isinstance(outcome, Challenge):
            self._login = login
            return [f"334 {b64encode(outcome.data).decode()}"]
        return self._no(f"{'501 5.5.2' if outcome.malformed else '535 5.7.8'} {outcome.reason}")


def _argument(verb: str, rest: str) -> str:
    """What a fault's pattern is compared with: never a secret."""
    if verb in ("MAIL", "RCPT"):
        found = _PATH.fullmatch(rest)
        return found[2] if found else rest
    return rest.partition(" ")[0] if verb == "AUTH" else rest


def _is_mailbox(path: str) -> bool:
    """The postmaster needs no domain (RFC 5321 4.5.1)."""
    return "@" in path.strip("@") or path.lower() == "postmaster"


HANDLERS: dict[str, Callable[[Smtp, str], list[str]]] = {
    "EHLO": Smtp.hello,
    "HELO": Smtp.helo,
    "LHLO": Smtp.lhlo,
    "STARTTLS": Smtp.starttls,
    "AUTH": Smtp.auth,
    "MAIL": Smtp.mail,
    "RCPT": Smtp.rcpt,
    "DATA": Smtp.data,
    "BDAT": Smtp.bdat,
    "RSET": Smtp.rset,
    "NOOP": Smtp.noop,
    "VRFY": Smtp.vrfy,
    "QUIT": Smtp.quit,
}
