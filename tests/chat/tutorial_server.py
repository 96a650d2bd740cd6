"""The tutorial's chat server, listings 16 to 21, no more changed than today's Python asks for: bytes, and a port."""

import select
import socket
import sys


class ChatServer:
    def __init__(self, port: int) -> None:
        self.srvsock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.srvsock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.srvsock.bind(("127.0.0.1", port))
        self.srvsock.listen(5)
        self.port = self.srvsock.getsockname()[1]
        self.descriptors = [self.srvsock]
        print(f"ChatServer started on port {self.port}", flush=True)

    def run(self) -> None:
        while True:
            (sread, _swrite, _sexc) = select.select(self.descriptors, [], [])
            for sock in sread:
                if sock is self.srvsock:
                    self.accept_new_connection()
                    continue
                text = sock.recv(100)
                host, port = sock.getpeername()
                if text == b"":
                    self.broadcast_string(b"Client left %s:%d\r\n" % (host.encode(), port), sock)
                    sock.close()
                    self.descriptors.remove(sock)
                else:
                    self.broadcast_string(b"[%s:%d] %s" % (host.encode(), port, text), sock)

    def broadcast_string(self, text: bytes, omit_sock: socket.socket) -> None:
        for sock in self.descriptors:
            if sock is not self.srvsock and sock is not omit_sock:
                sock.send(text)
        sys.stdout.write(text.decode("utf-8", "backslashreplace"))
        sys.stdout.flush()

    def accept_new_connection(self) -> None:
        newsock, (remhost, remport) = self.srvsock.accept()
        self.descriptors.append(newsock)
        newsock.send(b"You're connected to the Python chatserver\r\n")
        self.broadcast_string(b"Client joined %s:%d\r\n" % (remhost.encode(), remport), newsock)


if __name__ == "__main__":
    ChatServer(int(sys.argv[1])).run()
