"""`deliver()`: messages to one server, tried again where that may help, with an outcome for every recipient.

Only what failed before the final dot left, or was answered with 4xx, is tried again: anything else could arrive twice.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from time import monotonic, sleep
from typing import NamedTuple

from netkit.errors import NetkitError, No, PeerError, Temporary, TimedOut, Unreachable
from netkit.events import OnEvent
from netkit.mail.message.content import Message
from netkit.mail.smtp.delivery import Delivery, Outcome, described
from netkit.mail.smtp.sender import Job, send
from netkit.mail.smtp.session import Session, open_session
from netkit.mail.smtp.transaction import Envelope, Status, Transaction
from netkit.mail.target import Target
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

PAUSE, MAX_PAUSE = 1.0, 60.0  # seconds before the second try, and before any: it doubles


class Login(NamedTuple):
    """secret: a password, or with bearer a token. mechanism: None for the best that is offered."""

    user: str
    secret: str
    mechanism: str | None = None
    bearer: bool = False


class Server(NamedTuple):
    """One that may take the message, and how its certificate is checked."""

    target: Target
    security: Security = Security()


class Manner(NamedTuple):
    """How to send. timeout: seconds for a message with all its tries, from names to the last answer."""

    login: Login | None = None
    helo: str | None = None
    all_or_none: bool = False
    pipelining: bool = True
    chunking: bool = True
    retries: int = 0
    rate: float | None = None  # messages a second
    timeout: float = 300.0
    family: int = 0
    on_event: OnEvent | None = None
    on_progress: Callable[[int, int], None] | None = None
    on_note: Callable[[str], None] | None = None  # what happens beside, and changes no outcome


class _Pending:
    """A message that is not through. left: recipients of whom nothing final is known."""

    def __init__(self, message: Message, recipients: Sequence[str], deadline: Deadline) -> None:
        self.message = message
        self.left = tuple(recipients)
        self.done: dict[str, Outcome] = {}
        self.attempts = 0
        self.deadline = deadline


def deliver(
    servers: Sequence[Server],
    envelope: Envelope,
    messages: Iterable[Message],
    manner: Manner,
    deadline: Deadline | None = None,
) -> Iterator[Delivery]:
    """A Delivery for each message, in their order but for those tried again; what fails is in it, not raised.

    servers: tried in this order until one can be reached. deadline: of the first message, where its time has begun
    already. Stops when no server can be reached or one breaks off.
    """
    run = _Run(servers, envelope, messages, manner, deadline)
    while run.more():
        yield from run.session()
    if run.failure is not None:
        unsent = tuple(Outcome(address, Status.unsent, None) for address in envelope.recipients)
        yield Delivery(servers[0].target.name, envelope.sender, unsent, 0, 0, error=run.failure)


class _Run:
    def __init__(
        self,
        servers: Sequence[Server],
        envelope: Envelope,
        messages: Iterable[Message],
        manner: Manner,
        deadline: Deadline | None,
    ) -> None:
        self.first = deadline
        self.servers = servers
        self.envelope = envelope
        self.fresh = iter(messages)
        self.manner = manner
        self.again: deque[_Pending] = deque()
        self.stopped = False
        self.failure: NetkitError | None = None  # there is no next message
        self.next_at = monotonic()
        self.resume_at = 0.0  # not before, for what is tried again

    def more(self) -> bool:
        """Whether there is something to send; it is in `again` then."""
        if not self.again and not self.stopped:
            try:
                message = next(self.fresh, None)
            except NetkitError as exc:  # a file that it is made of; those before it go their way
                self.failure, self.stopped = exc, True
                return False
            if message is not None:
                deadline, self.first = self.first or Deadline.after(self.manner.timeout), None
                self.again.append(_Pending(message, self.envelope.recipients, deadline))
        return bool(self.again)

    def session(self) -> Iterator[Delivery]:
        """One session: all that is waiting goes through it."""
        manner = self.manner
        deadline = self.again[0].deadline
        session = None
        sleep(min(max(0.0, self.resume_at - monotonic()), deadline.left))
        try:
            session = reach(self.servers, manner, deadline)
            pairs = self._pending(session)
            first = next(pairs)
        except NetkitError as exc:
            if session is not None:
                self._close(session)
            yield from self._decide(self.again.popleft(), None, session, exc)
            return
        with session:
            yield from self._through(session, chain([first], pairs))
            if session.broken is None and (remark := session.quit()) and manner.on_note:
                manner.on_note(remark)

    def _through(self, session: Session, pairs: Iterable[tuple[_Pending, Job]]) -> Iterator[Delivery]:
        """What became of each message."""
        manner = self.manner
        flying: deque[tuple[_Pending, Job]] = deque()

        def oldest() -> None:
            """The next message may be under way; the deadline is that of the one whose answer is waited for."""
            if flying:
                session.wire.deadline = flying[0][0].deadline

        def jobs() -> Iterator[Job]:
            with suppress(NetkitError):  # what the server cannot take is found again, and told, in the next session
                for pair in pairs:
                    flying.append(pair)
                    oldest()
                    yield pair[1]

        done = send(
            session,
            jobs(),
            all_or_none=manner.all_or_none,
            eager=manner.rate is None,
            chunking=manner.chunking,
            pipelining=manner.pipelining,
            on_progress=manner.on_progress,
        )
        try:
            for deal in done:
                pending, _ = flying.popleft()
                oldest()
                yield from self._decide(pending, deal, session, session.broken)
        except KeyboardInterrupt:
            # How much has left may not be counted yet when a signal comes.
            if manner.on_note and any(job.mark is not None for _, job in flying):
                manner.on_note("interrupted before the answer to the whole message: it may have been delivered")
            raise

    def _close(self, session: Session) -> None:
        with session:
            if session.broken is None:
                session.quit()

    def _pending(self, session: Session) -> Iterator[tuple[_Pending, Job]]:
        """What is to be sent now, each with its transaction. Raises No for what the server cannot take."""
        retried = len(self.again)
        while True:
            if retried:
                retried -= 1
            elif self.again or not self.more():
                return
            pending = self.again[0]
            if self._wait_turn() and not pending.attempts:
                pending.deadline = Deadline.after(self.manner.timeout)
            envelope = self.envelope._replace(recipients=pending.left)
            deal = Transaction(envelope, pending.message.content, session.offered)
            self.again.popleft()
            pending.attempts += 1
            yield pending, Job(deal, pending.message.chunks)

    def _wait_turn(self) -> bool:
        """Whether there was something to wait for."""
        if self.manner.rate is None:
            return False
        pause = self.next_at - monotonic()
        self.next_at = max(self.next_at, monotonic()) + 1 / self.manner.rate
        sleep(max(0.0, pause))
        return pause > 0

    def _decide(
        self, pending: _Pending, deal: Transaction | None, session: Session | None, error: NetkitError | None
    ) -> Iterator[Delivery]:
        """Keep what is final; try the rest again, or give the Delivery."""
        if deal is None:
            pending.attempts += 1
            outcomes = [Outcome(address, Status.unsent, None) for address in pending.left]
        else:
            outcomes = [Outcome(one.address, one.status, one.reply) for one in deal.recipients]
        pending.done |= {one.address: one for one in outcomes}
        may = error is None or isinstance(error, (Unreachable, TimedOut, Temporary))
        hopeful = (Status.deferred, Status.unsent) if error else (Status.deferred,)
        left = [one.address for one in outcomes if one.status in hopeful]
        pause = min(PAUSE * 2 ** (pending.attempts - 1), MAX_PAUSE)
        if left and may and pending.attempts <= self.manner.retries and pause < pending.deadline.left:
            pending.left = tuple(left)
            if self.manner.on_note:
                why = error.message if error else next(str(one.reply) for one in outcomes if one.address == left[0])
                self.manner.on_note(f"try {pending.attempts} failed ({why}); the next one is in {pause:g} s")
            self.resume_at = max(self.resume_at, monotonic() + pause)
            self.again.append(pending)
            return
        if error is not None:
            self.stopped = True
        yield self._delivery(pending, deal, session, error)

    def _delivery(
        self, pending: _Pending, deal: Transaction | None, session: Session | None, error: NetkitError | None
    ) -> Delivery:
        envelope = self.envelope
        recipients = tuple(pending.done[address] for address in envelope.recipients)
        undecided = any(one.status in (Status.unsent, Status.unknown) for one in recipients)
        whole = Delivery(
            self.servers[0].target.name,
            envelope.sender,
            recipients,
            pending.message.content.size,
            pending.attempts,
            data=(deal.final[-1] if deal.final else deal.data) if deal else None,
            error=error if undecided else None,
        )
        return described(whole, session, envelope)


def reach(servers: Sequence[Server], manner: Manner, deadline: Deadline) -> Session:
    """A session with the first server that can be reached and takes mail, logged in where that is asked for.

    One that is silent has an equal share of the time that is left, so that the others have theirs.
    """
    for left in range(len(servers), 0, -1):
        target, security = servers[-left]
        try:
            session = open_session(
                target,
                security=security,
                deadline=deadline if left == 1 else Deadline.after(round(deadline.left / left, 1)),
                helo=manner.helo,
                family=manner.family,
                on_event=manner.on_event,
            )
        except (Unreachable, TimedOut, Temporary, PeerError, No) as exc:
            if left == 1 or deadline.passed:
                raise
            if manner.on_note:
                manner.on_note(f"{exc.message}; the next server is {servers[1 - left].target.name}")
            continue
        session.wire.deadline = deadline
        log_in(session, manner.login)
        return session
    raise AssertionError("there is a server")


def log_in(session: Session, login: Login | None) -> None:
    if login is None:
        return
    try:
        session.login(login.user, login.secret, mechanism=login.mechanism, bearer=login.bearer)
    except BaseException:
        session.wire.close()
        raise
