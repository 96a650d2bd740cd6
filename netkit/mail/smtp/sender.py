"""Messages through one session, as fast as its answers allow, and what became of each recipient.

Pipelined (RFC 2920): an envelope goes in one write with DATA, and the next one, or QUIT, rides behind the final dot,
so that a message costs about one round trip; two where it is sent behind a login. A small message goes with its
envelope where BDAT is offered (RFC 3030). A connection that ends before the final dot has left means that nothing was
delivered; one that ends after it, before the answer, leaves that unknown.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from netkit.errors import LocalFailure, NetkitError, PeerError
from netkit.mail.dots import DotWriter
from netkit.mail.smtp.protocol import command
from netkit.mail.smtp.session import WINDOW, Session
from netkit.mail.smtp.transaction import Transaction

UNSENT = 256 * 1024  # bytes of a message that wait here for the peer
ALONG = 64 * 1024  # bytes of a message that goes with its envelope, before a recipient is accepted


class Job:
    """A message to send. chunks: its bytes, CRLF line ends alone; mark: how many bytes had gone when its end had."""

    def __init__(self, transaction: Transaction, chunks: Callable[[], Iterator[bytes]]) -> None:
        self.transaction = transaction
        self.chunks = chunks
        self.opened = False  # its envelope is under way
        self.mark: int | None = None
        self.finals = 0  # answers to the message that are due


class _Early(Exception):
    """The server answered a message before its end."""


def send(
    session: Session,
    jobs: Iterable[Job],
    *,
    all_or_none: bool = False,
    eager: bool = True,
    chunking: bool = True,
    pipelining: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Transaction]:
    """Each job's transaction when it is decided, in their order.

    all_or_none: nothing is sent unless every recipient is accepted. eager: the next job is asked for before the last
    one is answered, and QUIT follows the last at once. on_progress: called with the bytes of a message that have gone,
    and all of them. The network's and the server's failures are not raised: `session.broken` has them, and the
    transactions that they hit say what is known.
    """
    sender = Sender(session, all_or_none, chunking, pipelining and session.pipelining, on_progress)
    waiting = iter(jobs)
    flying: deque[Job] = deque()
    try:
        while True:
            if not flying:
                job = next(waiting, None)
                if job is None:
                    return
                flying.append(job)
            job = flying[0]
            sender.open(job)
            if sender.hand_over(job) and eager and sender.pipelined:
                upcoming = next(waiting, None)
                if upcoming is None:
                    session.queue_quit()
                else:
                    flying.append(upcoming)
                    if sender.overlapping:
                        sender.open(upcoming)
            sender.settle(job)
            session.lap("data")
            yield flying.popleft().transaction
    except NetkitError as exc:
        session.broken = exc
        for job in flying:
            sender.break_off(job)
    except _Early:
        sender.cut_short(flying[0])
        for job in list(flying)[1:]:
            job.transaction.abandoned()
    yield from [job.transaction for job in flying]


class Sender:
    """The steps of one message after the other; their answers arrive whenever the session turns."""

    def __init__(
        self,
        session: Session,
        all_or_none: bool,
        chunking: bool,
        pipelined: bool,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self.session = session
        self.all_or_none = all_or_none
        self.pipelined = pipelined
        self.window = WINDOW if pipelined else 1
        # Dovecot's submission server, 2.3 to 2.4, ends by a failed assertion when it has read a RCPT before its answer
        # to the message is out: the answer is lost, and the message is delivered. It lets nobody send without a login.
        self.overlapping = session.auth is None
        # LMTP has as many answers to BDAT as recipients were accepted, and how many that is must be known before.
        self.bdat = chunking and "CHUNKING" in session.offered and not session.lmtp
        self.on_progress = on_progress
        self.stale = False  # a transaction that came to nothing is open at the server

    def open(self, job: Job) -> None:
        """The envelope, and what may go along with it; once."""
        deal, session = job.transaction, self.session
        if job.opened:
            return
        job.opened = True
        if self.stale:
            session.queue_within(command("RSET"), lambda reply: None, self.window)
            self.stale = False
        session.queue_within(deal.mail_command(), deal.took_mail, self.window)
        if not self.pipelined:
            session.until(lambda: deal.mail is not None)
        for recipient in deal.recipients:
            if not self.pipelined and deal.mail is not None and not deal.mail.ok:
                deal.took_rcpt(deal.mail)
                continue
            session.queue_within(deal.rcpt_command(recipient.address), deal.took_rcpt, self.window)
        if not self.pipelined or self.all_or_none:
            return
        if not self.bdat:
            session.queue_within(command("DATA"), deal.took_data, self.window)
        elif deal.content.size <= ALONG:
            self._bdat(job)

    def hand_over(self, job: Job) -> bool:
        """The message itself; whether it is on its way to being answered, so that more may follow it."""
        deal, session = job.transaction, self.session
        if job.mark is not None:  # it went along
            return True
        session.until(lambda: deal.decided)
        asked = self.pipelined and not self.all_or_none and not self.bdat
        if not deal.accepted or (self.all_or_none and deal.some_refused):
            deal.abandoned()
            if asked:
                session.until(lambda: deal.data is not None)
            if deal.data is not None and deal.data.code == 354:  # a lone dot, and nobody to get it (RFC 2920 3.1)
                if session.lmtp:  # the dot has an answer a recipient, so none (RFC 2033 4.2)
                    raise PeerError(f"{session.target.name}: DATA was answered with 354 for nobody", kind="mispaired")
                job.finals = 1
                session.queue(b".\r\n", deal.took_final)
            else:
                self.stale = True
            return False
        if self.bdat:
            session.lap("envelope")
            self._bdat(job)
            return True
        if not asked:
            session.queue_within(command("DATA"), deal.took_data, self.window)
        session.until(lambda: deal.data is not None)
        session.lap("envelope")
        if deal.data is None or deal.data.code != 354:
            self.stale = True
            return False
        self._data(job)
        return True

    def settle(self, job: Job) -> None:
        """Wait for the answers to the message."""
        deal = job.transaction
        self.session.until(lambda: deal.decided and len(deal.final) >= job.finals)
        if job.mark is not None and deal.accepted:
            if not self._has_left(job):
                raise _Early
            deal.settle(lmtp=self.session.lmtp)

    def break_off(self, job: Job) -> None:
        """What is known of a message when the session has ended."""
        deal, session = job.transaction, self.session
        if deal.final and not self._has_left(job):
            self.cut_short(job)
        elif not self._has_left(job) or (session.closing and not deal.final):
            deal.abandoned()
        elif len(deal.final) < job.finals:
            deal.lost()
        else:
            deal.settle(lmtp=session.lmtp)

    def cut_short(self, job: Job) -> None:
        """The server answered before the message's end had left, so whatever it took is not that message."""
        self.session.broken = job.transaction.cut_short(self.session.target.name)

    def _has_left(self, job: Job) -> bool:
        """Whether the server may have all of the message."""
        return job.mark is not None and self.session.wire.sent >= job.mark

    def _data(self, job: Job) -> None:
        deal, session = job.transaction, self.session
        job.finals = len(deal.accepted) if session.lmtp else 1
        for _ in range(job.finals):
            session.expect(deal.took_final)
        dots = DotWriter()
        self._stream(job, dots.feed)
        session.wire.queue(dots.end())
        job.mark = session.wire.sent + session.wire.unsent

    def _bdat(self, job: Job) -> None:
        deal, session = job.transaction, self.session
        job.finals = 1
        session.expect(deal.took_final)
        session.wire.queue(b"BDAT %d LAST\r\n" % deal.content.size)
        self._stream(job, bytes)
        job.mark = session.wire.sent + session.wire.unsent

    def _stream(self, job: Job, dotted: Callable[[bytes], bytes]) -> None:
        """All of the message, as the peer takes it."""
        deal, wire = job.transaction, self.session.wire
        size = 0
        for chunk in job.chunks():
            if deal.final:  # a server that does not hang up takes what would follow for commands
                raise _Early
            size += len(chunk)
            if size > deal.content.size:
                break
            wire.queue(dotted(chunk))
            while wire.unsent > UNSENT:
                self.session.turn()
                if deal.final:
                    raise _Early
            if self.on_progress:
                self.on_progress(size, deal.content.size)
        if size != deal.content.size:
            raise LocalFailure(
                "a file changed while it was being sent: nothing was delivered", kind="changed", hint="send it again"
            )
