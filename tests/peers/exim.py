"""An Exim of our own on loopback ports, which delivers whatever it takes into one maildir.

Needs root, since Exim changes users. tests/peers/install unpacks its program beside Postfix.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from netkit.net.ca import Authority
from tests.peers.daemons import arrived, await_port
from tests.ports import find_free_port

USER = "Debian-exim"  # compiled in
LIMIT = 2_000_000  # bytes of a message
CONF = """
exim_path = {program}
exim_user = {user}
exim_group = {user}
spool_directory = {root}/spool
log_file_path = {root}/spool/log-%slog
primary_hostname = mx.test
daemon_smtp_ports = {plain} : {tls}
tls_on_connect_ports = {tls}
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
deliver_drop_privilege
acl_smtp_rcpt = rcpt
prdr_enable
acl_smtp_data = data
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = {root}/site.pem
tls_privatekey = {root}/site.key
message_size_limit = {limit}
smtp_accept_queue_per_connection = 0
begin acl
rcpt:
  deny local_parts = refused
    message = no such user
  defer local_parts = deferred
    message = the mailbox is full
  accept
data:
  deny condition = ${{if match{{$h_subject:}}{{spam}}}}
    message = this is spam
  accept
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {root}/mail
  maildir_format
  envelope_to_add
  return_path_add
"""


class Exim(NamedTuple):
    """plain, tls: 127.0.0.1:PORT of the one with STARTTLS and of the one with TLS at once; ca: the file to trust."""

    plain: str
    tls: str
    ca: str
    root: Path

    def arrived(self, *found: bytes) -> list[bytes]:
        """The messages in the maildir that have each of these, once there is one; LF line ends."""
        return arrived(self.root / "mail" / "new", *found)


@contextmanager
def exim(program: str) -> Iterator[Exim]:
    owner = pwd.getpwnam(USER)
    root = Path(tempfile.mkdtemp(prefix="netkit-exim-"))
    try:
        root.chmod(0o755)
        for folder in ("spool", "mail"):
            (root / folder).mkdir()
            os.chown(root / folder, owner.pw_uid, owner.pw_gid)
        authority = Authority()
        leaf = authority.issue(["localhost", "127.0.0.1"])
        (root / "site.pem").write_bytes(leaf.certificate)
        (root / "site.key").write_bytes(leaf.key)
        (root / "ca.pem").write_bytes(authority.pem)
        plain, tls = find_free_port(), find_free_port()
        conf = CONF.format(root=root, program=program, user=USER, limit=LIMIT, plain=plain, tls=tls)
        (root / "exim.conf").write_text(conf)
        log = root / "output"
        with log.open("wb") as output:
            argv = [program, "-C", str(root / "exim.conf"), "-bdf"]
            server = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        try:
            for port in (plain, tls):
                await_port(server, port, log)
            yield Exim(f"127.0.0.1:{plain}", f"127.0.0.1:{tls}", str(root / "ca.pem"), root)
        finally:
            os.killpg(server.pid, signal.SIGKILL)  # those that deliver as well
            server.wait(20)
    finally:
        shutil.rmtree(root, ignore_errors=True)
