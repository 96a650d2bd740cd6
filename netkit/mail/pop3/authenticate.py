"""POP3's AUTH (RFC 5034), the client's side: which way to log in, and the exchange of one SASL mechanism.

An initial response rides on the AUTH line where that holds it; else it is the answer to an empty challenge, which is
what servers expect of long tokens. Every response is masked in traces, whatever it holds.
"""

from binascii import b2a_base64
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from netkit.errors import NetkitError, PeerError
from netkit.mail.pop3.protocol import MAX_COMMAND, Challenge, Status
from netkit.mail.sasl.client import PASSWORD, ROUNDS, SECRET_ON_WIRE, choose
from netkit.mail.sasl.mechanism import Mechanism

Turn = Callable[[bytes, bytes], Status | Challenge]  # a line and the secret in it, and what the server says to it


def way_in(capabilities: dict[str, tuple[str, ...]], asked: str | None, *, bearer: bool) -> str | None:
    """The SASL mechanism to log in by; None: USER and PASS. Raises No where none fits, BadInput.

    PLAIN and LOGIN show the password just as USER and PASS do, and those go along with other commands: so they are
    used unasked only where there is no USER.
    """
    offered = capabilities.get("SASL", ())
    if asked is None and not bearer:
        known = [name for name in offered if name.upper() in PASSWORD]
        hiding = [name for name in known if name.upper() not in SECRET_ON_WIRE]
        if not known or (not hiding and "USER" in capabilities):
            return None
        return choose(hiding or known, None, bearer=False)
    return choose(offered, asked, bearer=bearer)


def others(offered: Collection[str], name: str) -> str | None:
    """A hint for whom the mechanism did not let in: a server may announce what it has no keys for."""
    rest = [one for one in PASSWORD if one in offered and one != name]
    return f"that was {name}; --auth takes another: {', '.join(rest)}" if rest else None


def authenticate(name: str, mechanism: Mechanism, turn: Turn) -> Status:
    """The last answer; an +OK has the server's proof behind it. name: of the server, for messages.

    Raises PeerError, Insecure.
    """
    first = mechanism.start()
    line = b"AUTH " + mechanism.name.encode()
    encoded = b"" if first is None else b2a_base64(first, newline=False) or b"="
    if encoded and len(line) + 1 + len(encoded) + 2 <= MAX_COMMAND:
        line, first = line + b" " + encoded, None
    answer = turn(line, encoded)
    rounds = 0
    while isinstance(answer, Challenge):
        rounds += 1
        if rounds > ROUNDS:
            raise PeerError(f"{name}: {mechanism.name} does not end: more than {ROUNDS} challenges", kind="sasl")
        with naming(name):
            response = mechanism.step(answer.data) if first is None else first
        first = None
        encoded = b2a_base64(response, newline=False)
        answer = turn(encoded, encoded)
    if answer.ok:
        with naming(name):
            mechanism.finished()
    return answer


@contextmanager
def naming(server: str) -> Iterator[None]:
    """A mechanism does not know which server it talks to."""
    try:
        yield
    except NetkitError as exc:
        raise type(exc)(f"{server}: {exc.message}", kind=exc.kind, hint=exc.hint) from exc
