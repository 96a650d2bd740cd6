"""The tutorial's code in short, in today's Python, as the tour shows it beside each step."""

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

CHAT_SERVER = """\
myServer = ChatServer(2626)
myServer.run()"""
CHAT_ACCEPT = """\
newsock, (remhost, remport) = self.srvsock.accept()
self.descriptors.append(newsock)
newsock.send(b"You're connected to the Python chatserver\\r\\n")
self.broadcast_string(f"Client joined {remhost}:{remport}\\r\\n", newsock)"""
CHAT_BROADCAST = """\
for sock in self.descriptors:
    if sock is not self.srvsock and sock is not omit_sock:
        sock.send(text)"""
