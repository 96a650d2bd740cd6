"""DNS over HTTPS (RFC 8484): a message in, a message out; in the clear as well, for whoever puts TLS in front.

Names that answer wrongly on purpose do so here, but only one reply fits into a response: the last of them.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

from netkit.lab.dns.responder import MAX_MESSAGE
from netkit.lab.http.call import Call, Refused, text
from netkit.lab.http.protocol import Response

TYPE = "application/dns-message"
SILENCE = 30.0  # seconds until a query that is never answered gets a 504
EXAMPLE = (
    urlsafe_b64encode(
        b"\0\0\1\0\0\1\0\0\0\0\0\0\3www\3lab\4test\0\0\1\0\1"  # www.lab.test A, with the id 0
    )
    .rstrip(b"=")
    .decode("ascii")
)


def dns_query(call: Call) -> Response:
    if call.dns is None:
        raise Refused("no DNS here", 404)
    reply = call.dns.respond(message(call), call.peer, "", call.scheme)
    if not reply.packets:
        return replace(text("no answer, on purpose\n", status=504), delay=SILENCE)
    fields = [("Content-Type", TYPE), ("Cache-Control", "no-store")]
    return Response(200, fields, reply.packets[-1], delay=reply.delay)


def message(call: Call) -> bytes:
    """The query: of a POST the body, otherwise ?dns= in base64url without padding. Raises Refused."""
    request = call.request
    if request.method == "POST":
        if (request.get("content-type") or "").partition(";")[0].strip().lower() != TYPE:
            raise Refused(f"the body is of the type {TYPE}", 415)
        data = request.body
    else:
        words = call.query("dns")
        try:
            data = urlsafe_b64decode(words + "=" * (-len(words) % 4))
        except ValueError:
            raise Refused("dns is a DNS message in base64url") from None
    if not 12 <= len(data) <= MAX_MESSAGE:
        raise Refused(f"a DNS message has 12 to {MAX_MESSAGE} octets", 413 if len(data) > MAX_MESSAGE else 400)
    return data
