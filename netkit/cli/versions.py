"""What netkit runs on, for the report of a bug: what wheels bundle ages on its own, libcurl above all."""

import platform
import ssl
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from netkit import __version__
from netkit.errors import NetkitError

PACKAGES = (
    *("typer", "rich", "dnspython", "idna", "pycurl", "brotli", "backports.zstd", "uvloop", "platformdirs"),
    *("cryptography", "dkimpy", "prompt-toolkit", "websockets", "nats-py", "aioquic"),
)  # those of pyproject.toml, extras as well


def lines() -> Iterator[str]:
    """One `NAME VERSION` a line; of a package that is not there, that it is not."""
    yield f"netkit {__version__}"
    yield f"{platform.python_implementation()} {platform.python_version()} on {platform.platform()}"
    yield f"{ssl.OPENSSL_VERSION} of Python: mail, sockets, DNS"
    try:
        from netkit.net.curl import load

        yield f"{load().version.partition(' ')[2]} of pycurl: HTTP"
    except NetkitError as exc:
        yield exc.message
    for name in PACKAGES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} not installed"
