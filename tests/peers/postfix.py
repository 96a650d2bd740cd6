"""A Postfix of our own on loopback ports: three smtpd that deliver whatever they take into one maildir.

Needs root, since Postfix changes users. Nothing of the system's Postfix is used but its programs.
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

MASTER = "/usr/lib/postfix/sbin/master"
LIMIT = 2_000_000  # bytes of a message
MAIN = """
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
inet_protocols = ipv4
myhostname = mx.test
mydestination =
alias_maps =
mynetworks = 127.0.0.0/8
message_size_limit = {limit}
in_flow_delay = 0
smtpd_forbid_unauth_pipelining = yes
smtpd_forbid_bare_newline = reject
smtpd_forbid_bare_newline_exclusions =
smtpd_client_connection_rate_limit = 0
smtpd_tls_security_level = may
smtpd_tls_chain_files = {root}/site.key, {root}/site.pem
smtpd_recipient_restrictions =
    check_recipient_access inline:{{
        {{ refused@y.test = 550 5.1.1 no such user }}
        {{ deferred@y.test = 451 4.2.2 the mailbox is full }} }}
    permit
virtual_mailbox_domains = x.test, y.test, xn--exmple-cua.test
virtual_mailbox_base = {root}
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""
SERVICES = """
127.0.0.1:{plain} inet n - n - - smtpd
127.0.0.1:{tls} inet n - n - - smtpd
    -o smtpd_tls_wrappermode=yes
127.0.0.1:{old} inet n - n - - smtpd
    -o smtpd_discard_ehlo_keywords=chunking,pipelining,smtputf8,dsn,8bitmime
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(NamedTuple):
    """plain, tls, old: 127.0.0.1:PORT of the smtpd with every extension and STARTTLS, of the one with TLS at once, and
    of the one without extensions; ca: the file to trust."""

    plain: str
    tls: str
    old: str
    ca: str
    root: Path

    def arrived(self, *found: bytes) -> list[bytes]:
        """The messages in the maildir that have each of these, once there is one; LF line ends."""
        return arrived(self.root / "mail" / "new", *found)


@contextmanager
def postfix() -> Iterator[Postfix]:
    nobody, owner = pwd.getpwnam("nobody"), pwd.getpwnam("postfix")
    root = Path(tempfile.mkdtemp(prefix="netkit-postfix-"))
    try:
        root.chmod(0o755)
        for name in ("conf", "queue", "queue/pid"):
            (root / name).mkdir()
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved", "trace"):
            _owned(root / "queue" / name, owner.pw_uid, 0o700)
        _owned(root / "queue" / "private", owner.pw_uid, 0o700)
        _owned(root / "queue" / "public", owner.pw_uid, 0o711)
        _owned(root / "queue" / "maildrop", owner.pw_uid, 0o730)
        _owned(root / "data", owner.pw_uid, 0o700)
        _owned(root / "mail", nobody.pw_uid, 0o700)
        authority = Authority()
        leaf = authority.issue(["localhost", "127.0.0.1"])
        (root / "site.pem").write_bytes(leaf.certificate)
        (root / "site.key").write_bytes(leaf.key)
        (root / "ca.pem").write_bytes(authority.pem)
        plain, tls, old = find_free_port(), find_free_port(), find_free_port()
        main = MAIN.format(root=root, limit=LIMIT, uid=nobody.pw_uid, gid=nobody.pw_gid)
        (root / "conf" / "main.cf").write_text(main)
        os.utime(root / "conf" / "main.cf", (0, 0))  # Postfix waits until a file of this second is an older one
        (root / "conf" / "master.cf").write_text(SERVICES.format(plain=plain, tls=tls, old=old))
        argv = [MASTER, "-c", str(root / "conf"), "-d"]
        master = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            for port in (plain, tls, old):
                await_port(master, port, root / "mail.log")
            where = [f"127.0.0.1:{port}" for port in (plain, tls, old)]
            yield Postfix(where[0], where[1], where[2], str(root / "ca.pem"), root)
        finally:
            os.killpg(master.pid, signal.SIGKILL)  # with SIGTERM it waits a second for its children
            master.wait(20)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _owned(folder: Path, uid: int, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)
    os.chown(folder, uid, -1)
