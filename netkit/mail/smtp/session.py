"""One SMTP or LMTP session of a client: greeting, EHLO, TLS, logging in, and the window of commands under way.

Nothing secret is sent before TLS, unless the server is on this machine. What came in the clear behind the answer to
STARTTLS is refused: it would be read as if it came under TLS (CVE-2011-0411). What EHLO said before is forgotten.

Sending messages is netkit.mail.smtp.sender's.
"""

from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from netkit.errors import (
    AuthRefused,
    Insecure,
    NetkitError,
    No,
    PeerError,
    Temporary,
    TimedOut,
    Unreachable,
)
from netkit.events import OnEvent
from netkit.mail.smtp.protocol import Replies, Reply, command, extensions
from netkit.mail.target import Scheme, Target, Tls
from netkit.mail.wire import SHORTEST, Wire
from netkit.net.connect import connect
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

if TYPE_CHECKING:
    from netkit.mail.smtp.tls_facts import TlsFacts

SCHEMES = {
    "smtp": Scheme(25, Tls.auto),
    "submission": Scheme(587, Tls.auto),
    "smtps": Scheme(465, Tls.implicit),
    "lmtp": Scheme(24, Tls.auto),
}
# What a server may have to hold unread. Neither side can lock up for it (netkit.mail.wire).
WINDOW = 300  # commands
WINDOW_BYTES = 8192
LAST_WORDS = 2.0  # seconds for the answer to QUIT, on which nothing hangs


class Session:
    """Used as `with`: leaving it closes the connection.

    greeting: None before it came. offered: what EHLO says, clear_offered: what it said before TLS. ms: what took how
    long. broken: why sending stopped before all was sent.
    """

    def __init__(self, target: Target, wire: Wire, *, began: float) -> None:
        self.target = target
        self.wire = wire
        self.lmtp = target.endpoint.scheme == "lmtp"
        self.greeting: Reply | None = None
        self.offered: dict[str, tuple[str, ...]] = {}
        self.clear_offered: dict[str, tuple[str, ...]] | None = None  # before STARTTLS
        self.esmtp = True  # False: EHLO was refused and HELO taken
        self.tls: TlsFacts | None = None
        self.auth: str | None = None
        self.broken: NetkitError | None = None
        self.ms: dict[str, float] = {}
        self._mark = began
        self._replies = Replies()
        self._waiting: deque[tuple[Callable[[Reply], object], int]] = deque()
        self._under_way = 0  # bytes of the commands in it
        self._unasked: list[Reply] = []
        self._last: Reply | None = None
        self._quitting = self._ended = False

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exc: object) -> None:
        self.wire.close()

    def lap(self, name: str) -> None:
        """What went by since the last lap is this."""
        now = monotonic()
        self.ms[name] = self.ms.get(name, 0.0) + (now - self._mark) * 1000
        self._mark = now

    @property
    def pipelining(self) -> bool:
        return "PIPELINING" in self.offered

    def ask(self, *words: str, secret: str = "") -> Reply:
        """Send one command and wait for its answer."""
        return self.ask_line(command(*words), secret)

    def ask_line(self, line: bytes, secret: str = "") -> Reply:
        found: list[Reply] = []
        self.queue(line, found.append, secret)
        while not found:
            self.turn()
        return found[0]

    def begin(self, security: Security, helo: str | None) -> None:
        """Greeting, EHLO, and TLS as the target says. Raises Temporary, No, Insecure, PeerError, ..."""
        self.lap("connect")
        if self.target.tls is Tls.implicit:
            self.secure(security)
        self.greet()
        self.hello(helo)
        if self.target.tls is Tls.starttls:
            self.start_tls(security)
            self.hello(helo)

    def greet(self) -> None:
        found: list[Reply] = []
        self._waiting.append((found.append, 0))
        try:
            while not found:
                self.turn()
        except TimedOut as exc:
            silent = f"{self.target.name}: no greeting within {self.wire.deadline.seconds:g} s"
            hint = "a server that speaks TLS at once waits for it: smtps://" if self.wire.tls is None else None
            raise TimedOut(silent, hint=hint) from exc
        self.lap("greeting")
        self.greeting = found[0]
        if found[0].code != 220:
            raise refusal(f"{self.target.name}: the greeting", found[0])

    def hello(self, helo: str | None) -> None:
        """EHLO or LHLO; HELO where a server knows no better."""
        name = helo or self._own_address()
        reply = self.ask("LHLO" if self.lmtp else "EHLO", name)
        self.offered = extensions(reply) if reply.ok else {}
        if not reply.ok and not self.lmtp and not reply.temporary:
            reply = self.ask("HELO", name)
            self.esmtp = False
        self.lap("ehlo")
        if not reply.ok:
            other = "an SMTP server takes EHLO: smtp://" if self.lmtp else "an LMTP server takes LHLO alone: lmtp://"
            unknown = reply.code in (500, 502)
            what = f"{self.target.name}: {'LHLO' if self.lmtp else 'EHLO'} {name}"
            raise refusal(what, reply, hint=other if unknown else None)

    def start_tls(self, security: Security) -> None:
        if "STARTTLS" not in self.offered:
            raise Insecure(
                f"{self.target.name}: the server offers no STARTTLS",
                kind="no_starttls",
                hint="smtps:// speaks TLS at once; --tls none sends in the clear, and never a password",
            )
        answer = self.ask("STARTTLS")
        if answer.code != 220:
            raise Insecure(f"{self.target.name}: STARTTLS was refused: {answer}", kind="no_starttls")
        if self._replies.pending or self._unasked:
            raise Insecure(
                f"{self.target.name}: the server sent more in the clear behind its answer to STARTTLS",
                kind="injected",
                hint="somebody between here and the server may have put it there, or the server is broken",
            )
        self.clear_offered = self.offered
        self.secure(security)

    def login(self, user: str, secret: str, *, mechanism: str | None = None, bearer: bool = False) -> None:
        """Raises AuthRefused, Temporary, No where nothing fits, Insecure where the secret would be seen."""
        from netkit.mail.sasl.client import ROUNDS, SECRET_ON_WIRE, choose, client

        if "AUTH" not in self.offered:
            raise No(
                f"{self.target.name}: the server offers no AUTH",
                kind="no_auth",
                hint=None if self.wire.tls else "some offer it under TLS alone: --tls starttls",
            )
        name = choose(self.offered["AUTH"], mechanism, bearer=bearer)
        if name in SECRET_ON_WIRE and self.wire.tls is None and not self.target.local:
            raise Insecure(
                f"{self.target.name}: AUTH {name} would send the secret in the clear",
                kind="plaintext",
                hint="smtps://, or --tls starttls; without TLS netkit logs in to this machine alone",
            )
        endpoint = self.target.endpoint
        attempt = client(name, user, secret, host=endpoint.host, port=endpoint.port)
        first = attempt.start()
        told = "" if first is None else b64encode(first).decode() or "="
        self.wire.hide(secret.encode("utf-8", "surrogateescape"))
        hidden = [secret]
        reply = self._tell(f"AUTH {name} {told}".strip(), told, hidden)
        for _ in range(ROUNDS):
            if reply.code != 334:
                break
            told = b64encode(attempt.step(self._challenge(reply))).decode()
            reply = self._tell(told, told, hidden)
        else:
            raise PeerError(f"{self.target.name}: AUTH {name} does not end after {ROUNDS} challenges", kind="sasl")
        self.lap("auth")
        if not reply.ok:
            said = f"{reply} ({attempt.why})" if attempt.why else str(reply)
            kind = Temporary if reply.temporary else AuthRefused
            raise kind(f"{self.target.name} does not let {user} in: {said}")
        attempt.finished()
        self.auth = name

    def _challenge(self, reply: Reply) -> bytes:
        text = "".join(reply.lines).strip()
        try:
            return b64decode(text, validate=True)
        except ValueError as exc:
            raise PeerError(f"{self.target.name}: a challenge that is no base64: {text[:60]!r}", kind="sasl") from exc

    def _tell(self, line: str, told: str, hidden: list[str]) -> Reply:
        """Send what is secret. Servers repeat lines that they do not understand, and errors quote servers: what was
        told is masked in the answer."""
        hidden.append(told)
        reply = self.ask_line(f"{line}\r\n".encode(), told)
        lines = reply.lines
        for secret in hidden:
            if len(secret) >= SHORTEST:
                lines = tuple(line.replace(secret, "***") for line in lines)
        return reply._replace(lines=lines)

    def quit(self) -> str | None:
        """End the session; what went wrong with that, as a remark: the messages were answered before."""
        self.wire.deadline = Deadline.after(min(LAST_WORDS, round(self.wire.deadline.left, 1)))
        try:
            self.queue_quit()
            self.until(lambda: self._ended)
        except NetkitError as exc:
            return None if self._ended else f"QUIT was not answered: {exc.message}"
        return None

    def queue_quit(self) -> None:
        """QUIT, unless it is under way; also to a server that is out of step, since it brings nothing about."""
        if not self._quitting:
            self._quitting = True
            self._queue(command("QUIT"), self._took_quit)

    def _took_quit(self, reply: Reply) -> None:
        self._ended = True

    def queue(self, line: bytes, take: Callable[[Reply], object], secret: str = "") -> None:
        """Send a command; `take` gets its answer. Raises Temporary behind a 421, PeerError where the server is ahead:
        what it says next would pass for the answer to another command."""
        if gone := self.closing:
            raise gone
        if self._unasked:
            raise PeerError(f"{self.target.name}: an answer that nothing asked for: {self._unasked[0]}", kind="unasked")
        self._queue(line, take, secret)

    @property
    def closing(self) -> Temporary | None:
        """The server's last word, if that is that it hangs up (RFC 5321 4.2.3): it does nothing more."""
        last = self._last
        return Temporary(f"{self.target.name}: {last}") if last is not None and last.code == 421 else None

    def _queue(self, line: bytes, take: Callable[[Reply], object], secret: str = "") -> None:
        self._waiting.append((take, len(line)))
        self._under_way += len(line)
        self.wire.queue(line, secret.encode())

    def queue_within(self, line: bytes, take: Callable[[Reply], object], window: int) -> None:
        """Queue a command as soon as the window has room for it."""
        while len(self._waiting) >= window or self._under_way >= WINDOW_BYTES:
            self.turn()
        self.queue(line, take)

    def expect(self, take: Callable[[Reply], object]) -> None:
        """An answer to what is no command, the message. A server may give it before it is asked for: a refusal."""
        if self._unasked and not self._waiting:
            take(self._unasked.pop(0))
        else:
            self._waiting.append((take, 0))

    def until(self, test: Callable[[], bool]) -> None:
        while not test():
            self.turn()

    def turn(self) -> None:
        try:
            for reply in self._replies.feed(self.wire.turn()):
                self._last = reply
                if not self._waiting:
                    self._unasked.append(reply)
                    continue
                take, size = self._waiting.popleft()
                self._under_way -= size
                take(reply)
        except (PeerError, Unreachable) as exc:
            raise self._told(exc) from exc
        if self._waiting and (gone := self.closing):  # those will not be answered, whether it hangs up or waits
            raise gone

    def _told(self, exc: NetkitError) -> NetkitError:
        """What the server said before it hung up is why."""
        if gone := self.closing:
            return gone
        if exc.kind == "closed":
            count = len(self._waiting)
            due = f" with {count} {'answer' if count == 1 else 'answers'} due" if count else ""
            return PeerError(f"{exc.message}{due}", kind="closed")
        if isinstance(exc, PeerError):
            return PeerError(f"{self.target.name}: {exc.message}", kind=exc.kind, hint=exc.hint)
        return exc

    def secure(self, security: Security) -> None:
        from netkit.mail.smtp.tls_facts import tls_facts

        self.tls = tls_facts(self.wire.start_tls(self.target.endpoint.host, security))
        self.lap("tls")

    def _own_address(self) -> str:
        """An address literal (RFC 5321 4.1.3): always true, where a host's name for itself often is not."""
        with suppress(OSError):
            own = self.wire.socket.getsockname()
            if isinstance(own, tuple):
                return f"[IPv6:{own[0].partition('%')[0]}]" if ":" in own[0] else f"[{own[0]}]"
        return "localhost"


def open_session(
    target: Target,
    *,
    security: Security,
    deadline: Deadline,
    helo: str | None = None,
    family: int = 0,
    on_event: OnEvent | None = None,
) -> Session:
    """A session up to the point where logging in is due. Raises Unreachable, TimedOut, Insecure, PeerError, ..."""
    session = connected(target, deadline=deadline, family=family, on_event=on_event)
    try:
        session.begin(security, helo)
    except BaseException:
        session.wire.close()
        raise
    return session


def connected(target: Target, *, deadline: Deadline, family: int = 0, on_event: OnEvent | None = None) -> Session:
    """A session in which nothing has been said."""
    began = monotonic()
    connection = connect(target.endpoint, deadline=deadline, family=family, on_event=on_event)
    return Session(target, Wire(connection, target.name, deadline, on_event), began=began)


def refusal(what: str, reply: Reply, hint: str | None = None) -> NetkitError:
    """The error for an answer that is no yes: Temporary for 4xx."""
    return (Temporary if reply.temporary else No)(f"{what}: {reply}", hint=hint)
