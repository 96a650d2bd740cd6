"""A headless Chromium that does what a person does: the DevTools protocol over its WebSocket."""

import base64
import itertools
import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.conftest import MS

LIMIT = 30_000 * MS
TOLD = re.compile(r"(\d+)\n(/devtools/browser/[0-9a-f-]{36})\n?")  # by Chromium, in a file


class Tab:
    """One page. Waiting is for a state of the page, never for a time."""

    def __init__(self, link: ClientConnection, session: str, numbers: "itertools.count[int]") -> None:
        self._link, self._session, self._numbers = link, session, numbers
        self.loaded: list[str] = []  # requests that the page made
        self.said: list[str] = []  # on its console, and what went wrong in it
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **params: object) -> Any:
        number = next(self._numbers)
        self._link.send(
            json.dumps({"id": number, "method": method, "params": params, "sessionId": self._session}), text=True
        )
        while True:
            message = json.loads(self._link.recv(LIMIT))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            match message.get("method"):
                case "Network.requestWillBeSent":
                    self.loaded.append(message["params"]["request"]["url"])
                case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                    self.said.append(json.dumps(message["params"]))

    def get(self, expression: str) -> Any:
        """The value of JavaScript."""
        done = self.do("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def wait(self, condition: str) -> Any:
        """The value of the expression as soon as it is true; looked at with each frame of the page."""
        return self.get(
            f"""new Promise((done, failed) => {{
                const begin = performance.now();
                const look = () => {{
                    const value = {condition};
                    if (value) done(value);
                    else if (performance.now() - begin > {LIMIT * 900})
                        failed(new Error({json.dumps(condition)} + " never: " + document.body.innerText));
                    else setTimeout(look, 10);
                }};
                look();
            }})"""
        )

    def open(self, url: str) -> None:
        self.do("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.protocol.startsWith('http')")

    def type(self, text: str) -> None:
        """Into whatever has the focus."""
        self.do("Input.insertText", text=text)

    def press(self, key: str, code: int = 0, text: str = "") -> None:
        self.do("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, text=text)
        self.do("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def enter(self) -> None:
        self.press("Enter", 13, "\r")

    def size(self, width: int, height: int, *, phone: bool = False, dark: bool = False, scale: int = 2) -> None:
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.do("Page.captureScreenshot", format="png")["data"]))


class Chromium:
    def __init__(self, link: ClientConnection) -> None:
        self._link = link
        self._numbers = itertools.count(1)

    def _do(self, method: str, **params: object) -> Any:
        number = next(self._numbers)
        self._link.send(json.dumps({"id": number, "method": method, "params": params}), text=True)
        while True:
            message = json.loads(self._link.recv(LIMIT))
            if message.get("id") == number:
                return message["result"]

    def tab(self) -> Tab:
        target = self._do("Target.createTarget", url="about:blank")["targetId"]
        session = self._do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self._link, session, self._numbers)


@contextmanager
def chromium(path: str, folder: Path, *options: str) -> Iterator[Chromium]:
    log = folder / "chromium.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(path, "--headless", "--no-sandbox", "--no-zygote", "--no-first-run", "--disable-gpu"),
                *("--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"),
                *("--remote-debugging-port=0", f"--user-data-dir={folder}", *options, "about:blank"),
            ],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        file = folder / "DevToolsActivePort"
        deadline = time.monotonic() + LIMIT
        while not file.exists() or not (told := TOLD.fullmatch(file.read_text())):  # it may not be whole yet
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        with connect(f"ws://127.0.0.1:{told[1]}{told[2]}", max_size=None, compression=None) as link:
            yield Chromium(link)
    finally:
        process.terminate()
        process.wait()
