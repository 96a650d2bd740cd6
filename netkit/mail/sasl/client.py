"""Logging in by SASL (RFC 4422), the client's side without I/O: which mechanism, and what it says in each turn.

Whoever speaks the protocol around it (SMTP's AUTH, POP3's AUTH) does the base64, the empty lines and the masking in
traces, stops after ROUNDS challenges, refuses SECRET_ON_WIRE in the clear, and calls `finished` before it believes
the server's "welcome". Messages name the mechanism, not the server. Not here: channel binding (-PLUS), NTLM, GSSAPI.
"""

from collections.abc import Collection

from netkit.errors import BadInput, No
from netkit.mail.sasl.mechanism import Mechanism, unexpected

PASSWORD = ("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN")  # strongest first
BEARER = ("OAUTHBEARER", "XOAUTH2")  # with a token; the standard one first
SECRET_ON_WIRE = frozenset(("PLAIN", "LOGIN", *BEARER))  # whoever listens has the password or the token
ROUNDS = 5  # challenges a session: SCRAM has 2, LOGIN 2; a server with more never ends


def choose(offered: Collection[str], asked: str | None, *, bearer: bool) -> str:
    """The mechanism to log in by: the one asked for, else the strongest. Raises No where none fits, BadInput.

    bearer: the secret is a token, not a password.
    """
    there = {name.upper() for name in offered}
    fitting: tuple[str, ...] = BEARER if bearer else PASSWORD
    if asked is not None:
        wanted = asked.upper()
        if wanted not in (*PASSWORD, *BEARER):
            raise BadInput(f"{asked}: netkit knows {', '.join((*PASSWORD, *BEARER))}")
        if wanted not in fitting:
            raise BadInput(f"{wanted} takes a {'password, not a token' if bearer else 'token, not a password'}")
        fitting = (wanted,)
    for name in fitting:
        if name in there:
            return name
    what = fitting[0] if asked is not None else f"none of {', '.join(fitting)}"
    listed = ", ".join(sorted(there)) if there else "nothing"
    said = f"does not offer {what}" if asked is not None else f"offers {what}"
    raise No(f"the server {said}: it offers {listed}", kind="no_mechanism")


def client(name: str, user: str, secret: str, *, authzid: str = "", host: str = "", port: int = 0) -> Mechanism:
    """One attempt with a mechanism that `choose` named. Raises BadInput for what it cannot carry.

    secret: the password, or the token. authzid: act for this user, "" for oneself. host, port: of the server.
    """
    if name in ("SCRAM-SHA-256", "SCRAM-SHA-1"):
        from netkit.mail.sasl.scram import ScramClient

        return ScramClient(name, user, secret, authzid=authzid)
    if name in BEARER:
        from netkit.mail.sasl.bearer import Bearer

        return Bearer(name, user, secret, authzid=authzid, host=host, port=port)
    if name == "PLAIN":
        return Plain(user, secret, authzid)
    if authzid:
        raise BadInput(f"{name} cannot act for another user ({authzid})")
    return Login(user, secret) if name == "LOGIN" else CramMd5(user, secret)


class Plain(Mechanism):
    """RFC 4616: everything in one message, NULs between."""

    name = "PLAIN"

    def __init__(self, user: str, password: str, authzid: str = "") -> None:
        self._message = b"\0".join(carried(self.name, text) for text in (authzid, user, password))

    def start(self) -> bytes:
        return self._message


class Login(Mechanism):
    """Never standardised: the server asks for a name, then for a password, and how it asks means nothing."""

    name = "LOGIN"

    def __init__(self, user: str, password: str) -> None:
        self._left = [carried(self.name, password), carried(self.name, user)]

    def step(self, challenge: bytes) -> bytes:
        if not self._left:
            raise unexpected(self.name, challenge)
        return self._left.pop()


class CramMd5(Mechanism):
    """RFC 2195: the password keys a digest of the server's challenge."""

    name = "CRAM-MD5"

    def __init__(self, user: str, password: str) -> None:
        self._user, self._key = carried(self.name, user), carried(self.name, password)
        self._answered = False

    def step(self, challenge: bytes) -> bytes:
        import hmac  # with hashlib 5 ms of CPU

        if self._answered or not challenge:
            raise unexpected(self.name, challenge)
        self._answered = True
        return self._user + b" " + hmac.new(self._key, challenge, "md5").hexdigest().encode()


def carried(name: str, text: str) -> bytes:
    """The text as the mechanism sends it. Raises BadInput for a NUL, which would end it early."""
    if "\0" in text:
        raise BadInput(f"{name}: a user or password cannot hold a NUL")
    return text.encode("utf-8", "surrogateescape")
