"""A client of a chat: connects, says who it is, hands over lines, and comes back when the connection is lost.

It runs on a loop (netkit.net.loop) that its owner turns; connecting happens in a thread, so that whoever types is not
stopped by a name server. Its callbacks are called in the loop. The first connection has to succeed; with `reconnect`
one that is lost later is tried again, for as long as it takes, unless the server says that it does not want us.
"""

import time
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Literal, NamedTuple

from netkit.chat.join.backoff import Backoff
from netkit.chat.join.dial import Dialed, dial
from netkit.chat.join.farewell import failure, worth_another_try
from netkit.chat.join.link import ENOUGH, Link
from netkit.chat.join.received import Received
from netkit.chat.join.talk import LineTalk, Talk, Wanted
from netkit.errors import Insecure, NetkitError, Unreachable
from netkit.events import OnEvent
from netkit.net.address import Endpoint
from netkit.net.deadline import Deadline
from netkit.net.loop import Loop, Timer
from netkit.net.tls_client import Security

LINGER = 1.0  # seconds that a server has to close after us, before we go without its answer
PATIENT = 30  # times that long for a server that takes what was said slowly

StateName = Literal["connecting", "opening", "password", "open", "away", "ended"]


class State(NamedTuple):
    """password: the user is to be asked for it, `give_password` takes it. away: why, and seconds to the next try."""

    name: StateName
    why: str = ""
    pause: float = 0.0


class Client:
    """on_end: None when all went well. Nothing is called after it."""

    def __init__(
        self,
        loop: Loop,
        target: Endpoint,
        *,
        on_lines: Callable[[Sequence[Received]], None],
        on_end: Callable[[NetkitError | None], None],
        on_state: Callable[[State], None] = lambda state: None,
        on_room: Callable[[], None] = lambda: None,
        wanted: Wanted = Wanted(),  # noqa: B008 - immutable
        security: Security | None = None,
        reconnect: bool = False,
        connect_timeout: float = 10.0,
        talk: Talk | None = None,
        backoff: Backoff | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        self.loop, self.target = loop, target
        self.state = State("connecting")
        self.talk: Talk = talk or LineTalk()
        self._on_lines, self._on_end, self._on_state, self._on_room = on_lines, on_end, on_state, on_room
        self._wanted = wanted
        self._security = security
        self._reconnect = reconnect
        self._connect_timeout = connect_timeout
        self._backoff = backoff or Backoff()
        self._on_event = on_event
        self._link: Link | None = None
        self._was_open = False  # once
        self._private = False
        self._opened = 0.0
        self._finishing = self._leaving = False
        self._timer: Timer | None = None
        self._round = 0

    # What its owner does.

    def start(self) -> None:
        """Connect."""
        self._round += 1
        number = self._round
        self._enter(State("connecting"))
        Thread(target=self._dial, args=(number,), name="netkit dial", daemon=True).start()

    @property
    def nick(self) -> str | None:
        """As the server has confirmed it."""
        return self.talk.nick

    @property
    def room(self) -> str:
        return self.talk.room

    @property
    def takes_more(self) -> bool:
        """Whether it is the time to say something."""
        link = self._link
        is_open = self.state.name == "open" and not self._finishing and link is not None
        return is_open and self.talk.takes_more and link is not None and link.unsent < ENOUGH

    def say(self, line: bytes) -> bool:
        """Send a line, without its end; False when it is not taken: not connected, or too much waits."""
        if self.state.name != "open" or self._link is None:
            return False
        return self._link.send(self.talk.said(line))

    def give_password(self, password: str) -> None:
        self._enter(State("opening"))
        self.talk.typed(password)
        self._await_answer()

    def finish(self) -> None:
        """Nothing more will be said: close our side when all is sent, and read on until the server closes its."""
        self._finishing = True
        if self.state.name == "open":
            self._close_ours()
        elif self.state.name == "away":
            self._end(failure(str(self.target), None, "the connection was lost"))

    def leave(self) -> None:
        """End: what was said is sent, what still comes is not shown, and the server may take LINGER to close."""
        if self.state.name == "ended" or self._leaving:
            return
        self._leaving = True
        if self._link is None or self.state.name != "open":
            self._end(None)
        else:
            self._close_ours()
            self._wait_for_the_end()

    def _close_ours(self) -> None:
        self.talk.finish()
        if self._link is not None and not self.talk.closes:
            self._link.finish()

    def pause(self, paused: bool) -> None:
        """Do not read for now: whoever is shown the lines cannot keep up."""
        if self._link is not None:
            self._link.pause(paused)

    def close(self) -> None:
        """Let go of it, now."""
        self._round += 1
        self._cancel()
        if self._link is not None:
            self._link.close()

    # Connecting.

    def _dial(self, number: int) -> None:
        result: Dialed | NetkitError | BaseException
        try:
            result = dial(
                self.target,
                security=self._security,
                deadline=Deadline.after(self._connect_timeout),
                on_event=self._on_event,
            )
        except BaseException as exc:  # a bug shows in the loop's thread
            result = exc
        self.loop.soon(lambda: self._dialed(number, result))

    def _dialed(self, number: int, result: Dialed | BaseException) -> None:
        if number != self._round:
            if isinstance(result, Dialed):
                result.wire.close()
        elif isinstance(result, NetkitError):
            self._failed(result)
        elif isinstance(result, BaseException):
            raise result
        else:
            self._connected(result)

    def _connected(self, dialed: Dialed) -> None:
        self._private = dialed.private
        self._link = Link(
            self.loop,
            dialed.wire,
            dialed.address,
            on_data=self._came,
            on_end=self._lost,
            on_room=self._on_room,
            on_event=self._on_event,
        )
        self._enter(State("opening"))
        wanted = self._wanted._replace(password=self._password)
        self._show(self.talk.begin(self._send, wanted, again=self._was_open))
        self._await_answer()

    def _password(self) -> str | None:
        if not self._private:
            raise Insecure(
                f"{self.target}: the password would be sent in the clear",
                kind="plaintext",
                hint="tls://; without TLS netkit says a password to this machine alone",
            )
        return self._wanted.password()

    def _send(self, data: bytes, secret: bytes) -> None:
        if self._link is not None:
            self._link.send(data, secret=secret)

    def _await_answer(self) -> None:
        """Go on with the opening when the server owes an answer and gives none."""
        self._cancel()
        if (patience := self.talk.patience) is not None:
            self._timer = self.loop.later(patience, self._waited)

    def _waited(self) -> None:
        self.talk.waited()
        self._opening_went_on()

    def _opening_went_on(self) -> None:
        if self._link is None or not self._link.open:
            return
        if self.talk.stage != "open":
            if self.talk.stage == "asking" and self.state.name != "password":
                self._enter(State("password"))
            self._await_answer()
            return
        self._cancel()
        self._was_open = True
        self._opened = self.loop.now
        self._enter(State("open"))
        if self._finishing:
            self._close_ours()
        else:
            self._on_room()

    # What comes.

    def _came(self, data: bytes) -> None:
        stage, took = self.talk.stage, self.talk.takes_more
        try:
            found = self.talk.came(data)
        except NetkitError as exc:
            self._end(_about(self.target, exc))
            return
        self._show(found)
        if self.talk.failure is not None:
            self._end(_about(self.target, self.talk.failure))
        elif self.talk.stage != stage and self.state.name != "ended":
            self._opening_went_on()
        elif not took and self.takes_more:
            self._on_room()

    def _show(self, found: list[Received]) -> None:
        if found and not self._leaving:
            now = time.time()
            self._on_lines([one if one.time else one._replace(time=now) for one in found])

    # How it ends.

    def _lost(self, reason: str | None) -> None:
        """The server closed its side (None), or the connection broke."""
        self._show(self.talk.ended())
        exc = _about(self.target, self.talk.verdict(str(self.target), reason or "the server closed the connection"))
        answered = self._finishing and self.state.name == "open" and reason is None and isinstance(exc, Unreachable)
        if self._leaving or answered or self.talk.said_goodbye:
            self._end(None)
            return
        self._backoff.lasted(self.loop.now - self._opened if self.state.name == "open" else 0.0)
        self._failed(exc)

    def _failed(self, exc: NetkitError) -> None:
        self._link = None
        again = self._reconnect and self._was_open and not self._finishing and worth_another_try(exc)
        if self._leaving:
            self._end(None)
        elif not again:
            self._end(exc)
        else:
            self._cancel()
            pause = self._backoff.wait()
            self._timer = self.loop.later(pause, self.start)
            self._enter(State("away", exc.message, pause))

    def _wait_for_the_end(self, turns: int = 0) -> None:
        """The server has LINGER, from when it has taken all; for that it has a while."""
        busy = self._link is not None and (self._link.unsent or self.talk.busy)
        if busy and turns < PATIENT:
            self._timer = self.loop.later(LINGER, lambda: self._wait_for_the_end(turns + 1))
        else:
            self._timer = self.loop.later(LINGER, lambda: self._end(None))

    def _end(self, exc: NetkitError | None) -> None:
        if self.state.name == "ended":
            return
        self.close()
        self._enter(State("ended"))
        self._on_end(exc)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _enter(self, state: State) -> None:
        self.state = state
        self._on_state(state)


def _about(target: Endpoint, exc: NetkitError) -> NetkitError:
    """The error, with whom it is about in front."""
    named = str(target)
    if named not in exc.message:
        exc.message = f"{named}: {exc.message}"
    return exc
