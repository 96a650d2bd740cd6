"""`resolve --validate` on a terminal: the records, the chain as a tree of zones, and who answered."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from netkit.cli.output.escape import visible
from netkit.cli.output.names import resolve_rich
from netkit.dns.lookup import Lookup
from netkit.dns.result import Resolution
from netkit.dns.validate.verdict import Link, Verdict

STYLES = {
    Verdict.SECURE: "green",
    Verdict.INSECURE: "yellow",
    Verdict.BOGUS: "bold red",
    Verdict.INDETERMINATE: "magenta",
}
WORST = (Verdict.BOGUS, Verdict.INDETERMINATE, Verdict.INSECURE, Verdict.SECURE)
GUIDE = "bright_black"


def render(found: Lookup, *, quiet: bool = False) -> RenderableType | None:
    parts = [part for part in [resolve_rich.render(found, quiet=quiet)] if part]
    for verdict in reversed(WORST):
        alike = [one for one in found.resolutions if one.dnssec and one.dnssec.verdict is verdict]
        if alike:
            head = _head(verdict, alike)
            parts.append(head if quiet else _tree(head, alike))
    return Group(*parts) if parts else None


def _head(verdict: Verdict, alike: list[Resolution]) -> Text:
    names = f": {alike[0].name} {', '.join(one.type for one in alike)}"
    return Text.assemble((verdict.value, STYLES[verdict]), visible(names))


def _tree(head: Text, alike: list[Resolution]) -> Tree:
    """One tree for the types of a name that come to the same."""
    tree = Tree(head, guide_style=GUIDE)
    found = [one.dnssec for one in alike if one.dnssec]
    links = dict.fromkeys(link for one in found for link in one.chain)
    if not links:
        for reason in dict.fromkeys(one.reason for one in found if one.reason):
            tree.add(Text(visible(reason)))
    nodes: dict[str, Tree] = {}
    for zone in dict.fromkeys(link.zone for link in links):
        above = max((other for other in nodes if _is_below(zone, other)), key=len, default=None)
        inside = [link for link in links if link.zone == zone]
        worst = next(one for one in WORST if any(link.verdict is one for link in inside))
        label = Text(visible(zone), style="bold")
        label.append(f" {worst.value}", style=STYLES[worst])
        nodes[zone] = (nodes[above] if above else tree).add(label)
        for line in map(_line, dict.fromkeys(link._replace(inception=None) for link in inside)):
            nodes[zone].add(line)
    return tree


def _is_below(zone: str, other: str) -> bool:
    return other == "." or zone.lower().endswith("." + other.lower())


def _line(link: Link) -> Text:
    """What was checked, by which key, until when, and what it says."""
    if link.role == "anchor" and link.verdict is Verdict.SECURE:
        return Text(f"trust anchor {_tags(link.key_tags)} · {visible(link.reason or '')}")
    name = f"{link.name} " if link.name != link.zone else ""
    parts = [f"{name}{link.type}" + (f" {_tags(link.key_tags)}" if link.key_tags else "")]
    if link.expires:
        parts.append(f"signed by {link.key_tag} {link.algorithm} until {link.expires[:10]}")
    elif link.key_tag is not None:
        parts.append(f"key {link.key_tag} {link.algorithm}")
    elif link.verdict is Verdict.INSECURE:
        parts.append("need not be signed")
    text = Text(visible(" · ".join(parts)))
    if link.reason and (link.role != "answer" or link.verdict is not Verdict.INSECURE):
        text.append(f" · {visible(link.reason)}", style="" if link.verdict is Verdict.SECURE else STYLES[link.verdict])
    return text


def _tags(tags: Iterable[int]) -> str:
    return ", ".join(map(str, tags))
