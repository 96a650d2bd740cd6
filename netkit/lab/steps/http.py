"""Steps of the tour: http get and head."""

from netkit.lab.listings import HTTPLIB, HTTPLIB_HEAD
from netkit.lab.steps.step import Step

STEPS: tuple[Step, ...] = (
    Step("http-get", "Fetch a page", 25, HTTPLIB, ("http", "get", "{http}/hello"), ("Hello from the lab.",)),
    Step("http-head", "Its headers alone", 25, HTTPLIB_HEAD, ("http", "head", "{http}/hello"), ("200", "text/plain")),
    Step(
        "http-tls",
        "Over TLS, verified against the lab's own CA",
        25,
        HTTPLIB.replace("HTTPConnection", "HTTPSConnection"),
        ("http", "get", "--cacert", "{ca}", "{https}/tls"),
        ("TLSv1.3",),
    ),
    Step(
        "http-untrusted",
        "A certificate that nobody vouches for is refused: exit 6",
        25,
        HTTPLIB.replace("HTTPConnection", "HTTPSConnection"),
        ("http", "get", "{https}/hello"),
        exit=6,
    ),
    Step(
        "http-redirect",
        "Redirects are followed, compression is undone",
        25,
        HTTPLIB,
        ("http", "get", "{http}/redirect-to?url=/gzip"),
        ("line 49 of a compressed body",),
    ),
    Step(
        "http-checks",
        "What the reply must be like, as a check: exit 0 where all of it holds",
        25,
        "if reply.status == 200 and b'lab' in reply.read():",
        (
            *("http", "get", "{http}/zstd", "--expect-status", "200", "--expect-header", "Content-Type: json"),
            *("--expect-body", "line 49", "--slo", "total=20s"),
        ),
        ("line 49 of a compressed body",),
    ),
    Step(
        "http-check-failed",
        "A check that does not hold is said in a line, and is exit 1",
        25,
        "if reply.status == 200 and b'lab' in reply.read():",
        ("http", "head", "{http}/status/404", "--expect-status", "200,3xx"),
        ("404",),
        exit=1,
    ),
    Step(
        "http-digest",
        "A login whose password is not sent: the challenge, and the answer to it",
        25,
        HTTPLIB,
        (
            *("http", "get", "-u", "ann", "--digest", "--password-cmd", "echo secret"),
            "{http}/digest-auth/ann/secret",
        ),
        ('"authenticated": true', '"user": "ann"'),
    ),
    Step(
        "http-expired",
        "Names from a server of one's choice; a certificate that is too old says since when: exit 6",
        25,
        HTTPLIB.replace("HTTPConnection", "HTTPSConnection"),
        (
            *("http", "get", "--dns-server", "{dns}", "--cacert", "{ca}"),
            "https://expired.lab.test:{https_port}/",
        ),
        ("expired 1 day ago", "issued by netkit lab CA"),
        exit=6,
    ),
    Step(
        "http-no",
        "404 is an answer, and the answer is no: exit 1",
        25,
        "if reply.status == 200:",
        ("http", "get", "{http}/status/404"),
        exit=1,
    ),
    Step(
        "http-truncated",
        "A body that ends too early is never a success: exit 5",
        25,
        "print(reply.read())",
        ("http", "get", "{http}/truncated"),
        exit=5,
    ),
    Step(
        "http-resumed",
        "A download that is cut off, and goes on where it was",
        25,
        HTTPLIB,
        ("http", "get", "-d", "{folder}", "--retry", "3", "{http}/bytes/100000?cut=60000"),
        ("of 100000 bytes of the body: again in", "/100000"),
    ),
    Step(
        "http-json",
        "All the facts for a program",
        25,
        HTTPLIB,
        ("http", "get", "--json", "{http}/hello"),
        ('"status": 200',),
    ),
)
