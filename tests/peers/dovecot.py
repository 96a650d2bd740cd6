"""Dovecot as a POP3 server of our own on loopback ports: any user, the password `secret`, mail in a maildir.

It lets in by every SASL mechanism that netkit has; the tokens are JSON Web Tokens which it checks itself.

Needs root, since Dovecot changes users: its mail belongs to `nobody`.
"""

import hmac
import json
import os
import pwd
import shutil
import subprocess
import tempfile
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from netkit.net.ca import Authority
from tests.peers.daemons import await_port
from tests.ports import find_free_port

PASSWORD = "secret"
CONF = """
protocols = pop3
listen = 127.0.0.1
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
ssl = yes
ssl_cert = <{root}/site.pem
ssl_key = <{root}/site.key
disable_plaintext_auth = no
auth_mechanisms = plain login apop cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer
# a wrong password is answered at once, and the next login is not made to wait for it
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
mail_location = maildir:{root}/mail/%u
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {root}/oauth2.conf
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/mail/%u
}}
first_valid_uid = 1
service pop3-login {{
  inet_listener pop3 {{
    port = {plain}
  }}
  inet_listener pop3s {{
    port = {tls}
    ssl = yes
  }}
}}
"""

OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={root}/keys/
username_attribute = sub
"""
TOKEN_KEY = b"the key that signs our tokens"


def token(user: str, key: bytes = TOKEN_KEY) -> str:
    """What an authority would give the user (RFC 7519)."""
    claims = {"sub": user, "iat": 1_700_000_000, "exp": 4_000_000_000}
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return (text + b"." + urlsafe_b64encode(hmac.digest(key, text, "sha256")).rstrip(b"=")).decode()


class Dovecot(NamedTuple):
    """plain, tls: 127.0.0.1:PORT of each; ca: the file to trust; root: where all of it is."""

    plain: str
    tls: str
    ca: str
    root: Path


@contextmanager
def dovecot(
    program: str, mailboxes: Mapping[str, Sequence[bytes]], *, more: str = "", ports: Sequence[int] = ()
) -> Iterator[Dovecot]:
    """A running server; mailboxes: the messages of each user, with LF line ends as a maildir has them.

    more: of the configuration, {root} in it is the server's folder; ports: those that it listens on for that.
    """
    nobody = pwd.getpwnam("nobody")
    root = Path(tempfile.mkdtemp(prefix="netkit-dovecot-"))
    try:
        root.chmod(0o755)
        (root / "mail").mkdir()
        for user, messages in mailboxes.items():
            folder = root / "mail" / user
            for name in ("new", "cur", "tmp"):
                (folder / name).mkdir(parents=True, exist_ok=True)
            for number, message in enumerate(messages, 1):
                (folder / "cur" / f"{1700000000 + number}.M{number}P1.lab:2,").write_bytes(message)
        for path in [root / "mail", *(root / "mail").rglob("*")]:
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        authority = Authority()
        leaf = authority.issue(["localhost", "127.0.0.1"])
        (root / "site.pem").write_bytes(leaf.certificate)
        (root / "site.key").write_bytes(leaf.key)
        (root / "ca.pem").write_bytes(authority.pem)
        plain, tls = find_free_port(), find_free_port()
        conf = CONF.format(root=root, plain=plain, tls=tls, uid=nobody.pw_uid, gid=nobody.pw_gid, password=PASSWORD)
        (root / "dovecot.conf").write_text(conf + more.replace("{root}", str(root)))
        (root / "oauth2.conf").write_text(OAUTH2.format(root=root))
        keys = root / "keys/default/HS256"
        keys.mkdir(parents=True)
        (keys / "default").write_bytes(b64encode(TOKEN_KEY))
        server = subprocess.Popen([program, "-F", "-c", str(root / "dovecot.conf")], stderr=subprocess.DEVNULL)
        try:
            for port in (plain, tls, *ports):
                await_port(server, port, root / "log")
            yield Dovecot(f"127.0.0.1:{plain}", f"127.0.0.1:{tls}", str(root / "ca.pem"), root)
        finally:
            server.terminate()
            server.wait(20)
    finally:
        shutil.rmtree(root, ignore_errors=True)
