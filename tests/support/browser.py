"""A headless Chromium, spoken to in its own protocol over a WebSocket: enough of it to use a page as people do."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE_S = 60
_FLAGS = ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
          "--hide-scrollbars", "--remote-debugging-port=0")  # fmt: skip


@contextmanager
def browser(profile: Path) -> Iterator[str]:
    """A running Chromium; yields the address that it takes orders at."""
    assert CHROMIUM
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # its own sandbox refuses root
    command = [CHROMIUM, *_FLAGS, *sandbox, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            said = []
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"listening on ws://([\d.:]+)/", line):
                    yield f"http://{found[1]}"
                    break
            else:
                raise RuntimeError(f"Chromium did not start: {''.join(said)[-2000:]}")
        finally:
            process.terminate()
            process.stderr.close()  # type: ignore[union-attr]


class Page:
    """A page in a tab. `problems` is what stands on its console, `requested` every address that it asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self.problems: list[str] = []
        self.requested: list[str] = []

    async def order(self, method: str, **parameters: object) -> dict[str, Any]:
        self._count += 1
        await self._socket.send_json({"id": self._count, "method": method, "params": parameters})
        return await self._until(lambda message: message.get("id") == self._count)

    async def event(self, method: str) -> dict[str, Any]:
        return await self._until(lambda message: message.get("method") == method)

    async def look(self, expression: str) -> Any:
        """The value of an expression in the page, after all that is pending there has been done."""
        settled = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
        answer = await self.order("Runtime.evaluate", expression=f"{settled}.then(() => ({expression}))", returnByValue=True,
                                  awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in answer["result"], answer["result"]["exceptionDetails"]
        return answer["result"]["result"].get("value")

    async def screen(self, width: int, height: int, *, is_dark: bool = False, media: str = "") -> None:
        await self.order("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        await self.order("Emulation.setEmulatedMedia", media=media, features=[scheme])

    async def until(self, expression: str) -> None:
        """Returns once the expression holds in the page, which is looked at whenever something of it has changed."""
        everything = "{subtree: true, childList: true, attributes: true, characterData: true}"
        watch = (
            f"const see = () => {{ if ({expression}) done(true); }}; new MutationObserver(see).observe(document, {everything})"
        )
        answer = await self.order("Runtime.evaluate", expression=f"new Promise(done => {{ {watch}; see(); }})", awaitPromise=True)
        assert "exceptionDetails" not in answer["result"], answer["result"]["exceptionDetails"]

    async def open(self, path: Path) -> None:
        await self.visit(path.as_uri())

    async def visit(self, url: str) -> None:
        await self.order("Page.navigate", url=url)
        await self.event("Page.loadEventFired")

    async def hover(self, x: float, y: float) -> None:
        await self.order("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def click(self, selector: str) -> None:
        box = await self.look(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "button": "left", "clickCount": 1}
        await self.order("Input.dispatchMouseEvent", type="mousePressed", **at)
        await self.order("Input.dispatchMouseEvent", type="mouseReleased", **at)

    async def press(self, key: str, code: int, text: str = "") -> None:
        """`text` is what the key writes; Enter's, which is what it acts by, is \\r."""
        await self.order("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", key=key, code=key, text=text,
                         windowsVirtualKeyCode=code)  # fmt: skip
        await self.order("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    async def _until(self, is_it: Any) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = json.loads(await self._socket.receive_str())
                self._hear(message)
                if is_it(message):
                    assert "error" not in message, message
                    return message  # type: ignore[no-any-return]

    def _hear(self, message: dict[str, Any]) -> None:
        match message.get("method"), message.get("params", {}):
            case "Runtime.exceptionThrown", {"exceptionDetails": details}:
                self.problems.append(str(details))
            case "Runtime.consoleAPICalled", {"type": "error" | "warning" | "assert"} as said:
                self.problems.append(str(said["args"]))
            case "Log.entryAdded", {"entry": entry}:
                self.problems.append(f"{entry['level']}: {entry['text']}")
            case "Network.requestWillBeSent", {"request": request}:
                self.requested.append(request["url"])


@asynccontextmanager
async def tab(address: str) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession() as session:
        async with session.put(f"{address}/json/new?about:blank") as answer:
            target = await answer.json()
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = Page(socket)
            for domain in ("Page", "Runtime", "Log", "Network"):
                await page.order(f"{domain}.enable")
            yield page
        async with session.get(f"{address}/json/close/{target['id']}"):
            pass
