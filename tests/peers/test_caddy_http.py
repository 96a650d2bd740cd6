"""`netkit http` against Caddy: HTTP/3, HTTP/2 and 1.1 on one port."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from netkit.net.ca import Authority

Run = Callable[..., subprocess.CompletedProcess[str]]
CONF = """
{{
    admin off
    auto_https off
    servers {{
        protocols h1 h2 h3
    }}
}}
https://127.0.0.1:{port} {{
    bind 127.0.0.1
    tls {root}/site.pem {root}/site.key
    respond /hello "{{http.request.proto}} for {{http.request.header.X-Who}}"
    redir /old /hello 308
    respond /teapot 418
}}
"""


@pytest.fixture
def caddy(
    program: Callable[[str], str],
    free_port: Callable[[], int],
    daemon: Callable[..., object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[str, str]:
    path, port = program("caddy"), free_port()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    authority = Authority("Caddy test CA")
    leaf = authority.issue(["127.0.0.1"])
    for name, content in (("ca.pem", authority.pem), ("site.pem", leaf.certificate), ("site.key", leaf.key)):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "Caddyfile").write_text(CONF.format(port=port, root=tmp_path))
    daemon(path, "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile", port=port)
    return f"https://127.0.0.1:{port}", str(tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("version", "spoken"), [("3", "HTTP/3.0"), ("2", "HTTP/2.0"), ("1.1", "HTTP/1.1"), ("auto", "HTTP/2.0")]
)
def test_versions(caddy: tuple[str, str], netkit: Run, version: str, spoken: str) -> None:
    url, ca = caddy
    done = netkit("http", "get", "--http", version, "--cacert", ca, "-H", "X-Who: us", f"{url}/hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{spoken} for us", "")


def test_http_3_has_its_facts(caddy: tuple[str, str], netkit: Run) -> None:
    url, ca = caddy
    done = netkit("http", "get", "--http", "3", "--cacert", ca, "--json", f"{url}/old")
    first, second = json.loads(done.stdout)["hops"]
    assert (first["status"], first["http_version"], second["status"], second["reused"]) == (308, "3", 200, True)
    assert first["tls"]["verified"] is True
    assert first["tls"]["chain"][0]["san"] == ["127.0.0.1"]
    assert second["tls"] == first["tls"]
    assert netkit("http", "get", "--http", "3", "--cacert", ca, f"{url}/teapot").returncode == 1


def test_http_3_is_verified(caddy: tuple[str, str], netkit: Run) -> None:
    url, ca = caddy
    done = netkit("http", "get", "--http", "3", f"{url}/hello")
    assert done.returncode == 6
    assert "the certificate is issued by Caddy test CA, which this machine does not trust" in done.stderr
    wrong = f"sha256//{'A' * 43}="
    assert netkit("http", "get", "--http", "3", "--cacert", ca, "--pin", wrong, f"{url}/hello").returncode == 6
