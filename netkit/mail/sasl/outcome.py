"""What comes of a client's response, on the server's side, and who may come in."""

import hmac
import re
from collections.abc import Callable
from typing import NamedTuple


class Challenge(NamedTuple):
    """To be sent, raw; the answer goes to `step`."""

    data: bytes


class Done(NamedTuple):
    """Logged in; user: whom the client acts for."""

    user: str


class Refused(NamedTuple):
    """The attempt is over. malformed: the response does not belong to the mechanism."""

    reason: str
    malformed: bool = False


Outcome = Challenge | Done | Refused
Lookup = Callable[[str], str | None]


class Users(NamedTuple):
    """Who may come in."""

    lookup: Lookup
    takes_any: bool
    wrong: str

    def shown(self, authzid: str, user: str, secret: str) -> Outcome:
        """A secret that the client has shown."""
        password = self.lookup(user)
        fits = password is not None and hmac.compare_digest(password.encode(), secret.encode())
        return self.enter(authzid, user) if fits or (self.takes_any and user) else Refused(self.wrong)

    def enter(self, authzid: str, user: str) -> Outcome:
        """The secret was right."""
        if re.search(r"[\x00-\x1f\x7f]", authzid + user):
            return Refused("a user has no control characters", malformed=True)
        if authzid not in ("", user) and not self.takes_any:
            return Refused(f"{user} may not act for {authzid}")
        return Done(authzid or user)


def text(response: bytes) -> str | None:
    """The response as UTF-8; None where it is none."""
    try:
        return response.decode()
    except UnicodeDecodeError:
        return None


def unescaped(name: str) -> str | None:
    """A name out of a GS2 header or SCRAM; None for an = that escapes nothing."""
    rest = name.replace("=2C", "").replace("=3D", "")
    return None if "=" in rest or not name else name.replace("=2C", ",").replace("=3D", "=")
