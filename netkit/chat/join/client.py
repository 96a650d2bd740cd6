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
from netkit.chat.join.farewell import failure, is_goodbye, worth_another_try
from netkit.chat.join.link import ENOUGH, Link
from netkit.chat.join.opening import Opening
from netkit.chat.join.protocol import MAX_LINE, Lines
from netkit.chat.join.received import Received, parse
from netkit.errors import Insecure, NetkitError, Unreachable
from netkit.events import OnEvent
from netkit.net.address import Endpoint
from netkit.net.deadline import Deadline
from netkit.net.loop import Loop, Timer
from netkit.net.tls_client import Security

LINGER = 1.0  # seconds that a server has to close after us, before we go without its answer
MAX_NAME = 64  # characters of a nick or a room that a server tells us

StateName = Literal["connecting", "opening", "password", "open", "away", "ended"]


class State(NamedTuple):
    """password: the user is to be asked for it, `give_password` takes it. away: why, and seconds to the next try."""

    name: StateName
    why: str = ""
    pause: float = 0.0


class Wanted(NamedTuple):
    """Who to be. password: gives it when the server asks, None to ask the user. strict: a refused name is an error."""

    nick: str | None = None
    room: str | None = None
    password: Callable[[], str | None] = lambda: None
    strict: bool = False


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
        max_line: int = MAX_LINE,
        backoff: Backoff | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        self.loop, self.target = loop, target
        self.state = State("connecting")
        self.nick: str | None = None  # as the server has confirmed it
        self.room = ""
        self._on_lines, self._on_end, self._on_state, self._on_room = on_lines, on_end, on_state, on_room
        self._wanted = wanted
        self._security = security
        self._reconnect = reconnect
        self._connect_timeout = connect_timeout
        self._max_line = max_line
        self._backoff = backoff or Backoff()
        self._on_event = on_event
        self._link: Link | None = None
        self._was_open = False  # once
        self._opening = self._new_opening()
        self._lines = Lines(max_line)
        self._last: Received | None = None
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
    def takes_more(self) -> bool:
        """Whether it is the time to say something."""
        return self.state.name == "open" and not self._finishing and self._link is not None and (
            self._link.unsent < ENOUGH
        )  # fmt: skip

    def say(self, line: bytes) -> bool:
        """Send a line, without its end; False when it is not taken: not connected, or too much waits."""
        if self.state.name != "open" or self._link is None:
            return False
        return self._link.send(line + b"\n")

    def give_password(self, password: str) -> None:
        self._enter(State("opening"))
        self._opening.typed(password)
        self._await_answer()

    def finish(self) -> None:
        """Nothing more will be said: close our side when all is sent, and read on until the server closes its."""
        self._finishing = True
        if self.state.name == "open" and self._link is not None:
            self._link.finish()
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
            self._link.finish()
            self._wait_for_the_end()

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
        self._lines = Lines(self._max_line)
        self._last = None
        self._opening = self._new_opening()
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
        if self._was_open:
            self._on_lines([Received("gap", time=time.time())])
        self._enter(State("opening"))
        self._await_answer()

    def _new_opening(self) -> Opening:
        wanted = self._wanted
        return Opening(
            self._send,
            nick=self.nick or wanted.nick,
            room=self.room or wanted.room,
            password=self._password,
            strict=wanted.strict and not self._was_open,
        )

    def _password(self) -> str | None:
        if not self._private:
            raise Insecure(
                f"{self.target}: the password would be sent in the clear",
                kind="plaintext",
                hint="tls://; without TLS netkit says a password to this machine alone",
            )
        return self._wanted.password()

    def _send(self, line: bytes, secret: bool) -> None:
        if self._link is not None:
            self._link.send(line + b"\n", secret=line if secret else b"")

    def _await_answer(self) -> None:
        """Go on with the opening when the server owes an answer and gives none."""
        self._cancel()
        if (patience := self._opening.patience) is not None:
            self._timer = self.loop.later(patience, self._waited)

    def _waited(self) -> None:
        self._opening.waited()
        self._opening_went_on()

    def _opening_went_on(self) -> None:
        if self._link is None or not self._link.open:
            return
        if not self._opening.done:
            if self._opening.step == "asking" and self.state.name != "password":
                self._enter(State("password"))
            self._await_answer()
            return
        self._cancel()
        self._was_open = True
        self._opened = self.loop.now
        self._enter(State("open"))
        if self._finishing:
            self._link.finish()
        else:
            self._on_room()

    # What comes.

    def _came(self, data: bytes) -> None:
        self._heard(self._lines.feed(data))
        try:
            self._lines.check()
        except NetkitError as exc:
            self._end(_about(self.target, exc))

    def _heard(self, raw: list[bytes]) -> None:
        now = time.time()
        found = []
        for line in raw:
            one = parse(line)._replace(time=now)
            self._know_myself(one)
            found.append(one._replace(room=self.room))
        if not found:
            return
        self._last = found[-1]
        if not self._leaving:
            self._on_lines(found)
        if self._opening.done:
            return
        step = self._opening.step
        try:
            for one in found:
                self._opening.heard(one)
        except NetkitError as exc:
            self._end(_about(self.target, exc))
            return
        if self._opening.step != step:
            self._opening_went_on()

    def _know_myself(self, one: Received) -> None:
        """`* you are bob`, `* you are in lobby`."""
        if one.kind == "notice" and one.text.startswith(b"you are "):
            words = one.text[8:].decode("utf-8", "backslashreplace").split(" ")
            if not words[-1].isprintable() or len(words[-1]) > MAX_NAME:
                return
            if len(words) == 1:
                self.nick = words[0]
            elif len(words) == 2 and words[0] == "in":
                self.room = words[1]

    # How it ends.

    def _lost(self, reason: str | None) -> None:
        """The server closed its side (None), or the connection broke."""
        self._heard(self._lines.end())
        if self.state.name == "ended":  # the last line was an error
            return
        exc = failure(str(self.target), self._last, reason or "the server closed the connection")
        answered = self._finishing and self.state.name == "open" and reason is None and isinstance(exc, Unreachable)
        if self._leaving or answered or is_goodbye(self._last):
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

    def _wait_for_the_end(self) -> None:
        """The server has LINGER, from when it has taken all."""
        if self._link is None or not self._link.unsent:
            self._timer = self.loop.later(LINGER, lambda: self._end(None))
        else:
            self._timer = self.loop.later(LINGER, self._wait_for_the_end)

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
