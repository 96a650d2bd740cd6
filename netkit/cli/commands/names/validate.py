"""The options of `resolve` that have its answers validated by DNSSEC."""

from typing import Annotated

from netkit.cli.groups import Group
from netkit.cli.options import option

DNSSEC = "DNSSEC"


class Validating(Group):
    """Whether answers are validated, and from which keys on."""

    validate: Annotated[
        bool, option("--validate", help="Check signatures down from the trust anchor.", panel=DNSSEC)
    ] = False
    trust_anchor: Annotated[
        str | None,
        option(
            "--trust-anchor",
            metavar="FILE",
            help="Trust these DS or DNSKEY records, not the root's; implies --validate.",
            panel=DNSSEC,
        ),
    ] = None

    @property
    def wanted(self) -> bool:
        return self.validate or self.trust_anchor is not None

    @property
    def family(self) -> str:
        """The view that shows verdicts, or the usual one."""
        return "validate" if self.wanted else "resolve"
