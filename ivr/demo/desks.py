"""Agents' desktops in a real headless Chromium, as the demonstration and the live tests use them."""

import asyncio
import contextlib
import shutil
import signal
from types import TracebackType
from typing import Self

from playwright.async_api import Browser, Page, Playwright, async_playwright

from ivr.errors import Misconfigured
from ivr.lab.browser import BROWSERS, FLAGS

#: Notes, in the page's own clock, when a pop first stands on the screen: two frames after the call has been shown.
WATCH_POPS = """
window.popsStood = [];
new MutationObserver(() => {
  const call = document.getElementById('call');
  if (!call) return;
  if (call.hidden) { window.popUp = false; return; }
  if (window.popUp) return;
  window.popUp = true;
  requestAnimationFrame(() => requestAnimationFrame(() => window.popsStood.push(Date.now())));
}).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ['hidden']});
"""
#: Notes, in the page's own clock, when its link became live and when it did not.
WATCH_LINK = """
window.linkTold = [];
new MutationObserver(() => {
  const link = document.body?.dataset.link;
  if (link && link !== window.linkTold.at(-1)?.[1]) window.linkTold.push([Date.now(), link]);
}).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ['data-link']});
"""
#: Milliseconds that a page gets for anything.
PATIENCE_MS = 15_000
#: Seconds that all of a sign-in may take.
SIGN_IN_S = 60.0
#: Seconds that a browser gets to close a window or itself.
CLOSE_S = 10.0


def find_browser() -> str:
    """The machine's Chromium. Raises Misconfigured when there is none."""
    for name in BROWSERS:
        path = shutil.which(name)
        if path is not None:
            return path
    raise Misconfigured(f"no browser: install one of {', '.join(BROWSERS)} (Debian: apt-get install chromium)")


class AgentDesk:
    """One agent's page."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name
        self._sockets: list[str] = []
        page.on("websocket", lambda socket: self._sockets.append(socket.url))

    async def state(self) -> str:
        """What the page says the agent is doing: ready, offered, busy, wrap_up …"""
        return await self.page.evaluate("document.body.dataset.state") or ""

    async def until(self, state: str) -> None:
        """Wait for a state."""
        await self.page.wait_for_function(
            "wanted => document.body.dataset.state === wanted", arg=state, timeout=PATIENCE_MS
        )

    async def ready(self) -> None:
        """Press the ready button."""
        await self.page.click("#ready")
        await self.until("ready")

    async def pops_stood(self) -> list[float]:
        """When each pop first stood on the screen, UTC seconds of the epoch."""
        return [moment / 1000 for moment in await self.page.evaluate("window.popsStood")]

    async def live_since(self, moment: float) -> float | None:
        """When the link was first live again after that moment, UTC seconds of the epoch; None while it is not."""
        told = await self.page.evaluate("window.linkTold")
        return next((at / 1000 for at, link in told if link == "live" and at / 1000 > moment), None)

    def linked_to(self, url: str) -> bool:
        """Whether the newest socket goes to the desktop at this address."""
        return bool(self._sockets) and self._sockets[-1] == f"{url.replace('http', 'ws', 1)}/socket"

    async def close(self) -> None:
        """Close the window; the agent stays signed in until the desk counts as lost.

        A browser that does not answer in time keeps its window: nobody waits for it.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self.page.context.close()

    async def wrap_up(self) -> None:
        """Say how the call went and go on taking calls."""
        await self.until("wrap_up")
        await self.page.click("#dispositions [value=resolved], #dispositions [data-value=resolved]")
        await self.page.fill("#note", "Demonstration call.")
        await self.page.click("#save-ready")
        await self.page.wait_for_function(  # the next call may come at once
            "() => document.body.dataset.state !== 'wrap_up'", timeout=PATIENCE_MS
        )

    async def pop_text(self) -> str:
        """What the agent reads, header and pop."""
        return await self.page.inner_text("#call")


class AgentDesks:
    """A browser with a page for each agent who signs in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def __aenter__(self) -> Self:
        handler = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the browser's driver inherits it: Ctrl-C is ours to handle
        try:
            self._playwright = await async_playwright().start()
            self._browser = await self._playwright.chromium.launch(
                executable_path=find_browser(), args=list(FLAGS), handle_sigint=False, handle_sigterm=False
            )
        finally:
            signal.signal(signal.SIGINT, handler)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._browser is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()

    async def sign_in(self, name: str, password: str, *, language: str = "en", url: str | None = None) -> AgentDesk:
        """Sign an agent in, as a person would, on the first node or at `url`. Raises TimeoutError."""
        assert self._browser is not None
        async with asyncio.timeout(SIGN_IN_S):
            context = await self._browser.new_context(viewport={"width": 1280, "height": 800}, locale=language)
            context.set_default_timeout(PATIENCE_MS)
            page = await context.new_page()
            await page.add_init_script(WATCH_POPS)
            await page.add_init_script(WATCH_LINK)
            desk = AgentDesk(page, name)
            await page.goto(f"{url or self.url}/sign-in")
            await page.fill("input[name=name]", name)
            await page.fill("input[name=password]", password)
            await page.click("button[type=submit]")
            await page.wait_for_selector("body.desktop[data-link=live]")
        return desk
