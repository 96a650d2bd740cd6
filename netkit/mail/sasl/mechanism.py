"""What a client's SASL mechanism is, and what all of them say the same way."""

from netkit.errors import PeerError


class Mechanism:
    """One attempt to log in; as it stands, one that says nothing.

    why: what the server told in a challenge about a refusal that follows, "" if nothing.
    """

    name = ""
    why = ""

    def start(self) -> bytes | None:
        """The initial response, raw; None where the server speaks first."""
        return None

    def step(self, challenge: bytes) -> bytes:
        """The response to a challenge, both raw. Raises PeerError for nonsense, Insecure for a wrong proof."""
        raise unexpected(self.name, challenge)

    def finished(self) -> None:
        """The server said success: raises Insecure where it has not proved that it knows the password, as it must."""


def unexpected(name: str, challenge: bytes) -> PeerError:
    said = challenge[:60].decode("utf-8", "backslashreplace")
    return PeerError(f"{name}: the server asks for more than there is: {said!r}", kind="sasl")


def escaped(name: str) -> str:
    """A name in a GS2 header or in SCRAM (RFC 5801 section 4)."""
    return name.replace("=", "=3D").replace(",", "=2C")
