"""What is said before the user's first line: the password where it is asked for, the nick, the room. Without a socket.

A server that wants a password takes the first line for it, so nothing is said before the server has said something,
or has said nothing for PATIENCE: there are servers that do not greet. `* password?` counts as the very first line
alone, since later the same words could be anybody's.
"""

import re
from collections.abc import Callable
from typing import Literal

from netkit.chat.join.farewell import is_refusal
from netkit.chat.join.received import Received, body_of
from netkit.errors import AuthRefused, No

PATIENCE = 1.0  # seconds for each answer that a server may owe
Step = Literal["greeting", "asking", "password", "nick", "room", "done"]

WRONG = b"that is not the password"
REFUSED = re.compile(rb".* (?:is taken|is reserved)|a nick is .*|a room has .*|there are \d+ rooms already", re.DOTALL)


class Opening:
    """password: gives it when it is asked for, None when the user has to be asked. strict: a nick or room that is
    refused is an error. say: takes a line to send, without its end, and whether it is a secret."""

    def __init__(
        self,
        say: Callable[[bytes, bool], None],
        *,
        nick: str | None = None,
        room: str | None = None,
        password: Callable[[], str | None] = lambda: None,
        strict: bool = False,
    ) -> None:
        self.step: Step = "greeting"
        self._say = say
        self._nick, self._room = nick, room
        self._password = password
        self._strict = strict
        self._typed = False

    @property
    def done(self) -> bool:
        return self.step == "done"

    @property
    def patience(self) -> float | None:
        """Seconds after which `waited` is due if nothing came; None: as long as it takes."""
        return None if self.step in ("asking", "done") else PATIENCE

    def heard(self, one: Received) -> None:
        """A line came. Raises AuthRefused, and No where it is strict."""
        if self.step == "greeting":
            if body_of(one.raw) == b"* password?":
                self._give_password()
            elif not is_refusal(one):  # else it closes now
                self._go_on("nick")
        elif self.step == "password":
            if one.kind == "notice" and one.text.startswith(WRONG):
                if not self._typed or not one.text.endswith(b"again?"):
                    raise AuthRefused("that is not the password")
                self.step = "asking"
            else:
                self._go_on("nick")
        elif self.step in ("nick", "room") and one.kind == "notice":
            if REFUSED.fullmatch(one.text):
                if self._strict:
                    what = f"--nick {self._nick}" if self.step == "nick" else f"--room {self._room}"
                    raise No(f"{what}: {one.text.decode('utf-8', 'backslashreplace')}", kind=self.step)
                self._go_on("room" if self.step == "nick" else "done")
            elif one.text.startswith(b"you are "):
                self._go_on("room" if self.step == "nick" else "done")

    def waited(self) -> None:
        """Nothing came for PATIENCE: this server says no such things."""
        self._go_on("room" if self.step == "nick" else "done" if self.step == "room" else "nick")

    def typed(self, password: str) -> None:
        """The password that the user was asked for."""
        self._typed = True
        self.step = "password"
        self._say(password.encode(), True)

    def _give_password(self) -> None:
        password = self._password()
        if password is None:
            self.step = "asking"
        else:
            self.step = "password"
            self._say(password.encode(), True)

    def _go_on(self, step: Step) -> None:
        self.step = step
        if self.step == "nick":
            if self._nick is not None:
                self._say(f"/nick {self._nick}".encode(), False)
                return
            self.step = "room"
        if self.step == "room":
            if self._room is not None:
                self._say(f"/join {self._room}".encode(), False)
                return
            self.step = "done"
