"""DKIM signatures (RFC 6376) by dkimpy, the extra `netkit-cli[dkim]`: canonical forms and keys are its work.

The signature is over the whole message and stands in front of it, so a message that is signed is held in memory.
"""

from collections.abc import Iterator

from netkit.errors import BadInput, LocalFailure
from netkit.mail.header_address import addresses
from netkit.mail.header_text import field
from netkit.mail.mailbox import parse_domain
from netkit.mail.message.content import Message

MAX_SIGNED = 64 * 1024 * 1024  # bytes of a message


class Signer:
    """Signs for the domain of From. Raises LocalFailure without dkimpy or the key, BadInput for what is no key."""

    def __init__(self, key: str, selector: str) -> None:
        try:
            import dkim
        except ImportError as exc:
            raise LocalFailure(
                "DKIM signatures need dkimpy", kind="missing", hint="pip install 'netkit-cli[dkim]'"
            ) from exc
        self._dkim = dkim
        self._key_file = key
        self._selector = parse_domain(selector, "--dkim-selector").encode()
        try:
            with open(key, "rb") as stream:
                self._key = stream.read(64 * 1024)
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "strerror", None) or str(exc)
            raise LocalFailure(f"cannot read {key}: {reason}", kind="unreadable") from exc

    def sign(self, message: Message) -> Message:
        """The same message with a DKIM-Signature in front."""
        if message.content.size > MAX_SIGNED:
            raise BadInput(f"a message of more than {MAX_SIGNED} bytes cannot be signed")
        whole = b"".join(message.chunks())
        senders = addresses(field(whole, b"from") or b"")
        if not senders or "@" not in senders[0].address:
            raise BadInput("the message has no From, and a DKIM signature is for its domain")
        domain = parse_domain(senders[0].address.rpartition("@")[2], "From").encode()
        try:
            signature: bytes = self._dkim.sign(
                whole, self._selector, domain, self._key, canonicalize=(b"relaxed", b"relaxed")
            )
        except (self._dkim.DKIMException, ValueError) as exc:
            raise BadInput(f"{self._key_file}: no DKIM signature comes of it: {exc}", kind="dkim") from exc
        signature = b"\r\n".join(signature.splitlines()) + b"\r\n"

        def chunks() -> Iterator[bytes]:
            yield signature + whole

        return Message(message.content._replace(size=len(signature) + len(whole)), chunks)
