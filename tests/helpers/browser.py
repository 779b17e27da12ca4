"""A page in Debian's Chromium, with a record of what it requests and what it complains of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Route

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-background-networking"]

_RECORD_COPIES = """
window.copied = [];
navigator.clipboard && (navigator.clipboard.writeText = async (text) => void copied.push(text));
"""
_COPY = """
(element) => {
  getSelection().selectAllChildren(element);
  const clipboardData = new DataTransfer();
  const options = { clipboardData, bubbles: true, cancelable: true };
  const event = new ClipboardEvent("copy", options);
  element.dispatchEvent(event);
  getSelection().removeAllRanges();
  return clipboardData.getData("text/plain");
}
"""


@dataclass
class Watched:
    """A page, the addresses outside of its own that it asked for, and its errors."""

    page: Page
    own: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def route(self, route: Route) -> None:
        url = route.request.url
        if url.startswith((self.own, "data:", "blob:")):
            route.continue_()
            return
        self.requests.append(url)
        route.abort()

    def listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def check(self) -> None:
        """Nothing of the data ran, nothing was requested, and nothing failed."""
        assert self.page.evaluate("window.PWNED") is None
        assert (self.requests, self.complaints) == ([], [])

    def go(self, address: str) -> None:
        """Go to an address in the page, such as `#trees?tree=4`."""
        self.page.evaluate("(to) => void (location.hash = to)", address)

    def copy(self, selector: str) -> str:
        """What is copied where all of an element is selected."""
        return str(self.page.locator(selector).first.evaluate(_COPY))


@contextmanager
def watched(browser: Browser, url: str, own: str = "", **options: Any) -> Iterator[Watched]:
    """A page opened at `url`. `own` is the beginning of the addresses that it may ask for."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(20_000)
    page = context.new_page()
    found = Watched(page, own or url.split("#", maxsplit=1)[0])
    page.add_init_script(_RECORD_COPIES)
    page.on("console", found.listen)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    context.route("**/*", found.route)
    page.goto(url)
    try:
        yield found
        if options.get("java_script_enabled", True):
            found.check()
    finally:
        context.close()


def serious_faults(page: Page, axe: Path) -> list[Any]:
    """The serious and critical faults that axe-core finds in what is shown, with their elements."""
    page.context.new_cdp_session(page).send(
        "Runtime.evaluate", {"expression": axe.read_text("utf-8")}
    )
    return [
        (fault["id"], [node["html"][:200] for node in fault["nodes"][:3]])
        for fault in page.evaluate("axe.run()")["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
