"""SCRAM (RFC 5802, 7677): the keys that both sides make of a password, and the client's side.

The password never travels, and the server proves that it knows it too. The server chooses how often the password is
hashed, so that has bounds. Channel binding is not offered: gs2 flag `n`, as a client without any has to say.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from binascii import Error
from typing import NamedTuple

from netkit.errors import BadInput, Insecure, PeerError
from netkit.mail.sasl.mechanism import Mechanism, escaped
from netkit.mail.sasl.prep import saslprep

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
# RFC 5802 section 5.1 and RFC 7677 section 4 have 4,096 as the least a server should ask for. One that asks for less
# gets an answer from which its password is guessed as much faster, and only somebody in between has a use for that.
MIN_ITERATIONS = 4096
# 0.4 s of CPU on a machine of today; OWASP's advice of 2023 is 600,000 for SHA-256, 1,300,000 for SHA-1.
MAX_ITERATIONS = 2_000_000
MAX_CHALLENGE = 4096  # bytes: a nonce and a salt are some dozen
# RFC 5802 section 7; an extension that must be understood (m=) comes first, where r= is due, and is refused so.
_FIRST = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,9})(?:,[A-Za-z]=[^,\0]*)*")
_FINAL = re.compile(rb"([ve])=([^,\0]+)(?:,[A-Za-z]=[^,\0]*)*")


class Keys(NamedTuple):
    """What a password becomes with a salt and a count (RFC 5802 section 3)."""

    client: bytes
    stored: bytes
    server: bytes


def keys(algorithm: str, password: str, salt: bytes, iterations: int) -> Keys:
    """password: prepared."""
    salted = hashlib.pbkdf2_hmac(algorithm, password.encode("utf-8", "surrogateescape"), salt, iterations)
    client = hmac.digest(salted, b"Client Key", algorithm)
    return Keys(client, hashlib.new(algorithm, client).digest(), hmac.digest(salted, b"Server Key", algorithm))


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


class ScramClient(Mechanism):
    """nonce: chosen at random where none is given, as tests of a printed exchange do."""

    def __init__(self, name: str, user: str, password: str, *, authzid: str = "", nonce: str = "") -> None:
        if not user:
            raise BadInput(f"{name} needs a user")
        self.name = name
        self._algorithm = HASHES[name]
        self._password = saslprep("password", password)
        self._nonce = nonce or secrets.token_urlsafe(24)
        self._gs2 = f"n,a={escaped(saslprep('user to act for', authzid))}," if authzid else "n,,"
        self._bare = _encoded(f"n={escaped(saslprep('user', user))},r={self._nonce}")
        self._signature: bytes | None = None  # what the server has to prove itself with
        self._over = False
        self._proved = False

    def start(self) -> bytes:
        return _encoded(self._gs2) + self._bare

    def step(self, challenge: bytes) -> bytes:
        if self._over or len(challenge) > MAX_CHALLENGE:
            raise self._nonsense(challenge)
        return self._first(challenge) if self._signature is None else self._final(challenge)

    def finished(self) -> None:
        if not self._proved:
            raise Insecure(
                f"{self.name}: the server let us in without a proof that it knows the password",
                kind="no_proof",
                hint="somebody may have put himself in the server's place",
            )

    def _first(self, challenge: bytes) -> bytes:
        found = _FIRST.fullmatch(challenge)
        if not found:
            raise self._nonsense(challenge)
        nonce, count = found[1].decode("ascii"), int(found[3])
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise PeerError(f"{self.name}: the server's nonce does not continue ours", kind="sasl")
        if count < MIN_ITERATIONS:
            raise Insecure(
                f"{self.name}: the server wants {count} iterations, and fewer than {MIN_ITERATIONS} are not safe",
                kind="iterations",
                hint="whoever overhears the answer guesses the password as much faster",
            )
        if count > MAX_ITERATIONS:
            raise PeerError(
                f"{self.name}: the server wants {count} iterations, more than {MAX_ITERATIONS}", kind="iterations"
            )
        made = keys(self._algorithm, self._password, self._decoded(found[2], challenge), count)
        final = _encoded(f"c={b64encode(_encoded(self._gs2)).decode()},r={nonce}")
        message = b",".join((self._bare, challenge, final))
        self._signature = hmac.digest(made.server, message, self._algorithm)
        proof = xor(made.client, hmac.digest(made.stored, message, self._algorithm))
        return final + b",p=" + b64encode(proof)

    def _final(self, challenge: bytes) -> bytes:
        self._over = True
        found = _FINAL.fullmatch(challenge)
        if not found:
            raise self._nonsense(challenge)
        if found[1] == b"e":
            self.why = found[2].decode("utf-8", "backslashreplace")[:200]
            return b""
        if not hmac.compare_digest(self._decoded(found[2], challenge), self._signature or b""):
            raise Insecure(
                f"{self.name}: the server's proof that it knows the password is wrong",
                kind="wrong_proof",
                hint="somebody may have put himself in the server's place",
            )
        self._proved = True
        return b""

    def _decoded(self, text: bytes, challenge: bytes) -> bytes:
        try:
            return b64decode(text, validate=True)
        except Error as exc:
            raise self._nonsense(challenge) from exc

    def _nonsense(self, challenge: bytes) -> PeerError:
        said = challenge[:60].decode("utf-8", "backslashreplace")
        return PeerError(f"{self.name}: the server's challenge makes no sense: {said!r}", kind="sasl")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
