"""The options of `netkit http` about files and second attempts: where a body is saved, what it must be, how often."""

from typing import TYPE_CHECKING, Annotated, Any

from netkit.cli.groups import Group
from netkit.cli.options import duration, option, size
from netkit.errors import BadInput

if TYPE_CHECKING:
    from netkit.http.retry import Retry
    from netkit.http.save import Save

DOWNLOAD, RETRY = "Download", "Retry"
TIMEOUT, DOWNLOAD_TIMEOUT = 30.0, 3600.0  # seconds without --timeout: half a minute is for pages, not for files
RETRY_TIME = 120.0  # seconds


class Saving(Group):
    """A body in a file."""

    output: Annotated[
        str | None,
        option("--output", "-o", help="Save a 2xx body: whole, or not at all.", panel=DOWNLOAD, metavar="FILE"),
    ] = None
    remote_name: Annotated[
        bool, option("--remote-name", "-O", help="Save it under the server's name, printed.", panel=DOWNLOAD)
    ] = False
    folder: Annotated[
        str | None, option("--dir", "-d", help="The folder for it; alone it means -O.", panel=DOWNLOAD, metavar="DIR")
    ] = None
    resume: Annotated[
        bool, option("--continue", "-c", help="Go on with FILE.part; a whole file is left.", panel=DOWNLOAD)
    ] = False
    overwrite: Annotated[
        bool, option("--overwrite", help="Let -O replace a file, not call it FILE.1.", panel=DOWNLOAD)
    ] = False
    checksum: Annotated[
        str | None,
        option("--checksum", help="What it must be: sha256:, sha512:, sha1:, md5:.", panel=DOWNLOAD, metavar="ALG:HEX"),
    ] = None
    max_size: Annotated[int | None, size("--max-size", help="Take no more than that.", panel=DOWNLOAD)] = None
    mtime: Annotated[bool, option("--mtime", help="Give the file the time of Last-Modified.", panel=DOWNLOAD)] = False

    def save(self) -> "Save | None":
        """Raises BadInput."""
        for option_name, name in (("-o", self.output), ("-d", self.folder)):
            if name == "":
                raise BadInput(f"{option_name} '': the name is empty")
        named = self.output is not None
        if named and self.remote_name:
            raise BadInput("-o and -O are two names for one file")
        if not (named or self.remote_name or self.folder is not None):
            for option_name, given in (("-c", self.resume), ("--overwrite", self.overwrite), ("--mtime", self.mtime)):
                if given:
                    raise BadInput(f"{option_name} needs a file", hint="-o FILE, or -O for the server's name")
            return None
        from netkit.http.save import Save

        save = Save(self.output, self.folder, self.resume, self.overwrite, self.mtime)
        _ = save.path  # its rules
        return save

    def keywords(self, *, one: bool, digest: bool) -> dict[str, Any]:
        """For a Request. one: there is one URL. digest: whether somebody reads it. Raises BadInput."""
        if self.output is not None and not one:
            raise BadInput("-o takes one URL: its file can hold one body", hint="-O gives each its own")
        if self.checksum is not None and not one:
            raise BadInput("--checksum takes one URL")
        checksum, save = None, self.save()
        if self.checksum is not None:
            from netkit.http.checksum import Checksum

            checksum = Checksum.parse(self.checksum)
        return {
            "save": save,
            "checksum": checksum,
            "max_size": self.max_size,
            "digest": digest or save is None,
        }


class Retrying(Group):
    """Second attempts."""

    retry: Annotated[
        int,
        option("--retry", help="Try so often again what may work later.", panel=RETRY, metavar="N", min=0, max=1000),
    ] = 0
    retry_on: Annotated[
        str | None,
        option(
            "--retry-on",
            help="Statuses to retry on, beside broken connections.",
            panel=RETRY,
            metavar="STATUS,...",
            default="408,429,500,502,503,504",
        ),
    ] = None
    retry_max_time: Annotated[
        float | None,
        duration("--retry-max-time", help="Begin no attempt later than that.", panel=RETRY, default="120s"),
    ] = None

    def policy(self) -> "Retry | None":
        """Raises BadInput."""
        if not self.retry:
            for name, given in (("--retry-on", self.retry_on), ("--retry-max-time", self.retry_max_time)):
                if given is not None:
                    raise BadInput(f"{name} needs --retry N")
            return None
        from netkit.http.retry import STATUSES, Retry

        statuses = STATUSES if self.retry_on is None else frozenset(map(_status, self.retry_on.split(",")))
        return Retry(self.retry, statuses, self.retry_max_time or RETRY_TIME)

    def timeout(self, given: float | None, *, saves: bool) -> float:
        """Seconds for all attempts."""
        retrying = (self.retry_max_time or RETRY_TIME) if self.retry else 0.0
        return given or (DOWNLOAD_TIMEOUT if saves else TIMEOUT) + retrying


def _status(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and 400 <= int(text[:4]) <= 599):
        raise BadInput(f"--retry-on {text[:20]!r}: a status is a number from 400 to 599")
    return int(text)
