"""README tells the truth: its library examples run, its links lead somewhere, every command is shown.

That its commands print what it shows is a step of its own in .ci/run (`python -m tests.readme --check`): as a test it
ran all of them a second time, a sixth of what the suite may take.
"""

import doctest
import re
from pathlib import Path

from netkit.cli.app import Commands
from tests.readme import slug

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


def test_links_lead_to_a_heading_or_a_file() -> None:
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    headings = {slug(heading) for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE)}
    links = re.findall(r"\]\(([^)]+)\)", prose)
    assert [link for link in links if link.startswith("#") and link[1:] not in headings] == []
    assert [link for link in links if not link.startswith(("#", "https://")) and not (ROOT / link).exists()] == []
    assert sum(link.startswith("#") for link in links) >= len([path for path in Commands.table if " " not in path])


def test_the_first_screen_is_short_and_the_reference_is_folded() -> None:
    assert TEXT.index("## Install and try") < 2500
    assert TEXT.count("<details>") == TEXT.count("</details>") > len([e for e in Commands.table.values() if e.target])
