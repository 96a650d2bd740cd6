"""SCRAM's server's side (RFC 5802). A user who is not there is refused at the end, like one with a wrong password."""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from binascii import Error

from netkit.errors import BadInput
from netkit.mail.sasl.outcome import Challenge, Outcome, Refused, Users, text, unescaped
from netkit.mail.sasl.prep import saslprep
from netkit.mail.sasl.scram import HASHES, MIN_ITERATIONS, keys, xor

# RFC 5802 section 7: the GS2 header, an authzid in it, user, nonce; `p=` would be channel binding, which is not offered
_FIRST = re.compile(r"([ny],(?:a=([^,\0]+))?,)(n=([^,\0]+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,\0]*)*)")
_FINAL = re.compile(r"(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,\0]*)*),p=([A-Za-z0-9+/=]+)")


class ScramServer:
    """nonce, salt: chosen at random where none is given, as tests of a printed exchange do."""

    def __init__(self, name: str, users: Users, *, nonce: str = "", salt: bytes = b"") -> None:
        self._users = users
        self._algorithm = HASHES[name]
        self._nonce = nonce or secrets.token_urlsafe(18)
        self._salt = salt or secrets.token_bytes(16)
        self._malformed = Refused(f"that is no {name}", malformed=True)
        self._header = self._bare = self._challenge = ""
        self._user = self._authzid = ""
        self._accepted: Outcome | None = None

    def step(self, response: bytes | None) -> Outcome:
        if response is None:
            return Challenge(b"")
        if self._accepted:
            return self._accepted if not response else self._malformed
        said = text(response) or ""
        return self._final(said) if self._challenge else self._first(said)

    def _first(self, said: str) -> Outcome:
        found = _FIRST.fullmatch(said)
        user, authzid = (unescaped(found[4]), unescaped(found[2] or "")) if found else (None, None)
        if not found or user is None or (found[2] and authzid is None):
            return self._malformed
        try:
            self._user, self._authzid = saslprep("user", user), authzid or ""
        except BadInput as exc:
            return Refused(exc.message, malformed=True)
        self._header, self._bare, self._nonce = found[1], found[3], found[5] + self._nonce
        self._challenge = f"r={self._nonce},s={b64encode(self._salt).decode()},i={MIN_ITERATIONS}"
        return Challenge(self._challenge.encode())

    def _final(self, said: str) -> Outcome:
        found = _FINAL.fullmatch(said)
        if not found:
            return self._malformed
        try:
            header, proof = b64decode(found[2], validate=True), b64decode(found[4], validate=True)
        except Error:
            return self._malformed
        if header != self._header.encode() or found[3] != self._nonce:
            return self._malformed
        password = self._users.lookup(self._user)
        made = keys(self._algorithm, saslprep("password", password or ""), self._salt, MIN_ITERATIONS)
        message = ",".join((self._bare, self._challenge, found[1])).encode()
        signature = hmac.digest(made.stored, message, self._algorithm)
        if len(proof) != len(signature):
            return self._malformed
        shown = hashlib.new(self._algorithm, xor(proof, signature)).digest()
        if password is None or not hmac.compare_digest(shown, made.stored):
            return Refused(self._users.wrong)
        self._accepted = self._users.enter(self._authzid, self._user)
        if isinstance(self._accepted, Refused):
            return self._accepted
        return Challenge(b"v=" + b64encode(hmac.digest(made.server, message, self._algorithm)))
