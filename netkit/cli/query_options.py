"""The options of `resolve` that say what is asked, of whom and how."""

from typing import Annotated, NamedTuple

from netkit.cli.groups import NONE
from netkit.cli.options import option

QUERY = "Query"


class Asking(NamedTuple):
    """What is asked, and of whom."""

    types: Annotated[
        list[str],
        option("--type", "-t", metavar="TYPE", help="Record types: MX, MX,TXT, TYPE65; repeatable.", panel=QUERY),
    ] = NONE
    servers: Annotated[
        list[str],
        option("--server", "-s", metavar="SERVER", help="IP, HOST:PORT, or system; same as @SERVER.", panel=QUERY),
    ] = NONE
    dns: Annotated[bool, option("--dns", help="Ask DNS alone, not the hosts file.", panel=QUERY)] = False
    system: Annotated[bool, option("--system", help="Ask the system (getaddrinfo) instead.", panel=QUERY)] = False
    tcp: Annotated[bool, option("--tcp", help="Ask over TCP from the start.", panel=QUERY)] = False
    tries: Annotated[
        int, option("--tries", metavar="N", min=1, max=20, help="Ask a silent server so often.", panel=QUERY)
    ] = 3

    @property
    def all_types(self) -> list[str]:
        return [one for text in self.types for one in text.split(",")]
