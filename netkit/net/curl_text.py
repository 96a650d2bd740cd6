"""Reads what libcurl says while it works (its debug callback): addresses that failed, TLS facts, steps for the trace.

These texts are for people and change between versions, so everything here is defensive: a line that is not
recognised is ignored, and a fact that was not said is None. The numbers that matter come from getinfo() instead.
"""

import re

from netkit.events import OnEvent, Step, StepName
from netkit.net.curl_head import MAX_ODD
from netkit.net.hop import MASK, Failed, Headers, Remote, is_secret

TEXT, HEADER_IN, HEADER_OUT, DATA_IN = 0, 1, 2, 3  # CURLINFO_* of curl_debug_callback(3)

_TRYING = re.compile(r"\s*Trying (?:\[(.+?)\]|(.+)):(\d+)\.\.\.")  # a unix socket has port 0
# Compiled when a line that begins so is there: all of them at once take 2 ms, half of what is libcurl's own.
_FAILED = r"connect to (\S+) port (\d+) (?:from .* )?failed: (.*)"
_SESSION = r"SSL connection using (\S+) / (\S+)(?: / (\S+))?"
_EXCESS = r"Excess found.*?: excess = (\d+)"
_DROPPED = r"Ignoring received invalid HTTP header field: .*stream: (\d+), name: \[(.*?)\], value: "
_GOAWAY = r"received GOAWAY, error=(\d+)"
_STREAM = re.compile(r"\[HTTP/[23]\] \[(\d+)\] OPENED")
_LISTED = ("IPv4: ", "IPv6: ")
_REUSED = ("Reusing existing ", "Re-using existing ")
_CONNECTED = ("Established connection to ", "Connected to ", "ALPN: curl offers")
_TUNNELLED = ("CONNECT tunnel established", "Opened SOCKS connection")
_ALPN = "ALPN: server accepted "
_CLOSED = ("closing connection", "shutting down connection", "Closing connection")

_DULL = (b"Request completely sent off", b"Connection #", b"TLSv1.")  # of every exchange

_WORDS = {
    "connection refused": "refused",
    "connection reset by peer": "reset",
    "connection timed out": "no answer",
    "network is unreachable": "network unreachable",
}


class Listener:
    """The debug callback of one exchange."""

    def __init__(self, address: str, on_event: OnEvent | None, *, show_secrets: bool = False) -> None:
        self.on_event = on_event
        self.show_secrets = show_secrets
        self.address = address  # of the peer: HOST:PORT until an IP address is known
        self.host = address
        self.listed: list[str] = []
        self.tried: list[Remote] = []
        self.failures: list[Failed] = []
        self.connected = False
        self.tunnelled = False  # through a proxy, which let us
        self.tunnels = 0  # asked for
        self.said_anything = False
        self.tls_version: str | None = None
        self.cipher: str | None = None
        self.group: str | None = None
        self.alpn: str | None = None
        self.excess = 0  # bytes behind the end of the response
        self.dropped: list[str] = []  # names of header fields that cannot be, which HTTP/2 leaves out
        self.goaway: int | None = None  # the error with which the peer ended the connection
        self.stream = ""
        self.request: Headers | None = None
        self._head = bytearray()

    def __call__(self, kind: int, data: bytes) -> None:
        if kind == TEXT:
            if data.startswith(_DULL):
                return
            self._text(data.decode("utf-8", "replace").rstrip("\n"))
        elif kind == HEADER_OUT:
            self._sent(data)
        elif self.on_event is None:
            return
        elif kind == HEADER_IN:
            self._head += data
            if data in (b"\r\n", b"\n"):
                self._flush_head()
        elif kind == DATA_IN and data:
            self._step("recv", size=len(data), data=bytes(data))

    def failed(self) -> tuple[Failed, ...] | None:
        """The addresses that did not connect, None when libcurl never said which it tried."""
        return tuple(self.failures) if self.said_anything else None

    def silent(self) -> list[Remote]:
        """The addresses tried that have not answered in any way."""
        over = {failure.remote for failure in self.failures}
        return [remote for remote in self.tried if remote not in over]

    def _text(self, line: str) -> None:
        if found := _TRYING.match(line):
            self._trying(found[1] or found[2], int(found[3]))
        elif line.startswith("connect to ") and (found := re.match(_FAILED, line)):
            remote = Remote(found[1], int(found[2]))
            reason = _WORDS.get(found[3].lower(), found[3].lower())
            self.failures.append(Failed(remote, reason))
            self._step("connect", str(remote), result=reason)
        elif line.startswith(_LISTED):
            if line[6:] != "(none)":
                self.listed += [ip.strip() for ip in line[6:].split(",") if ip.strip()]
        elif line.startswith("SSL connection using ") and (found := re.match(_SESSION, line)):
            self._connect()
            self.tls_version, self.cipher, self.group = found[1], found[2], found[3]
            self._step("tls", detail=" ".join(word for word in found.groups() if word))
        elif line.startswith(_ALPN):
            self.alpn = line.removeprefix(_ALPN).split(maxsplit=1)[0]
        elif line.startswith(_TUNNELLED):
            self.tunnelled = True
            self.tls_version = self.cipher = self.group = self.alpn = None  # what was so far was with the proxy
        elif line.startswith(_CONNECTED):
            self._connect()
        elif line.startswith(_REUSED):
            self.connected = True
        elif line.startswith("Excess found") and (found := re.match(_EXCESS, line)):
            self.excess = int(found[1])
        elif line.startswith("[HTTP/") and (found := _STREAM.match(line)):
            self.stream = found[1]
        elif line.startswith("Ignoring received") and (found := re.match(_DROPPED, line, re.DOTALL)):
            if found[1] == self.stream and len(self.dropped) < MAX_ODD:  # it may be said to another one's handle
                self.dropped.append(found[2])
        elif line.startswith("received GOAWAY") and (found := re.match(_GOAWAY, line)):
            self.goaway = int(found[1])
        elif line.startswith("Could not resolve host"):
            self._step("resolve", self.host, result="no such host")
        elif line.startswith(_CLOSED):
            self._step("close")

    def _trying(self, target: str, port: int) -> None:
        if not port:
            self.address = f"unix:{target}"
            self._step("socket", "", detail="AF_UNIX SOCK_STREAM")
            return
        remote = Remote(target, port)
        self.said_anything = True
        if self.listed and not self.tried:
            self._step("resolve", self.host, detail=" ".join(self.listed))
        self.tried.append(remote)
        self.address = str(remote)
        self._step("socket", "", detail=f"{'AF_INET6' if ':' in remote.ip else 'AF_INET'} SOCK_STREAM")

    def _connect(self) -> None:
        if not self.connected:
            self.connected = True
            if silent := self.silent():
                self.address = str(silent[-1])
            self._step("connect")

    def _sent(self, data: bytes) -> None:
        self._connect()
        lines = data.decode("latin-1").split("\r\n")
        if lines[0].startswith("CONNECT "):  # to the proxy, as far as the server's name
            self.tunnels += 1
        else:
            pairs = (line.partition(":") for line in lines[1:] if line)
            self.request = tuple((name, value.strip()) for name, _, value in pairs)
        if self.on_event:
            self._step("send", detail=lines[0], size=len(data), data=self._masked(data))

    def _flush_head(self) -> None:
        data = bytes(self._head)
        self._head.clear()
        first = data.partition(b"\r\n")[0].decode("latin-1")
        self._step("recv", detail=first, size=len(data), data=self._masked(data))

    def _masked(self, head: bytes) -> bytes:
        return head if self.show_secrets else mask(head)

    def _step(
        self,
        name: StepName,
        address: str | None = None,
        *,
        detail: str = "",
        size: int | None = None,
        result: str = "ok",
        data: bytes | None = None,
    ) -> None:
        if self.on_event:
            self.on_event(Step(name, self.address if address is None else address, detail, size, result, data))


def mask(head: bytes) -> bytes:
    """A message head with the values of secret headers masked."""
    lines = head.split(b"\r\n")
    for number, line in enumerate(lines):
        name, colon, value = line.partition(b":")
        if number and colon and value.strip() and is_secret(name.decode("latin-1").strip()):
            lines[number] = name + b": " + MASK.encode()
    return b"\r\n".join(lines)
