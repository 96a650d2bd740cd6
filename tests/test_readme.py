"""README tells the truth: its commands print what it shows, its library examples run, its links lead somewhere."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

from netkit.cli.app import Commands

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()


def test_every_command_prints_what_readme_shows() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.readme", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_library_examples_run() -> None:
    examples = "\n".join(re.findall(r"^```pycon\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))
    parsed = doctest.DocTestParser().get_doctest(examples, {}, "README.md", "README.md", 0)
    assert len(parsed.examples) >= 6
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(parsed)
    assert result.failed == 0


def test_every_command_is_shown() -> None:
    for path, entry in Commands.table.items():
        if entry.target:
            assert re.search(rf"^\$ (.*[ ;|(])?netkit {path}\b", TEXT, re.MULTILINE), f"README shows no `netkit {path}`"
