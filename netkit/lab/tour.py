"""The tour: each capability at work on the lab, beside the tutorial's listing that it goes back to.

A step is data: a command line, what it must end with and what must be in its output, so the tour is a smoke test as
well. Every command runs as a process of its own, as a user would start it. A new command adds its lines to STEPS.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from netkit.errors import BadInput

STEP_SECONDS = 30.0
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the tour.

    words: the arguments; {dns}, {http}, {https} and {ca} stand for the lab's. listing: the tutorial's, None when the
    tutorial has the function in a table alone. tutorial: its code in short, in today's Python. shows: what the output
    must have in it. exit: the code it must end with.
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
)


@dataclass(frozen=True, slots=True)
class Finished:
    """A step that has run. command: as it is typed. failure: why it is not as expected, None if it is."""

    step: Step
    command: str
    exit: int
    stdout: str
    stderr: str
    duration_ms: float
    failure: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A step that has not run, for the table of contents."""

    step: Step
    command: str


def find_steps(names: Sequence[str]) -> list[Step]:
    """The steps of those names, in the tour's order; all of them for none. Raises BadInput."""
    known = [step.name for step in STEPS]
    for name in names:
        if name not in known:
            raise BadInput(f"the tour has no step {name!r}", hint="its steps are " + ", ".join(known))
    return [step for step in STEPS if not names or step.name in names]


def contents(steps: Sequence[Step]) -> list[Listed]:
    return [Listed(step, command_text(step.words)) for step in steps]


def tour(steps: Sequence[Step], *, colored: bool = False, columns: int = 80) -> Iterator[Finished]:
    """Run the steps on a lab of their own, each as soon as the one before is taken.

    colored: commands print as on a terminal of so many columns. Raises what starting the lab raises.
    """
    from netkit.lab.run import child_environment
    from netkit.lab.thread import running  # 150 ms with all that the servers need; `--list` does without

    with running() as lab:
        ours = lab.environment
        values = {name.removeprefix("NETKIT_LAB_").lower(): value for name, value in ours.items()}
        inherited = {name: value for name, value in child_environment(ours).items() if _may_pass(name, ours)}
        environment = inherited | {"COLUMNS": str(columns), "PYTHONPATH": _python_path()}
        for step in steps:
            words = [word.format_map(values) if word.startswith(("@{", "{")) else word for word in step.words]
            yield run_step(step, words, environment, colored=colored)


def run_step(step: Step, words: Sequence[str], environment: Mapping[str, str], *, colored: bool) -> Finished:
    """Run one command line as a process and compare what it did with what the step expects."""
    end = words.index("--") if "--" in words else len(words)
    options = ["--color=always"] if colored else []
    argv = [sys.executable, "-P", "-m", "netkit", *words[:end], *options, *words[end:]]
    start = monotonic()
    try:
        done = subprocess.run(
            argv,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
        late = None
    except subprocess.TimeoutExpired as exc:
        code, out, err = 4, exc.stdout or b"", exc.stderr or b""
        late = f"it had not ended after {STEP_SECONDS:g} s"
    stdout, stderr = out.decode("utf-8", "backslashreplace"), err.decode("utf-8", "backslashreplace")
    duration_ms = round((monotonic() - start) * 1000, 1)
    failure = late or find_failure(step, code, stdout + stderr)
    return Finished(step, command_text(words), code, stdout, stderr, duration_ms, failure)


def find_failure(step: Step, code: int, output: str) -> str | None:
    """Why what happened is not what the step expects."""
    if code != step.exit:
        return f"exit {code} where {step.exit} was expected"
    seen = " ".join(_ANSI.sub("", output).split())
    missing = [text for text in step.shows if text not in seen]
    return f"{missing[0]!r} is not in the output" if missing else None


def command_text(words: Sequence[str]) -> str:
    """The command as a shell takes it; placeholders stay readable."""
    import shlex

    return " ".join(["netkit", *(word if "{" in word and " " not in word else shlex.quote(word) for word in words)])


def _may_pass(name: str, ours: Mapping[str, str]) -> bool:
    """No setting of the user's changes what the tour shows: its own variables, and those that are not netkit's."""
    return name in ours or not (name.startswith("NETKIT_") or name.lower().endswith("_proxy"))


def _python_path() -> str:
    """Where this very package is, so that the commands are of the same one wherever the tour starts."""
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
