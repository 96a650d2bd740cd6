"""README tells the truth: its library examples run, its links lead somewhere, every command is shown.

That its commands print what it shows is a step of its own in .ci/run (`python -m tests.readme --check`): as a test it
ran all of them a second time, a sixth of what the suite may take.
"""

import doctest
import re
from pathlib import Path

from netkit.cli.app import Commands

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()


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
