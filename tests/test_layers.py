"""Who may import whom, read from the source: arrows point down, in no circle, and features do not know each other."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
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


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def at_run_time(node: ast.AST) -> Iterator[str]:
    """What is imported when it runs, also inside functions, but not for type checkers: modules, or names in them."""
    if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        for each in node.orelse:
            yield from at_run_time(each)
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from at_run_time(child)


def test_what_is_imported_at_run_time() -> None:
    source = """
import a.b
from c import d, e as f
if TYPE_CHECKING:
    import g
    from h import i
else:
    import j
def later():
    if k:
        from l import m
"""
    assert list(at_run_time(ast.parse(source))) == ["a.b", "c.d", "c.e", "j", "l.m"]


def test_no_circle_of_imports() -> None:
    """Every folder can be read from the ground up. A lower module that calls back says what it wants: a Protocol."""
    modules = {module_of(file) for file in SOURCES}
    graph = {}
    for file in SOURCES:
        found = at_run_time(ast.parse(file.read_text()))
        graph[module_of(file)] = {each if each in modules else each.rpartition(".")[0] for each in found} & modules
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        pytest.fail(" imports ".join(reversed(exc.args[1])))


def test_the_package_imports_nothing() -> None:
    assert list(imports(ROOT / "__init__.py")) == []


def test_every_folder_is_in_the_rule() -> None:
    folders = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert folders - {"__pycache__"} <= set(ALLOWED)


@pytest.mark.parametrize("file", SOURCES, ids=[str(file.relative_to(ROOT)) for file in SOURCES])
def test_modules_stay_one_idea_long(file: Path) -> None:
    lines = len(file.read_text().splitlines())
    assert lines <= 400, f"{file.relative_to(ROOT)} has {lines} lines"
