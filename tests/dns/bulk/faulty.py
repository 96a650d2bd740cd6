"""A DNS server in a thread that is fast enough for thousands of names, and loses, fails, cuts and garbles some.

A of `h123.anything` is 10.0.0.123 and so on, and PTR leads back; 10.1.0.123 has the same name, which does not. What
happens to the first query for a name is its number's to say: DROPPED, FAILED (SERVFAIL), CUT (TC; TCP has the answer)
and GARBLED leave over what `number % 100` is, the last one of a thousand. Later queries for the name are answered.
"""

import selectors
import socket
import threading

from tests.ports import find_free_port

PTR = b"\4arpa\0\0\x0c\0\1"
DROPPED, FAILED, CUT, GARBLED = 1, 2, 3, 4


class Faulty:
    """quiet_after: so many queries are answered, and none after them. port: that one, instead of any that is free."""

    def __init__(self, *, faults: bool = True, quiet_after: int | None = None, port: int = 0) -> None:
        self.faults = faults
        self.quiet_after = quiet_after
        self.asked: set[bytes] = set()
        self.queries = 0
        self.closed = False
        self.udp, self.tcp = at(port or find_free_port())
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.wake, self.waker = socket.socketpair()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __str__(self) -> str:
        return f"127.0.0.1:{self.udp.getsockname()[1]}"

    def close(self) -> None:
        self.closed = True
        self.waker.send(b"x")
        self.thread.join()
        for sock in (self.udp, self.tcp, self.wake, self.waker):
            sock.close()

    def run(self) -> None:
        received: dict[socket.socket, bytes] = {}
        with selectors.DefaultSelector() as selector:
            for one in (self.udp, self.tcp, self.wake):
                selector.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    sock = key.fileobj
                    assert isinstance(sock, socket.socket)
                    if sock is self.wake:
                        for peer in received:
                            peer.close()
                        return
                    if sock is self.udp:
                        wire, sender = self.udp.recvfrom(4096)
                        if reply := self.reply(wire):
                            self.udp.sendto(reply, sender)
                    elif sock is self.tcp:
                        peer, _ = self.tcp.accept()
                        received[peer] = b""
                        selector.register(peer, selectors.EVENT_READ)
                    elif not self.converse(sock, received):
                        selector.unregister(sock)
                        del received[sock]
                        sock.close()

    def converse(self, peer: socket.socket, received: dict[socket.socket, bytes]) -> bool:
        try:
            chunk = peer.recv(65536)
            data = received[peer] + chunk
            while len(data) >= 2 and len(data) >= (end := 2 + int.from_bytes(data[:2])):
                reply = answer(data[2:end])
                peer.sendall(len(reply).to_bytes(2) + reply)
                data = data[end:]
            received[peer] = data
        except OSError:
            return False
        return bool(chunk)

    def reply(self, wire: bytes) -> bytes:
        self.queries += 1
        if self.quiet_after is not None and self.queries > self.quiet_after:
            return b""
        question = wire[12 : wire.index(b"\0", 12) + 5]
        if self.faults and question not in self.asked:
            self.asked.add(question)
            number = number_of(question)
            match number % 100:
                case 1:
                    return b""
                case 2:
                    return wire[:2] + b"\x81\x82\0\1\0\0\0\0\0\0" + question
                case 3:
                    return wire[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + question
                case 4 if number % 1000 == 4:
                    return wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + b"\xc0\xff garbage"
        return answer(wire)


def at(port: int) -> tuple[socket.socket, socket.socket]:
    udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for one in (udp, tcp):
        one.bind(("127.0.0.1", port))
    tcp.listen(100)
    return udp, tcp


def number_of(question: bytes) -> int:
    if question.endswith(PTR):
        last = question[1 : 1 + question[0]]
        behind = question[1 + question[0] :]
        return int(last) + 256 * int(behind[1 : 1 + behind[0]])
    return int(question[2 : 1 + question[0]] or b"0")


def answer(wire: bytes) -> bytes:
    question = wire[12 : wire.index(b"\0", 12) + 5]
    if question.endswith(PTR):
        label = b"h%d" % number_of(question)
        name = bytes([len(label)]) + label + b"\4test\0"
        head = wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question
        return head + b"\xc0\x0c\0\x0c\0\1\0\0\0\x3c" + len(name).to_bytes(2) + name
    address = (10 << 24 | number_of(question)).to_bytes(4)
    return wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + address
