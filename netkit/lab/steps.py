"""The steps of the tour: data, so that each is a test of the installation as well. A new command adds lines here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the tour.

    words: the arguments; {dns}, {http}, {https} and {ca} stand for the lab's, {smtp_port} for a port alone.
    listing: the tutorial's, None when the tutorial has the function in a table alone. tutorial: its code in short,
    in today's Python. shows: what the output must have in it. exit: the code it must end with.
    """

    name: str
    title: str
    listing: int | None
    tutorial: str
    words: tuple[str, ...]
    shows: tuple[str, ...] = ()
    exit: int = 0


GETHOSTBYNAME = 'socket.gethostbyname("www.lab.test")'
GETFQDN = 'socket.getfqdn("127.0.0.1")'
DATAGRAM = """\
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect((server, 53))
sock.send(query)"""
STREAM = """\
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
sock.connect((server, 53))"""
HTTPLIB = """\
connection = http.client.HTTPConnection("www.lab.test")
connection.request("GET", "/hello")
reply = connection.getresponse()
if reply.status == 200:
    print(reply.read())"""
HTTPLIB_HEAD = 'connection.request("HEAD", "/hello")'
SMTPLIB = """\
server = smtplib.SMTP("localhost", 2525)
server.sendmail("ann@lab.test", "bob@lab.test", message)"""
POPLIB = """\
server = poplib.POP3("localhost", 2110)
server.user("odd@lab.test")
server.pass_("any")
for n in range(1, server.stat()[0] + 1):
    for line in server.retr(n)[1]:
        if line.startswith(b"Subject:"):
            print(line)"""
ODD_MAILBOX = ("--user", "odd@lab.test", "--password-cmd", "echo netkit")
ANY_SERVER = """\
sock.bind(("", 2525))
sock.listen(5)"""

STREAM_CLIENT = """\
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
sock.connect(("localhost", 23000))
sock.send(b"Test string")
print(sock.recv(100))"""
DATAGRAM_CLIENT = """\
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.sendto(b"Test string", ("localhost", 23000))
print(sock.recv(100))"""
STREAM_SERVER = """\
while True:
    connection, peer = server.accept()
    connection.send(connection.recv(100))
    connection.close()"""
SOCKET_SERVER = """\
class Hello(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.send(b"Hello World")"""
SOCKOPT = """\
sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
print(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))"""

SELECT = """\
while True:
    readable, _, _ = select.select([first, second], [], [])
    for sock in readable:
        print(sock.recv(100))"""

STEPS: tuple[Step, ...] = (
    Step(
        "resolve",
        "The addresses of a name, all of them and both kinds",
        3,
        GETHOSTBYNAME,
        ("resolve", "@{dns}", "www.lab.test"),
        ("127.0.0.1", "::1"),
    ),
    Step(
        "resolve-types",
        "What gethostbyname cannot ask: mail exchangers and text",
        3,
        GETHOSTBYNAME,
        ("resolve", "@{dns}", "-t", "MX,TXT", "lab.test"),
        ("mail.lab.test", "v=spf1"),
    ),
    Step(
        "resolve-address",
        "From an address back to its name",
        None,
        'socket.gethostbyaddr("127.0.0.1")',
        ("resolve", "@{dns}", "127.0.0.1"),
        ("www.lab.test",),
    ),
    Step(
        "resolve-script",
        "The same for a script: one address a line, and an exit code",
        3,
        GETHOSTBYNAME,
        ("resolve", "@{dns}", "--short", "-t", "A", "many.lab.test"),
        ("127.0.0.11", "127.0.0.12", "127.0.0.13"),
    ),
    Step(
        "resolve-no",
        "A name that does not exist is exit 1, not a traceback",
        3,
        'socket.gethostbyname("nosuch.lab.test")',
        ("resolve", "@{dns}", "nosuch.lab.test"),
        exit=1,
    ),
    Step(
        "resolve-failing",
        "A server that fails is something else: exit 9, try again",
        3,
        'socket.gethostbyname("servfail.lab.test")',
        ("resolve", "@{dns}", "servfail.lab.test"),
        exit=9,
    ),
    Step(
        "resolve-hostile",
        "What a record holds cannot reach the terminal",
        None,
        "print(answer)",
        ("resolve", "@{dns}", "-t", "TXT", "escape.lab.test"),
        ("red",),
    ),
    Step(
        "resolve-trace",
        "Every step at the socket: the tutorial made visible",
        8,
        DATAGRAM,
        ("resolve", "--trace", "@{dns}", "--short", "-t", "A", "www.lab.test"),
        ("127.0.0.1", "send", "recv"),
    ),
    Step(
        "resolve-tcp",
        "The same question over a stream",
        7,
        STREAM,
        ("resolve", "--tcp", "--trace", "@{dns}", "--short", "-t", "A", "www.lab.test"),
        ("127.0.0.1", "connect"),
    ),
    Step(
        "fqdn",
        "The full name of an address, and whether it leads back",
        None,
        GETFQDN,
        ("fqdn", "--server", "{dns}", "127.0.0.1"),
        ("www.lab.test",),
    ),
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
        "http-json",
        "All the facts for a program",
        25,
        HTTPLIB,
        ("http", "get", "--json", "{http}/hello"),
        ('"status": 200',),
    ),
    Step(
        "smtp-send",
        "A message to two people, with an outcome for each",
        26,
        SMTPLIB,
        (
            "smtp",
            "send",
            "{smtp}",
            "--from",
            "ann@lab.test",
            "--to",
            "bob@lab.test",
            "--to",
            "cara@lab.test",
            "--subject",
            "Café ✓",
            "--text",
            "See you there.",
        ),
        ("accepted", "bob@lab.test", "cara@lab.test"),
    ),
    Step(
        "smtp-bad-address",
        "What cannot be an address is told before anything is sent: exit 2",
        26,
        SMTPLIB,
        ("smtp", "send", "{smtp}", "--from", "ann@lab.test", "--to", "bob@cara@lab.test"),
        exit=2,
    ),
    Step(
        "smtp-check",
        "A mail server looked at from all sides, without a message sent",
        26,
        "server.starttls()\nserver.ehlo()",
        ("smtp", "check", "{smtp}", "--cacert", "{ca}", "--rcpt", "bob@lab.test", "--relay-test"),
        ("tls.certificate", "rcpt.accepted", "relay.open"),
        exit=1,
    ),
    Step(
        "smtp-check-domain",
        "A domain: its MX hosts, and what it publishes for MTA-STS, DANE, SPF and DMARC",
        26,
        "server.starttls()\nserver.ehlo()",
        (
            *("smtp", "check", "good.lab.test", "--dns", "{dns}", "--cacert", "{ca}"),
            *("--mx-port", "{smtp_port}", "--policy-port", "{https_port}"),
        ),
        ("sts.policy", "dane.match", "mx2.good.lab.test"),
    ),
    Step(
        "pop3-subjects",
        "The subjects of what waits, by TOP and all at once, whatever they hold",
        27,
        POPLIB,
        ("pop3", "subjects", "{pop3}", *ODD_MAILBOX, "--range", "50-56"),
        ("café", "Привет"),
    ),
    Step(
        "pop3-stat",
        "How many, and how many bytes",
        27,
        "messages, size = server.stat()",
        ("pop3", "stat", "{pop3}", *ODD_MAILBOX),
    ),
    Step(
        "echo-stream",
        "A stream echo server, probed: every byte compared, every round trip timed",
        10,
        STREAM_CLIENT,
        ("echo-client", "{echo}", "-n", "3", "-i", "20ms"),
        ("3 sent, 3 received, 0.0% lost", "kernel: rtt"),
    ),
    Step(
        "echo-datagram",
        "The same with datagrams: what is lost, doubled or late is told apart",
        12,
        DATAGRAM_CLIENT,
        ("echo-client", "--udp", "{echo}", "-n", "3", "-i", "20ms"),
        ("3 sent, 3 received, 0.0% lost",),
    ),
    Step(
        "echo-refused",
        "A server that is not there is exit 3, not a traceback",
        10,
        STREAM_CLIENT,
        ("echo-client", "127.0.0.1:1"),
        ("refused",),
        exit=3,
    ),
    Step(
        "echo-server",
        "A stream and a datagram echo server on one port",
        9,
        STREAM_SERVER,
        ("echo-server", "--port", "0", "--duration", "100ms"),
        ("listening",),
    ),
    Step(
        "hello-server",
        "The greeting server, whose greeting always arrives",
        2,
        SOCKET_SERVER,
        ("hello-server", "--port", "0", "--duration", "100ms"),
        ("listening",),
    ),
    Step(
        "sockopt",
        "Set an option, and read what the kernel made of it",
        13,
        SOCKOPT,
        ("sockopt", "set", "new:tcp4", "keepalive=on", "nodelay=on"),
        ("SO_KEEPALIVE", "TCP_NODELAY"),
    ),
    Step(
        "sockopt-live",
        "The options of a connection, once it stands",
        13,
        SOCKOPT,
        ("sockopt", "try", "{echo}", "nodelay=on"),
        ("TCP_NODELAY",),
    ),
    Step(
        "watch",
        "Several sockets at once, until a line comes that matches",
        15,
        SELECT,
        ("watch", "{hello}", "{echo}", "--until", "Hello .*lab", "--timeout", "10s"),
        ("open", "Hello 127.0.0.1"),
    ),
    Step(
        "watch-wait",
        "Wait until all are up, then become a command",
        15,
        SELECT,
        ("watch", "{hello}", "{echo}", "--timeout", "10s", "--", "echo", "all are up"),
        ("all are up",),
    ),
    Step(
        "lab",
        "Servers of your own round any command, with nothing to set up",
        5,
        ANY_SERVER,
        ("lab", "--", "sh", "-c", 'echo "a web server at $NETKIT_LAB_HTTP"'),
        ("a web server at http://127.0.0.1:",),
    ),
    Step(
        "lab-seed",
        "Messages for a test, put into a mailbox of a lab that runs",
        26,
        SMTPLIB,
        ("lab", "seed", "2", "--smtp", "{smtp}", "--to", "dora@lab.test"),
        ("dora@lab.test Message 2 of 2",),
    ),
    Step(
        "lab-wait",
        "Until the message that a test waits for is there, and not a moment longer",
        27,
        POPLIB,
        ("lab", "wait", "--http", "{http}", "--to", "odd@lab.test", "--subject", "привет"),
        ("Привет",),
    ),
)
