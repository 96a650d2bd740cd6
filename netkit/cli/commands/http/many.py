"""`netkit http` for several URLs: the options, and the run that shows each result when it is due."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Annotated

from netkit.cli.commands.http.telling import Telling
from netkit.cli.groups import Group
from netkit.cli.options import option
from netkit.errors import BadInput, Exit, LocalFailure, combine

if TYPE_CHECKING:
    from netkit.events import OnEvent
    from netkit.http.request import Request
    from netkit.http.result import Response
    from netkit.net.cookies import CookieJar
    from netkit.net.hop import Pause

SEVERAL = "Several URLs"
MOST = 1000  # at once; one thread does not keep more busy

Make = Callable[[str], "Request"]


class Crowd(Group):
    input: Annotated[
        str | None,
        option(
            "--input", "-i", metavar="FILE", help="Read URLs from FILE, one a line; - is standard input.", panel=SEVERAL
        ),
    ] = None
    parallel: Annotated[
        int | None,
        option("--parallel", metavar="N", min=1, max=MOST, help="Fetch so many at once.", panel=SEVERAL, default="1"),
    ] = None
    unordered: Annotated[
        bool, option("--unordered", help="Show each result when it is there, not in order.", panel=SEVERAL)
    ] = False

    def is_one(self, urls: list[str]) -> bool:
        """Whether there is one URL alone. Raises BadInput when there is none, or for an option that needs another."""
        if not urls and self.input is None:
            raise BadInput("no URL is given", hint="write one, or -i FILE reads them from a file")
        if self.unordered and self.parallel is None:
            raise BadInput("--unordered needs --parallel", hint="--parallel N; one after the other they come in order")
        return len(urls) == 1 and self.input is None


def run(
    urls: list[str],
    make: Make,
    crowd: Crowd,
    telling: Telling,
    *,
    write: Callable[[bytes], object] | None,
    on_event: "OnEvent | None",
) -> Exit:
    """Fetch them; write: where bodies go that are not told of."""
    from netkit.cli.output.meters import Meters
    from netkit.http.many import at_once, fetch_many
    from netkit.http.results import Results

    telling.several = True
    out, wanted = telling.out, crowd.parallel or 1
    parallel = at_once(wanted)
    if parallel < wanted:
        out.note(
            f"netkit: {parallel} at once, not {wanted}: this process may not open more files",
            hint="ulimit -n raises its limit",
        )
    jars: set[CookieJar] = set()

    def making(url: str) -> "Request":
        request = make(url)
        if request.jar is not None:
            jars.add(request.jar)
        return request

    given = [making(url) for url in urls]  # all of them, before anything is sent
    codes: set[Exit] = set()
    results = Results(write, ordered=not crowd.unordered, files=parallel)
    with _listed(crowd.input, making, telling.method) as (lines, ready), Meters(out) as meters:

        def pause(pause: "Pause") -> None:
            with meters.aside():
                telling.pause(pause)

        fetching = fetch_many(
            chain(given, lines),
            parallel=parallel,
            sink=results.sink if write else None,
            hold=results.full,
            waits=results.waits if write else None,
            ready=ready,
            on_progress=meters.add if meters.wanted else None,
            on_event=on_event,
            on_pause=pause,
        )
        try:
            for number, response in fetching:
                meters.end(number)
                for one in results.put(number, response):
                    with meters.aside():
                        codes.add(telling.tell(one))
        except KeyboardInterrupt as exc:
            fetching.throw(exc)  # it tells what is left of the others
        finally:
            results.close()
            for jar in jars:
                jar.save()
    return combine(codes)


@contextmanager
def _listed(
    name: str | None, make: Make, method: str
) -> "Iterator[tuple[Iterator[Request | Response | None], int | None]]":
    """What -i names, line by line, and its descriptor. Raises LocalFailure."""
    if name is None:
        yield iter(()), None
        return
    from netkit.http.url_list import UrlList

    if name == "-":
        yield iter(UrlList(0, "standard input", make, method=method)), 0
        return
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        hint = "--show headers,body is what -i is to curl" if "://" in name else None
        raise LocalFailure(f"-i {name}: cannot read it: {exc.strerror}", kind="read", hint=hint) from exc
    try:
        yield iter(UrlList(fd, name, make, method=method)), fd
    finally:
        os.close(fd)
