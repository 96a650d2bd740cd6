"""One POP3 session: connecting, TLS, logging in, commands in flight, and a way out that is always answered.

Nothing secret is sent before TLS, unless the server is on this machine. What came in the clear behind the answer to
STLS is refused: it would be read as if it came under TLS (CVE-2011-0411). CAPA is asked again then, and what it said
before is forgotten.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from netkit.errors import AuthRefused, Insecure, NetkitError, No, PeerError, Temporary, TimedOut
from netkit.events import OnEvent
from netkit.mail.pop3.listing import Listed, listed
from netkit.mail.pop3.protocol import Challenge, Data, Event, Replies, Status, command, response_code
from netkit.mail.target import Scheme, Target, Tls
from netkit.mail.wire import Wire
from netkit.net.connect import connect
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

SCHEMES = {"pop3": Scheme(110, Tls.auto), "pop3s": Scheme(995, Tls.implicit)}
# What a server may have to hold unread. Neither side can lock up for it (netkit.mail.wire); 300 of `TOP 1234 0`
# are 6,000 messages a second at 50 ms a round trip.
WINDOW = 300
WINDOW_BYTES = 4096
MAX_LIST = 16 * 1024 * 1024  # bytes of a listing: 400,000 messages with long UIDLs
TRY_AGAIN = ("IN-USE", "LOGIN-DELAY", "SYS/TEMP")  # RFC 2449 8.1, RFC 3206: try again
_TIMESTAMP = re.compile(rb"<[^<>\s]{3,200}@[^<>\s]{1,200}>")


class Reply(NamedTuple):
    """A whole answer; body: its lines as they came, None where there is none."""

    ok: bool
    text: bytes
    body: bytes | None


class Command(NamedTuple):
    """words: as they stand on the line. body: an +OK has one. secret: the part of it that no trace shows."""

    words: tuple[str, ...]
    body: bool = False
    secret: str = ""


LISTING = (Command(("LIST",), body=True), Command(("UIDL",), body=True))


class Session:
    """Used as `with`: leaving it closes the connection. `quit` before that makes deletions count."""

    def __init__(self, target: Target, wire: Wire) -> None:
        self.target = target
        self.wire = wire
        self.greeting = b""
        self._listing: list[Reply] = []  # LIST and UIDL that came with the login
        self.capabilities: dict[str, tuple[str, ...]] = {}
        self.clear_capabilities: dict[str, tuple[str, ...]] | None = None  # before STLS
        self._replies = Replies()
        self._events: deque[Event] = deque()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exc: object) -> None:
        self.wire.close()

    def ask(self, *words: str, body: bool = False, secret: str = "", limit: int = MAX_LIST) -> Reply:
        """Send one command and read its whole answer."""
        self._send(Command(words, body, secret))
        return self._reply(limit)

    def ask_together(self, *commands: Command) -> list[Reply]:
        """Several commands in one write where the server can, else one by one."""
        if not self.pipelining:
            return [self.ask(*words, body=body, secret=secret) for words, body, secret in commands]
        for each in commands:
            self._send(each)
        return [self._reply(MAX_LIST) for _ in commands]

    @property
    def pipelining(self) -> bool:
        return "PIPELINING" in self.capabilities

    def answers(self, commands: Iterable[Command], window: int) -> Iterator[Status]:
        """The answers in the order of the commands; at most `window` are under way, 1 where the server cannot.

        Whoever takes one with a body reads its `pieces` to the end before the next.
        """
        waiting = iter(commands)
        window = window if self.pipelining else 1
        flying: deque[int] = deque()
        size, more = 0, True
        while True:
            while more and len(flying) < window and size < WINDOW_BYTES:
                each = next(waiting, None)
                if each is None:
                    more = False
                else:
                    flying.append(self._send(each))
                    size += flying[-1]
            if not flying:
                return
            yield self._status()
            size -= flying.popleft()

    def pipeline(self, commands: Iterable[tuple[str, ...]], window: int, *, keep: int) -> Iterator[Reply]:
        """The answers, with a body, as `answers` gives them.

        keep: so many bytes of a body; the rest is read and dropped.
        """
        for status in self.answers((Command(words, body=True) for words in commands), window):
            body = bytearray()
            if status.has_body:
                for data in self.pieces():
                    body += data[: keep - len(body)]
            yield Reply(status.ok, status.text, bytes(body) if status.has_body else None)

    def stream(self, *words: str) -> Iterator[bytes]:
        """The body of one answer in pieces. Raises No or Temporary for -ERR."""
        self._send(Command(words, body=True))
        status = self._status()
        if not status.ok:
            raise refusal(f"{self.target.name}: {' '.join(words)}", status.text)
        yield from self.pieces()

    def login(
        self,
        user: str,
        secret: str,
        *,
        auth: str | None = None,
        bearer: bool = False,
        apop: bool = False,
        listing: bool = False,
    ) -> None:
        """Raises AuthRefused, Temporary, No where the server offers no such login, Insecure where it would be seen.

        secret: a password, or with bearer a token. auth: by this SASL mechanism, else by the strongest that hides the
        password; where there is none, by USER and PASS, and they go together. listing: `list` is what comes next, so
        its commands go along: a round trip less.
        """
        if apop:
            self._refuse_clear()
            self._let_in(user, self._apop(user, secret))
            return
        if bearer or auth is not None or "SASL" in self.capabilities:
            from netkit.mail.pop3.authenticate import way_in  # 2 ms of CPU

            name = way_in(self.capabilities, auth, bearer=bearer)
            if name is not None:
                self._by_sasl(name, user, secret, unasked=auth is None, bearer=bearer)
                return
        self._refuse_clear()
        more = LISTING if listing and self.pipelining else ()
        replies = self.ask_together(Command(("USER", user)), Command(("PASS", secret), secret=secret), *more)
        self._listing = replies[2:]
        self._let_in(user, *replies[:2])

    def _by_sasl(self, name: str, user: str, secret: str, *, unasked: bool, bearer: bool) -> None:
        from netkit.mail.pop3.authenticate import authenticate, others
        from netkit.mail.sasl.client import SECRET_ON_WIRE, client

        if unasked or name in SECRET_ON_WIRE:
            self._refuse_clear()
        endpoint = self.target.endpoint
        attempt = client(name, user, secret, host=endpoint.host, port=endpoint.port)
        answer = authenticate(self.target.name, attempt, self._login_turn)
        hint = others(self.capabilities["SASL"], name) if unasked and not bearer else None
        self._let_in(user, answer, why=attempt.why, hint=hint)

    def _apop(self, user: str, password: str) -> Reply:
        import hashlib  # 5 ms of CPU, and APOP is rare

        found = _TIMESTAMP.search(self.greeting)
        if not found:
            raise No(f"{self.target.name}: the greeting has no timestamp, so there is no APOP", kind="no_apop")
        digest = hashlib.md5(found[0] + password.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
        return self.ask("APOP", user, digest, secret=digest)

    def _let_in(self, user: str, *replies: Reply | Status, why: str = "", hint: str | None = None) -> None:
        """The answers to a login. Raises AuthRefused, Temporary, with why, which a challenge told, and the hint."""
        for reply in replies:
            if not reply.ok:
                error = refusal(f"{self.target.name} does not let {user} in", reply.text, AuthRefused)
                raise type(error)(f"{error.message} ({why})" if why else error.message, kind=error.kind, hint=hint)

    def stat(self) -> tuple[int, int]:
        """How many messages wait, and their bytes."""
        reply = self.ask("STAT")
        words = reply.text.split()
        if not reply.ok:
            raise refusal(f"{self.target.name}: STAT", reply.text)
        if len(words) < 2 or not all(word.isdigit() and len(word) < 19 for word in words[:2]):
            raise PeerError(f"{self.target.name}: STAT was answered with {shown(reply.text)!r}")
        return int(words[0]), int(words[1])

    def list(self) -> list[Listed]:
        """Every message, by its number. A server without UIDL has None there; lines that are no listing are skipped."""
        sizes, ids = self._listing or self.ask_together(*LISTING)
        self._listing = []
        if not sizes.ok:
            raise refusal(f"{self.target.name}: LIST", sizes.text)
        try:
            return listed(sizes.body or b"", ids.body or b"")
        except PeerError as exc:
            raise PeerError(f"{self.target.name}: {exc.message}", kind=exc.kind) from exc

    def quit(self) -> None:
        """End the session; the server deletes what is marked. Raises when it does not say so."""
        reply = self.ask("QUIT")
        if not reply.ok:
            raise refusal(f"{self.target.name}: QUIT", reply.text)

    def begin(self, security: Security) -> None:
        """Greeting, CAPA, and TLS as the target says."""
        if self.target.tls is Tls.implicit:
            self.wire.start_tls(self.target.endpoint.host, security)
        self._replies.expect()
        try:
            greeting = self._status()
        except TimedOut as exc:
            silent = f"{self.target.name}: no greeting within {self.wire.deadline.seconds:g} s"
            hint = "a server that speaks TLS at once waits for it: pop3s://" if self.wire.tls is None else None
            raise TimedOut(silent, hint=hint) from exc
        if not greeting.ok:
            raise refusal(f"{self.target.name}: the greeting", greeting.text, Temporary)
        self.greeting = greeting.text
        self._ask_capabilities()
        if self.target.tls is Tls.starttls:
            self._start_tls(security)

    def _start_tls(self, security: Security) -> None:
        if "STLS" not in self.capabilities:
            raise Insecure(
                f"{self.target.name}: the server offers no STLS",
                kind="no_starttls",
                hint="pop3s:// speaks TLS at once; without TLS netkit logs in to this machine alone",
            )
        answer = self.ask("STLS")
        if not answer.ok:
            raise Insecure(f"{self.target.name}: STLS was refused: {shown(answer.text)}", kind="no_starttls")
        if self._replies.pending or self._events:
            raise Insecure(
                f"{self.target.name}: the server sent more in the clear behind its answer to STLS",
                kind="injected",
                hint="somebody between here and the server may have put it there, or the server is broken",
            )
        self.wire.start_tls(self.target.endpoint.host, security)
        self.clear_capabilities = self.capabilities
        self._ask_capabilities()

    def _ask_capabilities(self) -> None:
        reply = self.ask("CAPA", body=True, limit=64 * 1024)
        self.capabilities = {}
        for line in (reply.body or b"").splitlines():
            words = line.decode("ascii", "replace").split()
            if words:
                self.capabilities[words[0].upper()] = tuple(words[1:])

    def _refuse_clear(self) -> None:
        """Raises Insecure where whoever listens would see what is sent."""
        if self.wire.tls is None and not self.target.local:
            raise Insecure(
                f"{self.target.name}: the password would be sent in the clear",
                kind="plaintext",
                hint="pop3s://, or --tls starttls; without TLS netkit logs in to this machine alone, or by --auth "
                "with a mechanism that does not show the password",
            )

    def _login_turn(self, line: bytes, secret: bytes) -> Status | Challenge:
        """Send a line of a login by SASL, without its line end, and read what the server says to it."""
        self._replies.expect(login=True)
        self.wire.queue(line + b"\r\n", secret)
        event = self._next()
        assert isinstance(event, (Status, Challenge))
        return event

    def _send(self, each: Command) -> int:
        data = command(*each.words)
        if self._replies.pending and not self._replies.due:  # else it would be taken for the answer to this
            raise PeerError(f"{self.target.name}: the server sent more than was asked for", kind="unasked")
        self._replies.expect(each.body)
        self.wire.queue(data, each.secret.encode("utf-8", "surrogateescape"))
        return len(data)

    def _next(self) -> Event:
        while not self._events:
            try:
                self._events.extend(self._replies.feed(self.wire.turn()))
            except PeerError as exc:
                if exc.kind == "closed":
                    count = self._replies.due
                    raise PeerError(
                        f"{exc.message} with {count} {'answer' if count == 1 else 'answers'} due", kind="closed"
                    ) from exc
                raise PeerError(f"{self.target.name}: {exc.message}", kind=exc.kind, hint=exc.hint) from exc
        return self._events.popleft()

    def _status(self) -> Status:
        event = self._next()
        assert isinstance(event, Status)
        return event

    def pieces(self) -> Iterator[bytes]:
        """The body of the answer that came last."""
        while isinstance(event := self._next(), Data):
            yield event.data

    def _reply(self, limit: int) -> Reply:
        status = self._status()
        if not status.has_body:
            return Reply(status.ok, status.text, None)
        body = bytearray()
        for data in self.pieces():
            body += data
            if len(body) > limit:
                raise PeerError(f"{self.target.name}: an answer of more than {limit} bytes", kind="too_long")
        return Reply(True, status.text, bytes(body))


def open_session(
    target: Target, *, security: Security, deadline: Deadline, family: int = 0, on_event: OnEvent | None = None
) -> Session:
    """A session up to the point where logging in is due. Raises Unreachable, TimedOut, Insecure, PeerError, ..."""
    connection = connect(target.endpoint, deadline=deadline, family=family, on_event=on_event)
    session = Session(target, Wire(connection, target.name, deadline, on_event))
    try:
        session.begin(security)
    except BaseException:
        session.wire.close()
        raise
    return session


def refusal(what: str, text: bytes, otherwise: type[NetkitError] = No) -> NetkitError:
    """The error for an -ERR: Temporary where its code says so."""
    kind = Temporary if response_code(text) in TRY_AGAIN else otherwise
    return kind(f"{what}: {shown(text) or 'refused without a reason'}")


def shown(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")[:500]
