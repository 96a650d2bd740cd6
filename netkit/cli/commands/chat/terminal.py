"""`chat join` on a terminal: what comes is written above the line that is being typed, which stays as it is.

prompt_toolkit (70 ms of CPU) edits that line. What comes is collected for a moment and written in one go: the line is
taken away, the lines are written, it is drawn again; all within one turn, so that nothing typed falls between, and
without leaving raw mode, in which a terminal would echo half a character. While the terminal is slow the server is not
read from, so what waits is bounded.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.shortcuts import CompleteStyle

from netkit.chat.join.client import State
from netkit.chat.join.people import People, mentions
from netkit.chat.join.received import Received
from netkit.cli.commands.chat.history import Typed, history_file
from netkit.cli.output.chat.line import BOLD, DIM, RESET, YELLOW, clock_time, hue, styled
from netkit.cli.output.escape import visible
from netkit.errors import NetkitError, TimedOut
from netkit.net.loop import Loop

if TYPE_CHECKING:
    from functools import partial

    from netkit.chat.join.client import Client

PAUSE = 0.02  # seconds between two writes: 50 a second look like all at once
MAX_WAITING = 256 * 1024  # characters that wait to be written, from which on the server is not read from
BELL_PAUSE = 1.0  # seconds between two bells
GOODBYE = 0.2  # seconds that a Ctrl-C may take (CONTRACT: time)


class Ended(Exception):
    """The line that is being typed is of no use any more."""


class Terminal:
    def __init__(
        self, loop: Loop, make: "partial[Client]", *, color: bool, bell: bool, clock: bool, history: bool
    ) -> None:
        self._loop = loop
        self._client = make(on_lines=self._lines, on_end=self._ended, on_state=self._state)
        self._color, self._bell, self._clock = color, bell, clock
        self._people = People()
        self._client.talk.names = self._people.known
        self._waiting: list[str] = []
        self._size = 0
        self._ring = False
        self._rang = self._wrote = float("-inf")
        self._flush: asyncio.TimerHandle | None = None
        self._due: asyncio.TimerHandle | None = None
        self._over = False
        self._failure: BaseException | None = None
        self._signal: int | None = None
        typed = Typed(history_file() if history else None, lambda: self._asking)
        self._session: PromptSession[str] = PromptSession(
            lambda: self._prompt(),
            output=Vt100_Output(sys.stdout, _size, term=os.environ.get("TERM"), enable_cpr=False),
            color_depth=None if color else ColorDepth.DEPTH_1_BIT,
            completer=Names(self._people),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            reserve_space_for_menu=0,
            history=typed,
            is_password=Condition(lambda: self._asking),
            erase_when_done=True,
            enable_suspend=True,
        )

    def run(self, timeout: float | None) -> None:
        """Until it ends. Raises what it ended with; KeyboardInterrupt for Ctrl-C."""
        if timeout is not None:
            self._loop.later(timeout, lambda: self._late(timeout))
        with suppress(asyncio.CancelledError):
            asyncio.run(self._main())
        if self._signal is not None:  # end by it, now that the terminal is as it was
            signal.signal(self._signal, signal.SIG_DFL)
            os.kill(os.getpid(), self._signal)
        if self._failure is not None:
            raise self._failure

    async def _main(self) -> None:
        self._aio = asyncio.get_running_loop()
        self._over_now = asyncio.Event()
        self._aio.add_reader(self._loop.fileno(), self._pump)
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._aio.add_signal_handler(number, self._signalled, number)
        try:
            with patch_stdout(raw=True):  # for what else is written: --trace
                self._client.start()
                self._pump()
                await self._type()
                self._write()
        finally:
            self._aio.remove_reader(self._loop.fileno())
            self._client.close()
            self._loop.close()

    async def _type(self) -> None:
        """Line by line, until it ends."""
        kept = ""
        while not self._over:
            try:
                text = await self._session.prompt_async(default=kept)
            except Ended:
                return
            except EOFError:
                await self._leave(None)
                return
            except KeyboardInterrupt:
                self._failure = KeyboardInterrupt()
                await self._leave(GOODBYE)
                return
            kept = self._entered(text)
            self._pump()

    async def _leave(self, patience: float | None) -> None:
        """Say all that was said, and wait for the server to close."""
        self._client.leave()
        self._pump()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over_now.wait(), patience)

    def _entered(self, text: str) -> str:
        """Say it; what cannot be said now is there to be sent again."""
        if self._asking:
            self._client.give_password(text)
            return ""
        lines = [line for line in text.splitlines() if line.strip()]
        for at, line in enumerate(lines):
            if line.strip() == "/quit" and self._client.state.name != "open":
                self._over = True
                return ""
            if not self._client.say(line.encode("utf-8", "surrogateescape")):
                self._note("not sent: " + ("too much waits" if self._client.state.name == "open" else "not connected"))
                return "\n".join(lines[at:])
            self._show(self._own(line))
        return ""

    def _own(self, line: str) -> str:
        """What was said, as others see it: nobody sends it back."""
        shown, name = visible(line, lines=True), self._client.nick or "you"
        if line.startswith("/") and not line.startswith("//"):
            return self._now() + (f"{DIM}{shown}{RESET}" if self._color else shown)
        head = f"{BOLD}\x1b[{hue(name)}m[{name}]{RESET}" if self._color else f"[{name}]"
        return f"{self._now()}{head} {shown.removeprefix('/')}"

    def _now(self) -> str:
        return clock_time(time.time(), color=self._color) if self._clock else ""

    # What the client tells.

    @property
    def _asking(self) -> bool:
        return self._client.state.name == "password"

    def _lines(self, found: Sequence[Received]) -> None:
        nick = self._client.nick
        for one in found:
            self._people.heard(one)
            mine = bool(nick) and one.kind in ("say", "me", "private") and (
                one.kind == "private" or mentions(one.text, nick or "")
            )  # fmt: skip
            self._ring |= mine
            self._show(styled(one, color=self._color, clock=self._clock, mine=mine))

    def _state(self, state: State) -> None:
        if state.name == "away":
            self._note(f"{state.why}; the next try in {state.pause:.0f} s")
        self._session.app.invalidate()

    def _ended(self, exc: NetkitError | None) -> None:
        self._over = True
        self._over_now.set()
        self._failure = self._failure or exc
        if self._session.app.is_running:
            self._session.app.exit(exception=Ended())

    def _late(self, timeout: float) -> None:
        self._client.close()
        self._ended(TimedOut(f"{self._client.target}: not done within {timeout:g} s"))

    def _signalled(self, number: int) -> None:
        self._signal = number
        self._ended(None)

    def _prompt(self) -> StyleAndTextTuples:
        client, state = self._client, self._client.state
        if state.name == "password":
            return [("bold", "password: ")]
        name = (client.nick or "") + (f"@{client.room}" if client.room not in ("", "lobby") else "")
        if state.name == "open":
            return [("bold", f"{name}> ")]
        words = {"connecting": "connecting", "opening": "connecting", "away": "not connected"}
        return [("fg:ansiyellow", f"({words.get(state.name, state.name)}) "), ("bold", f"{name}> ")]

    # Writing.

    def _note(self, text: str) -> None:
        line = visible(f"* {text}")
        self._show(self._now() + (f"{YELLOW}{line}{RESET}" if self._color else line))

    def _show(self, line: str) -> None:
        self._waiting.append(line)
        self._size += len(line)
        if self._size > MAX_WAITING:
            self._client.pause(True)
        if self._flush is None:
            self._flush = self._aio.call_later(max(0.0, self._wrote + PAUSE - self._aio.time()), self._write)

    def _write(self) -> None:
        """What waits, above the line that is being typed."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if not self._waiting:
            return
        app, output = self._session.app, self._session.output
        typing = app.is_running
        if typing:
            app.renderer.erase()
        output.write_raw("".join(f"{line}\r\n" for line in self._waiting))
        now = self._aio.time()
        if self._ring and self._bell and now - self._rang >= BELL_PAUSE:
            output.write_raw("\a")
            self._rang = now
        output.flush()
        if typing:
            app.renderer.reset()
            app.invalidate()
        self._waiting, self._size, self._ring = [], 0, False
        self._wrote = self._aio.time()
        self._client.pause(False)

    # The client's loop within asyncio's.

    def _pump(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        try:
            self._loop.turn(0)
        except BaseException as exc:
            self._failure = exc
            self._ended(None)
            return
        due = self._loop.next_due()
        if due is not None:
            self._due = self._aio.call_later(due, self._pump)


def _size() -> Size:
    try:
        columns, rows = os.get_terminal_size(1)
    except OSError:
        columns, rows = 80, 24
    return Size(rows=rows or 24, columns=columns or 80)


class Names(Completer):
    def __init__(self, people: People) -> None:
        self._people = people

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        size, words = self._people.complete(document.text_before_cursor)
        return [Completion(word, start_position=-size) for word in words]
