"""Digest authentication (RFC 7616, and RFC 2617 of older servers): the challenge of a 401 or 407, and the answer to it.

With MD5, SHA-256 and SHA-512-256, their -sess forms, qop=auth or none, userhash, and nonces counted up. Not here:
auth-int, since a GET has no body to protect. libcurl can do it, but then asks twice within what is one exchange here,
so that the challenge's headers would stand among the answer's; no other library has it apart from a client. A proxy's
407 to a plain request is answered here as well, the one to CONNECT by libcurl, before the exchange begins.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from netkit.errors import PeerError
from netkit.http.headers import Header

MAX_CHALLENGES = 10  # in one response; a server has two or three ways to log in
ALGORITHMS = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}  # the best first

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = re.compile(rf"\s*,?\s*({_TOKEN})(?:\s+(?=[^\s=,])|\s*(?=,|$))")
_PARAMETER = re.compile(rf'\s*,?\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*(?=,|$)')


class Challenge(NamedTuple):
    """One way to log in that a server offers: its scheme in lower case, its parameters by names in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def challenges(values: Iterable[str]) -> list[Challenge]:
    """Those of WWW-Authenticate headers (RFC 9110 11.6.1); what is malformed ends the reading of its header."""
    found: list[Challenge] = []
    for value in values:
        value = value.encode("latin-1").decode("utf-8", "surrogateescape")
        place = 0
        while len(found) < MAX_CHALLENGES and (scheme := _SCHEME.match(value, place)):
            place = scheme.end()
            parameters: dict[str, str] = {}
            while one := _PARAMETER.match(value, place):
                text = one[3] if one[2] is None else re.sub(r"\\(.)", r"\1", one[2])
                parameters.setdefault(one[1].lower(), text)
                place = one.end()
            found.append(Challenge(scheme[1].lower(), parameters))
    return found


def choose(offered: Iterable[Challenge]) -> Challenge | None:
    """The Digest challenge with the best algorithm that can be answered."""
    usable = [one for one in offered if one.scheme == "digest" and _algorithm(one) and _qop(one) is not None]
    usable = [one for one in usable if "nonce" in one.parameters and "realm" in one.parameters]
    ranks = list(ALGORITHMS)
    return min(usable, key=lambda one: ranks.index(_algorithm(one)), default=None)


def _algorithm(challenge: Challenge) -> str:
    """Without -sess; "" for one that is unknown."""
    name = challenge.parameters.get("algorithm", "MD5").upper().removesuffix("-SESS")
    return name if name in ALGORITHMS else ""


def _qop(challenge: Challenge) -> str | None:
    """ "auth", "" where the server knows none, None when it wants another."""
    offered = challenge.parameters.get("qop")
    if offered is None:
        return ""
    return "auth" if "auth" in (word.strip().lower() for word in offered.split(",")) else None


class Answer:
    """The answers to one challenge; each counts the nonce up."""

    def __init__(self, challenge: Challenge, user: str, password: str) -> None:
        self.challenge, self.user, self.password = challenge, user, password
        self.count = 0

    def header(self, method: str, target: str) -> Header:
        """Authorization for a request. target: path and query, as the request line has them."""
        self.count += 1
        return Header("Authorization", self._value(method, target, os.urandom(16).hex()))

    def _value(self, method: str, target: str, cnonce: str) -> str:
        given = self.challenge.parameters
        algorithm = _algorithm(self.challenge)
        realm, nonce, qop = given["realm"], given["nonce"], _qop(self.challenge)
        count = f"{self.count:08x}"

        def digest(text: str) -> str:
            return hashlib.new(
                ALGORITHMS[algorithm], text.encode("utf-8", "surrogateescape"), usedforsecurity=False
            ).hexdigest()

        first = digest(f"{self.user}:{realm}:{self.password}")
        if given.get("algorithm", "").upper().endswith("-SESS"):
            first = digest(f"{first}:{nonce}:{cnonce}")
        second = digest(f"{method}:{target}")
        middle = f"{nonce}:{count}:{cnonce}:{qop}" if qop else nonce
        hashed = given.get("userhash", "").lower() == "true"
        fields = {
            "username": _quoted(digest(f"{self.user}:{realm}") if hashed else self.user),
            "realm": _quoted(realm),
            "nonce": _quoted(nonce),
            "uri": _quoted(target),
            "response": f'"{digest(f"{first}:{middle}:{second}")}"',
        }
        if "algorithm" in given:
            fields["algorithm"] = given["algorithm"]
        if "opaque" in given:
            fields["opaque"] = _quoted(given["opaque"])
        if qop:
            fields |= {"qop": qop, "nc": count, "cnonce": f'"{cnonce}"'}
        if hashed:
            fields["userhash"] = "true"
        return "Digest " + ", ".join(f"{name}={value}" for name, value in fields.items())


def _quoted(text: str) -> str:
    """A quoted-string; raises PeerError for what cannot be in a header, which only a server can have put there."""
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise PeerError("a control character in the server's Digest challenge", kind="malformed")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
