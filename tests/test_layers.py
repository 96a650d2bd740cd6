"""Who may import whom, read from the source: arrows point down, and features do not know each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import netkit

ROOT = Path(netkit.__file__).parent

# What a layer may import besides itself. Features on one step (http, mail) do not know each other.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "events": set(),
    "net": {"errors", "events"},
    "dns": {"net", "errors", "events"},
    "http": {"dns", "net", "errors", "events"},
    "echo": {"net", "errors", "events"},
    "sockopt": {"net", "errors", "events"},
    "watch": {"net", "errors", "events"},
    "chat": {"net", "errors", "events"},
    "mail": {"dns", "net", "errors", "events"},
    "lab": {"chat", "echo", "sockopt", "watch", "http", "mail", "dns", "net", "errors", "events"},
    "cli": {"lab", "chat", "echo", "sockopt", "watch", "http", "mail", "dns", "net", "errors", "events"},
}
FOREIGN = {  # third-party and I/O modules, and the only places that may import them
    "typer": ("cli",),
    "rich": ("cli",),
    "pycurl": ("net/curl.py",),
    "nats": ("chat/nats/",),
}
PROTOCOL_IO = {"asyncio", "socket", "ssl", "time", "selectors"}  # never in a module named protocol.py


def layer(module: str) -> str:
    part = [*module.split("."), ""][1]
    return "cli" if part == "__main__" else part


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "netkit":
                yield from (f"netkit.{alias.name}" for alias in node.names)
            else:
                yield node.module


SOURCES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("file", SOURCES, ids=[str(file.relative_to(ROOT)) for file in SOURCES])
def test_imports_point_down(file: Path) -> None:
    place = file.relative_to(ROOT)
    me = layer("netkit." + ".".join(place.with_suffix("").parts))
    for name in imports(file):
        root = name.split(".")[0]
        if root == "netkit":
            target = layer(name)
            known = target in ("", "__version__") or target in {me, *ALLOWED.get(me, set())}
            assert known, f"{place} imports {name}: {me or 'the package'} may import {sorted(ALLOWED.get(me, set()))}"
        if root in FOREIGN:
            assert any(str(place).startswith(allowed) for allowed in FOREIGN[root]), f"{place} imports {name}"
        if file.name == "protocol.py":
            assert root not in PROTOCOL_IO, f"{place} imports {name}: protocol code has no I/O and no clock"


def test_the_package_imports_nothing() -> None:
    assert list(imports(ROOT / "__init__.py")) == []


def test_every_folder_is_in_the_rule() -> None:
    folders = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert folders - {"__pycache__"} <= set(ALLOWED)


@pytest.mark.parametrize("file", SOURCES, ids=[str(file.relative_to(ROOT)) for file in SOURCES])
def test_modules_stay_one_idea_long(file: Path) -> None:
    lines = len(file.read_text().splitlines())
    assert lines <= 400, f"{file.relative_to(ROOT)} has {lines} lines"
