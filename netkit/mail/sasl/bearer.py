"""Logging in with an OAuth token: OAUTHBEARER (RFC 7628) and XOAUTH2, which Google had before there was a standard.

A server that refuses says why in a challenge, as JSON, and fails after an answer that means nothing. Where the token
comes from is not netkit's business: a command prints it.
"""

import re

from netkit.errors import BadInput
from netkit.mail.sasl.mechanism import Mechanism, escaped, unexpected

MAX_WHY = 500  # characters of the server's reason that a message shows


class Bearer(Mechanism):
    def __init__(self, name: str, user: str, token: str, *, authzid: str = "", host: str = "", port: int = 0) -> None:
        for what, text in (("user", user), ("user to act for", authzid), ("host", host)):
            if re.search(r"[\x00-\x1f\x7f]", text):
                raise BadInput(f"{name}: the {what} holds a control character")
        if not re.fullmatch(r"[!-~]+", token):  # RFC 6750 section 2.1 has fewer characters still
            raise BadInput(f"{name}: the token is empty or holds what no token does, as a space or a line end")
        self.name = name
        self._over = False
        if name == "XOAUTH2":
            if authzid:
                raise BadInput(f"{name} cannot act for another user ({authzid})")
            fields = [f"user={user}"]
        else:
            fields = [f"n,a={escaped(authzid or user)},", *([f"host={host}"] if host else [])]
            fields += [f"port={port}"] if port else []
        self._message = "\x01".join((*fields, f"auth=Bearer {token}", "", "")).encode("utf-8", "surrogateescape")

    def start(self) -> bytes:
        return self._message

    def step(self, challenge: bytes) -> bytes:
        if self._over:
            raise unexpected(self.name, challenge)
        self._over = True
        self.why = challenge.decode("utf-8", "backslashreplace").strip()[:MAX_WHY]
        return b"" if self.name == "XOAUTH2" else b"\x01"  # RFC 7628 section 3.2.3
