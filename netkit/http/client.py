"""Fetches one URL: drives its steps over one libcurl handle, whose connections the hops share."""

import time
from collections.abc import Callable
from contextlib import nullcontext

from netkit.events import OnEvent
from netkit.http.fetching import Fetching
from netkit.http.receiving import Live
from netkit.http.request import Request
from netkit.http.result import Response
from netkit.net.curl import Engine
from netkit.net.hop import Found, HopResult, LookUp, OnProgress, Pause


def fetch(
    request: Request | str,
    *,
    sink: Callable[[bytes], object] | None = None,
    live: Live | None = None,
    on_progress: OnProgress | None = None,
    on_event: OnEvent | None = None,
    on_pause: Callable[[Pause], object] | None = None,
    engine: Engine | None = None,
) -> Response:
    """Fetch one URL, or what a Request says in full.

    sink: takes the decoded pieces of the final body, whatever its status; without it, or a file to save to, up to
    `Request.max_body` bytes are kept in the response. live: gives such a sink for the answer with this head, or None.
    on_progress: (bytes so far, bytes announced or 0) of each hop. on_pause: told of each before it begins. engine:
    whose connections are used, and kept.

    Raises BadInput, before anything is sent, and what `sink` raises; every other failure is `Response.error`.
    A KeyboardInterrupt has a note that says what is left of a download.
    """
    if isinstance(request, str):
        request = Request.to(request)
    fetching = Fetching(request, sink=sink, live=live, on_progress=on_progress)
    steps = fetching.steps()
    result: HopResult | Found | None = None
    with nullcontext(engine) if engine else Engine() as engine:
        try:
            while True:
                step = steps.send(result)
                if isinstance(step, Pause):
                    result = None
                    if on_pause and step.why:
                        on_pause(step)
                    time.sleep(step.seconds)
                    continue
                if isinstance(step, LookUp):
                    from netkit.http.lookup import look_up

                    result = look_up(step, on_event)
                    continue
                result = engine.perform(
                    step.hop,
                    deadline=step.deadline,
                    on_head=step.on_head,
                    on_progress=step.on_progress,
                    on_event=on_event,
                )
        except StopIteration as stop:
            response: Response = stop.value
            return response
        except KeyboardInterrupt as exc:
            steps.close()
            if fetching.saving and fetching.part:
                exc.add_note(fetching.saving.kept(fetching.part))
            raise
        finally:
            steps.close()
