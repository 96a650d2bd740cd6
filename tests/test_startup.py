"""What a start loads: nothing that its own command does not need (CONTRACT: budgets)."""

import ast
import subprocess
import sys

import pytest

from netkit.cli.app import Commands

HEAVY = {"rich", "pydantic", "asyncio", "markdown_it", "pygments"}

RUN = """
import sys
from netkit.__main__ import main
sys.argv = ["netkit", *{argv!r}]
try:
    main()
finally:
    sys.stdout.flush()
    print(sorted(sys.modules), file=sys.stderr)
"""


def loaded(code: str) -> set[str]:
    """The modules in sys.modules when the code has run with its output in pipes."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    last = done.stderr.strip().splitlines()[-1]
    names = ast.literal_eval(last)
    assert isinstance(names, list)
    return set(names)


def roots(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def test_importing_netkit_imports_nothing() -> None:
    before = loaded("import sys; print(sorted(sys.modules), file=sys.stderr)")
    after = loaded("import sys, netkit; print(sorted(sys.modules), file=sys.stderr)")
    assert after - before == {"netkit"}


def test_version_needs_no_typer() -> None:
    names = loaded(RUN.format(argv=["--version"]))
    assert "typer" not in names
    assert {name for name in names if name.startswith("netkit")} == {"netkit", "netkit.__main__"}


@pytest.mark.parametrize("argv", [["--help"], ["http", "--help"], ["nosuch"], ["http", "get", "--help"], []])
def test_help_and_usage_errors_in_a_pipe_load_no_rich(argv: list[str]) -> None:
    assert not roots(loaded(RUN.format(argv=argv))) & HEAVY


def test_a_listing_imports_no_command() -> None:
    assert not [name for name in loaded(RUN.format(argv=["--help"])) if name.startswith("netkit.cli.commands.")]


@pytest.mark.parametrize(
    ("argv", "foreign"),
    [
        (["resolve", "localhost"], {"pycurl", "dns", "ssl", "cryptography", "idna", "netkit.http", "netkit.lab"}),
        (["resolve", "--json", "localhost"], {"pycurl", "dns", "ssl", "cryptography", "netkit.http", "netkit.lab"}),
        (["resolve", "nosuch.invalid"], {"pycurl", "dns", "ssl", "netkit.http", "netkit.lab"}),
        (["resolve", "@127.0.0.1:1", "--timeout", "1", "a.test"], {"pycurl", "dns", "ssl", "netkit.http"}),
        (["fqdn", "--timeout", "1", "127.0.0.1"], {"pycurl", "dns", "ssl", "netkit.http", "netkit.lab"}),
        (["http", "get", "http://127.0.0.1:1/"], {"dns", "ssl", "cryptography", "netkit.dns", "netkit.lab"}),
        (["http", "head", "--json", "http://127.0.0.1:1/"], {"dns", "ssl", "cryptography", "netkit.dns"}),
        (["smtp", "check", "127.0.0.1:1"], {"pycurl", "dns", "cryptography", "email", "netkit.dns", "netkit.lab"}),
        (
            ["pop3", "subjects", "--user", "a", "--password-cmd", "echo p", "127.0.0.1:1"],
            {
                "pycurl",
                "dns",
                "ssl",
                "cryptography",
                "email",
                "platformdirs",
                "netkit.dns",
                "netkit.http",
                "netkit.lab",
            },
        ),
        (
            ["chat", "join", "--send", "x", "127.0.0.1:1"],
            {"pycurl", "dns", "ssl", "cryptography", "prompt_toolkit", "netkit.dns", "netkit.http", "netkit.lab"},
        ),
        (
            ["smtp", "send", "--from", "a@x.test", "--to", "b@x.test", "--text", "x", "127.0.0.1:1"],
            {"pycurl", "dns", "ssl", "cryptography", "email", "netkit.dns", "netkit.http", "netkit.lab", "dkim"},
        ),
    ],
)
def test_a_leaf_loads_its_own_libraries_alone(argv: list[str], foreign: set[str]) -> None:
    names = loaded(RUN.format(argv=argv))
    entry = Commands.table.get(" ".join(argv[:2])) or Commands.table[argv[0]]
    module = entry.target.partition(":")[0]
    assert f"netkit.cli.commands.{module}" in names
    assert not (roots(names) | names) & (HEAVY | foreign)


@pytest.mark.parametrize("package", ["netkit.dns", "netkit.http", "netkit.net.address", "netkit.lab"])
def test_a_library_import_loads_no_command_line(package: str) -> None:
    names = loaded(f"import sys, {package}; print(sorted(sys.modules), file=sys.stderr)")
    assert not roots(names) & {"typer", "rich", "pydantic"}
    assert not [name for name in names if name.startswith("netkit.cli")]
