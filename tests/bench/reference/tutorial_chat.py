"""The tutorial's ChatServer (its listings 16 to 24) in Python 3, with its faults: no lines, blocking sends, select().

    python tutorial_chat.py [PORT]

As there, but for what Python 3 asks for: bytes on the wire, `print` a function; and it says the port that it got, so
that 0 may be asked for. Of a client that has gone the listing's `sock.close` closes nothing; letting go of it does.
"""

import select
import socket
import sys


class ChatServer:
    def __init__(self, port: int) -> None:
        self.srvsock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.srvsock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.srvsock.bind(("", port))
        self.srvsock.listen(5)
        self.port = self.srvsock.getsockname()[1]
        self.descriptors = [self.srvsock]
        print(f"ChatServer started on port {self.port}", flush=True)

    def run(self) -> None:
        while True:
            # Await an event on a readable socket descriptor
            sread, _, _ = select.select(self.descriptors, [], [])
            # Iterate through the tagged read descriptors
            for sock in sread:
                # Received a connect to the server (listening) socket
                if sock is self.srvsock:
                    self.accept_new_connection()
                    continue
                # Received something on a client socket
                data = sock.recv(100)
                host, port = sock.getpeername()
                # Check to see if the peer socket closed
                if data == b"":
                    self.broadcast_string(b"Client left %s:%d\r\n" % (host.encode(), port), sock)
                    sock.close()
                    self.descriptors.remove(sock)
                else:
                    self.broadcast_string(b"[%s:%d] %s" % (host.encode(), port, data), sock)

    def broadcast_string(self, data: bytes, omit_sock: socket.socket) -> None:
        for sock in self.descriptors:
            if sock is not self.srvsock and sock is not omit_sock:
                sock.send(data)
        print(data.decode("latin-1"), end="")

    def accept_new_connection(self) -> None:
        newsock, (remhost, remport) = self.srvsock.accept()
        self.descriptors.append(newsock)
        newsock.send(b"You're connected to the Python chatserver\r\n")
        self.broadcast_string(b"Client joined %s:%d\r\n" % (remhost.encode(), remport), newsock)


if __name__ == "__main__":
    ChatServer(int(sys.argv[1]) if len(sys.argv) > 1 else 2626).run()
