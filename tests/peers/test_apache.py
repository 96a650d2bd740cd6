"""`netkit http` against Apache httpd: Digest, Basic, client certificates, HTTP/2, TLS versions, and as a proxy in TLS;
curl, given the same options, gets the same."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.http.conftest import Authority

Run = Callable[..., subprocess.CompletedProcess[str]]
MODULES = [
    *("mpm_event", "authn_core", "authz_core", "authn_file", "authz_user", "auth_basic", "auth_digest", "ssl"),
    *("http2", "headers", "alias", "proxy", "proxy_http", "proxy_connect"),
]
FOLDER = Path("/usr/lib/apache2/modules")
CONF = """
ServerRoot {root}
ServerName 127.0.0.1
PidFile {root}/pid
DefaultRuntimeDir {root}
ErrorLog {root}/log
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 8
ServerLimit 1
DocumentRoot {root}/www
Listen 127.0.0.1:{plain}
Listen 127.0.0.1:{tls}
Listen 127.0.0.1:{mutual}
Listen 127.0.0.1:{proxy}
Redirect 302 /away https://localhost:{tls}/page
<Location /basic>
    AuthType Basic
    AuthName "the basic one"
    AuthUserFile {root}/basic
    Require user joe
</Location>
<Location /digest>
    AuthType Digest
    AuthName "the digest one"
    AuthUserFile {root}/digest
    Require user joe
</Location>
<VirtualHost 127.0.0.1:{tls}>
    SSLEngine on
    SSLCertificateFile {root}/site.pem
    SSLCertificateKeyFile {root}/site.key
    Protocols h2 http/1.1
    SSLProtocol -all +TLSv1.2 +TLSv1.3
</VirtualHost>
<VirtualHost 127.0.0.1:{mutual}>
    SSLEngine on
    SSLCertificateFile {root}/site.pem
    SSLCertificateKeyFile {root}/site.key
    SSLCACertificateFile {root}/ca.pem
    SSLVerifyClient require
    Header set X-Client "%{{SSL_CLIENT_S_DN_CN}}s"
</VirtualHost>
<VirtualHost 127.0.0.1:{proxy}>
    SSLEngine on
    SSLCertificateFile {root}/site.pem
    SSLCertificateKeyFile {root}/site.key
    ProxyRequests on
    AllowCONNECT {tls}
    <Proxy "*">
        AuthType Basic
        AuthName "the proxy"
        AuthUserFile {root}/basic
        Require user joe
    </Proxy>
</VirtualHost>
"""


@dataclass(frozen=True)
class Apache:
    plain: str
    tls: str
    mutual: str
    proxy: str
    ca: str
    client: str
    key: str


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One that its workers may read, who are nobody when root has started them."""
    made = Path(tempfile.mkdtemp(prefix="netkit-apache-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def apache(
    program: Callable[[str], str], free_port: Callable[[], int], daemon: Callable[..., object], folder: Path
) -> Apache:
    path = program("apache2")
    (folder / "www").mkdir(exist_ok=True)
    for name in ("page", "basic", "digest"):
        (folder / "www" / name).write_text(f"{name} of Apache\n")
    authority = Authority(folder)
    for stem, names in (("site", ("127.0.0.1", "localhost")), ("joe", ())):
        for made, suffix in zip(authority.files(*names, common=stem), ("pem", "key"), strict=True):
            Path(made).rename(folder / f"{stem}.{suffix}")
    digest = hashlib.md5(b"joe:the digest one:secret").hexdigest()
    (folder / "digest").write_text(f"joe:the digest one:{digest}\n")
    sha1 = subprocess.run(["openssl", "passwd", "-apr1", "secret"], capture_output=True, text=True, check=True).stdout
    (folder / "basic").write_text(f"joe:{sha1}")
    modules = "".join(f"LoadModule {name}_module {FOLDER}/mod_{name}.so\n" for name in MODULES)
    plain, tls, mutual, proxy = (free_port() for _ in range(4))
    (folder / "conf").write_text(modules + CONF.format(root=folder, plain=plain, tls=tls, mutual=mutual, proxy=proxy))
    daemon(path, "-D", "FOREGROUND", "-f", str(folder / "conf"), port=plain)
    return Apache(
        f"http://127.0.0.1:{plain}",
        f"https://127.0.0.1:{tls}",
        f"https://127.0.0.1:{mutual}",
        f"https://joe@127.0.0.1:{proxy}",
        authority.ca,
        str(folder / "joe.pem"),
        str(folder / "joe.key"),
    )


@pytest.fixture
def curl(program: Callable[[str], str]) -> Callable[..., str]:
    path = program("curl")

    def run(*args: str) -> str:
        return subprocess.run([path, "-q", "-sS", *args], capture_output=True, text=True, timeout=60).stdout

    return run


SECRET = {"NETKIT_PASSWORD": "secret", "NETKIT_PROXY_PASSWORD": "secret"}


def test_digest(apache: Apache, netkit: Run, curl: Callable[..., str]) -> None:
    url = f"{apache.plain}/digest"
    done = netkit("http", "get", "-u", "joe", "--digest", url, env=SECRET)
    assert (done.returncode, done.stdout, done.stderr) == (0, "digest of Apache\n", "")
    assert done.stdout == curl("-u", "joe:secret", "--digest", url)
    done = netkit("http", "head", "-u", "joe", "--digest", "--json", url, env=SECRET)
    assert [hop["status"] for hop in json.loads(done.stdout)["hops"]] == [401, 200]
    done = netkit("http", "get", "-u", "joe", "--digest", url, env={"NETKIT_PASSWORD": "wrong"})
    assert (done.returncode, done.stderr.splitlines()[0]) == (7, f"netkit: {url}: 401 Unauthorized")
    done = netkit("http", "get", "-u", "joe", url, env=SECRET)
    assert done.returncode == 7
    assert "hint: the server asks for: Digest realm=" in done.stderr


def test_basic(apache: Apache, netkit: Run, curl: Callable[..., str]) -> None:
    url = f"{apache.plain}/basic"
    done = netkit("http", "get", "-u", "joe", url, env=SECRET)
    assert (done.returncode, done.stdout) == (0, curl("-u", "joe:secret", url))


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_versions(apache: Apache, netkit: Run, curl: Callable[..., str], version: str) -> None:
    url = f"{apache.tls}/page"
    done = netkit("http", "get", "--http", version, "--cacert", apache.ca, "--json", url)
    told = curl(f"--http{version}", "--cacert", apache.ca, "-o", "/dev/null", "-w", "%{http_version}", url)
    assert json.loads(done.stdout)["hops"][0]["http_version"] == told == version


def test_tls_versions(apache: Apache, netkit: Run) -> None:
    url = f"{apache.tls}/page"
    for more, version in ((("--tls-max", "1.2"), "TLSv1.2"), (("--tls-min", "1.3"), "TLSv1.3")):
        done = netkit("http", "get", *more, "--cacert", apache.ca, "--json", url)
        assert json.loads(done.stdout)["hops"][0]["tls"]["version"] == version
    done = netkit("http", "get", "--tls-min", "1.0", "--tls-max", "1.1", "--cacert", apache.ca, url)
    assert (done.returncode, done.stdout) == (6, "")
    assert "no TLS session" in done.stderr


def test_a_client_certificate(apache: Apache, netkit: Run, curl: Callable[..., str]) -> None:
    url, more = f"{apache.mutual}/page", ("--cacert", apache.ca, "--cert", apache.client, "--key", apache.key)
    done = netkit("http", "head", "--http", "1.1", *more, url)
    assert done.returncode == 0
    assert "X-Client: joe" in done.stdout.splitlines()
    assert "X-Client: joe" in curl("-I", "--http1.1", *more, url)
    for most in ("1.2", "1.3"):  # refused amid the handshake, or when we read for the first time
        done = netkit("http", "get", "--tls-max", most, "--cacert", apache.ca, url)
        assert done.returncode == 6
        assert f"127.0.0.1:{apache.mutual.rpartition(':')[2]}: no TLS session: " in done.stderr


def test_pins_are_those_of_openssl(apache: Apache, netkit: Run, folder: Path) -> None:
    words = f"openssl x509 -in {folder}/site.pem -pubkey -noout | openssl pkey -pubin -outform der"
    digest = subprocess.run(
        ["/bin/sh", "-c", f"{words} | openssl dgst -sha256 -binary | openssl enc -base64"],
        capture_output=True,
        text=True,
        check=True,
    )
    pin = f"sha256//{digest.stdout.strip()}"
    url = f"{apache.tls}/page"
    assert netkit("http", "get", "--cacert", apache.ca, "--pin", pin, url).returncode == 0
    done = netkit("http", "get", "--cacert", apache.ca, "--pin", f"sha256//{'A' * 43}=", url)
    assert done.returncode == 6
    assert f"the server's key is {pin}, not the one that --pin names" in done.stderr


def test_a_proxy_in_tls(apache: Apache, netkit: Run, curl: Callable[..., str]) -> None:
    for url in (f"{apache.plain}/page", f"{apache.tls}/page"):
        done = netkit("http", "get", "--proxy", apache.proxy, "--cacert", apache.ca, "--json", url, env=SECRET)
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert document["body"]["content"] == "page of Apache\n"
        assert document["hops"][0]["proxy"] == apache.proxy.replace("joe@", "")
        more = ("--proxy", apache.proxy.replace("joe@", ""), "--proxy-user", "joe:secret", "--proxy-cacert", apache.ca)
        assert curl(*more, "--cacert", apache.ca, url) == "page of Apache\n"
    assert "secret" not in done.stdout + done.stderr


def test_a_proxy_in_tls_is_verified(apache: Apache, netkit: Run) -> None:
    done = netkit("http", "get", "--proxy", apache.proxy, "-k", f"{apache.tls}/page", env=SECRET)
    assert done.returncode == 6
    assert f"the proxy {apache.proxy.replace('joe@', '')}: the certificate is" in done.stderr


def test_a_proxy_that_refuses(apache: Apache, netkit: Run) -> None:
    wrong = {"NETKIT_PROXY_PASSWORD": "wrong"}
    for url in (f"{apache.plain}/page", f"{apache.tls}/page"):
        done = netkit("http", "get", "--proxy", apache.proxy, "--cacert", apache.ca, url, env=wrong)
        assert done.returncode == 7, done.stderr
        assert "407" in done.stderr
    done = netkit("http", "get", "--proxy", apache.proxy, "--cacert", apache.ca, "https://127.0.0.1:1/", env=SECRET)
    assert (done.returncode, "answered 403 to CONNECT" in done.stderr) == (1, True)
