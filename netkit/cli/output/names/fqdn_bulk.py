"""`fqdn -i`: a JSON object as `fqdn --json` has it, or a row, for each line.

A row is the input, the name and the word for what became of it, tabs between; what is not known is empty. Backslash
and tab in the input are written \\\\ and \\t.
"""

from netkit.cli.output.names.fqdn import document
from netkit.cli.output.names.tsv import ESCAPES
from netkit.cli.output.sink import encode
from netkit.dns.bulk.steps import Named


def json_line(one: Named) -> str:
    return encode(document(one.found)) + "\n"


def row(one: Named) -> str:
    return "\t".join(((one.found.input or "").translate(ESCAPES), one.found.name or "", one.status.value)) + "\n"
