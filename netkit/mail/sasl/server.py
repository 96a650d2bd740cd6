"""Letting in by SASL (RFC 4422), the server's side without I/O: each response of the client gets an Outcome.

`lookup` brings the password of a user, None where there is no such user. takes_any: for a server whose users log in
as they like: a password or token that the mechanism shows is not looked at, nor is the digest of CRAM-MD5, and
everybody may act for everybody. SCRAM cannot do without: the server has to prove that it knows the password. Not
here: how long a response may be, what the wire says for an Outcome.
"""

import hmac
import secrets
from base64 import b64decode
from collections.abc import Callable
from typing import Protocol

from netkit.mail.sasl.outcome import Challenge, Lookup, Outcome, Refused, Users, text, unescaped

MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2")
PASSWORD = "netkit"  # of everybody in a server for tests
WRONG = "wrong user or password"
BAD_TOKEN = b'{"status":"invalid_token","schemes":"bearer"}'  # RFC 7628 section 3.2.2; Google's has the same status


class Server(Protocol):
    """One attempt to log in."""

    def step(self, response: bytes | None) -> Outcome:
        """What follows on a response, raw; at first the initial one, None where the client sent none."""


def server(name: str, lookup: Lookup, *, takes_any: bool = False, host: str = "", wrong: str = WRONG) -> Server:
    """One attempt with a mechanism of MECHANISMS; wrong: the reason when the password is."""
    users = Users(lookup, takes_any, wrong)
    if name in ("SCRAM-SHA-256", "SCRAM-SHA-1"):
        from netkit.mail.sasl.scram_server import ScramServer

        return ScramServer(name, users)
    if name == "CRAM-MD5":
        return CramMd5(users, f"<{secrets.randbits(64)}.{secrets.randbits(32)}@{host or 'localhost'}>")
    kinds: dict[str, Callable[[Users], Server]]
    kinds = {"PLAIN": Plain, "LOGIN": Login, "OAUTHBEARER": OauthBearer, "XOAUTH2": Xoauth2}
    return kinds[name](users)


def hear(login: Server, line: bytes | None) -> Outcome:
    """The Outcome of a line in base64, as SMTP and POP3 carry responses; None: AUTH had no initial response."""
    if line == b"*":
        return Refused("given up", malformed=True)
    try:
        return login.step(None if line is None else b64decode(line, validate=True))
    except ValueError:
        return Refused("that is no base64", malformed=True)


def initial(text: str) -> bytes | None:
    """What stands behind the mechanism in AUTH, for `hear`: `=` is an empty response (RFC 4954 section 4)."""
    return None if not text else b"" if text == "=" else text.encode()


def for_tests(name: str, host: str = "") -> Server:
    """Lets anybody in, with any password where that can be, and PASSWORD where it cannot."""
    wrong = f"for SCRAM the password is {PASSWORD} here; the other mechanisms take any"
    return server(name, lambda user: PASSWORD, takes_any=True, host=host, wrong=wrong)


class Plain:
    """RFC 4616."""

    def __init__(self, users: Users) -> None:
        self._users = users

    def step(self, response: bytes | None) -> Outcome:
        if response is None:
            return Challenge(b"")
        parts = (text(response) or "").split("\0")
        if len(parts) != 3 or not parts[1]:
            return Refused("PLAIN is two NULs between three words, the user in the middle", malformed=True)
        return self._users.shown(*parts)


class Login:
    def __init__(self, users: Users) -> None:
        self._users = users
        self._user: str | None = None

    def step(self, response: bytes | None) -> Outcome:
        if response is None:
            return Challenge(b"Username:")
        said = text(response)
        if said is None or "\0" in said or not (self._user or said):
            return Refused("LOGIN is a user, then a password", malformed=True)
        if self._user is None:
            self._user = said
            return Challenge(b"Password:")
        return self._users.shown("", self._user, said)


class CramMd5:
    """RFC 2195."""

    def __init__(self, users: Users, challenge: str) -> None:
        self._users = users
        self._challenge = challenge.encode()
        self._sent = False

    def step(self, response: bytes | None) -> Outcome:
        if response is None:
            self._sent = True
            return Challenge(self._challenge)
        if not self._sent:
            return Refused("CRAM-MD5 begins with the server's challenge", malformed=True)
        user, _, digest = (text(response) or "").rpartition(" ")
        if not user or len(digest) != 32 or not digest.isascii():
            return Refused("CRAM-MD5 is a user and a digest", malformed=True)
        password = self._users.lookup(user)
        right = hmac.new((password or "").encode(), self._challenge, "md5").hexdigest()
        if self._users.takes_any or (password is not None and hmac.compare_digest(digest, right)):
            return self._users.enter("", user)
        return Refused(self._users.wrong)


class OauthBearer:
    """RFC 7628: a GS2 header, then pairs with \\x01 between."""

    malformed = Refused("OAUTHBEARER is a GS2 header and auth=Bearer TOKEN", malformed=True)

    def __init__(self, users: Users) -> None:
        self._users = users
        self._refused: Refused | None = None

    def step(self, response: bytes | None) -> Outcome:
        if self._refused:
            return self._refused
        if response is None:
            return Challenge(b"")
        said = text(response) or ""
        if not said.endswith("\x01\x01"):
            return self.malformed
        head, *pairs = said[:-2].split("\x01")
        user = self.user(head)
        scheme, _, token = dict(pair.partition("=")[::2] for pair in pairs).get("auth", "").partition(" ")
        if not user or scheme.lower() != "bearer":
            return self.malformed
        outcome = self._users.shown("", user, token) if token else Refused(self._users.wrong)
        if isinstance(outcome, Refused):
            self._refused = outcome
            return Challenge(BAD_TOKEN)
        return outcome

    def user(self, head: str) -> str | None:
        flag, *rest = head.split(",")
        if flag not in ("n", "y") or len(rest) != 2 or rest[1]:
            return None
        return unescaped(rest[0].removeprefix("a=")) if rest[0].startswith("a=") else None


class Xoauth2(OauthBearer):
    """Google's: user= instead of the header."""

    malformed = Refused("XOAUTH2 is user=USER and auth=Bearer TOKEN", malformed=True)

    def user(self, head: str) -> str | None:
        return head.removeprefix("user=") if head.startswith("user=") else None
