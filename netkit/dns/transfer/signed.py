"""The signatures of a zone transfer's messages (TSIG, RFC 8945 5.3.1): the first and the last are signed, each with all
that came before it; between them up to 99 need not be.

A record of a message without a signature is handed on before the next signature proves it, so whoever uses a signed
transfer must see its end.
"""

from typing import Any

from netkit.dns.tsig import Forged, Untaken, attach, check, signature
from netkit.dns.tsig_key import Key
from netkit.errors import AuthRefused, Insecure

MAX_UNSIGNED = 99  # messages in a row (RFC 8945 5.3.1)


class Signed:
    """query: signed. `check` every message as it comes, then `finish`."""

    def __init__(self, wire: bytes, key: Key) -> None:
        self.key = key
        self.query, self._mac = attach(wire, key)
        self._context: Any = None
        self._unsigned = 0

    def check(self, wire: bytes) -> None:
        """Raises Insecure, AuthRefused where the server does not take the key, Malformed."""
        try:
            if self._context is not None and signature(wire) is None:
                self._unsigned += 1
                if self._unsigned > MAX_UNSIGNED:
                    raise Forged(f"more than {MAX_UNSIGNED} messages without a signature")
                self._context.update(wire)
                return
            self._context = check(wire, self.key, self._mac, self._context, several=True)
            self._unsigned = 0
        except Forged as exc:
            raise Insecure(f"the transfer cannot be trusted: {exc}", kind="bogus") from exc
        except Untaken as exc:
            raise AuthRefused(f"the server does not take the key {self.key.name}: {exc}", kind="notauth") from exc

    def finish(self) -> None:
        """Raises Insecure when the last message was not signed."""
        if self._unsigned:
            raise Insecure("the transfer cannot be trusted: its last message is not signed", kind="bogus")
