"""How fast the page of a report is in Debian's Chromium: opening it, and choices in it.

python bench/report_page.py REPORT.html [ID ...]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-background-networking"]

_UNTIL_PAINTED = """
const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
const timed = async (act) => {
  const start = performance.now();
  await act();
  await painted();
  return performance.now() - start;
};
"""
_OPEN = f"""
async (address) => {{
  {_UNTIL_PAINTED}
  const drawing = CanvasRenderingContext2D.prototype;
  const stroke = drawing.stroke;
  let pictured = false;
  drawing.stroke = function () {{
    pictured ||= this.canvas.isConnected;
    stroke.call(this);
  }};
  const shown = () =>
    pictured && document.querySelector(".row") && document.querySelector(".detail h3");
  try {{
    return await timed(async () => {{
      location.hash = address;
      while (!shown()) await painted();
    }});
  }} finally {{
    drawing.stroke = stroke;
  }}
}}
"""
"""Opens a tree, which is timed until its rows, its picture and its node are painted."""
_CHOICES = f"""
async () => {{
  {_UNTIL_PAINTED}
  const took = {{}};
  const note = async (name, act) => {{
    took[name] = Math.max(took[name] ?? 0, await timed(act));
  }};
  const click = (found) => found.click();
  const rows = () => [...document.querySelectorAll(".row")];
  const trace = document.querySelectorAll(".trace-pane [role=option]");
  const sentences = trace.length;
  const body = document.body;
  const key = (key, at = body) =>
    at.dispatchEvent(new KeyboardEvent("keydown", {{ key, bubbles: true }}));
  for (let i = 0; i < 10; i++) {{
    await note("a click on a node", () => click(rows()[(7 * i) % rows().length]));
  }}
  for (let i = 0; i < Math.min(10, sentences); i++) {{
    const at = Math.floor((i * (sentences - 1)) / 9);
    await note("a click on a sentence", () => click(trace[at]));
  }}
  for (let i = 0; i < 10; i++) await note("a step along the trace", () => key("]"));
  const outline = document.querySelector(".outline");
  await note("the key End", () => key("End", outline));
  await note("the key Home", () => key("Home", outline));
  await note("closing the root", () => click(rows()[0].querySelector(".twisty")));
  await note("opening the root", () => click(rows()[0].querySelector(".twisty")));
  const button = (text) =>
    [...document.querySelectorAll(".explorer button")].find((one) => one.textContent === text);
  await note("expanding all", () => click(button("Expand all")));
  await note("scrolling to the end", () => (outline.scrollTop = 1e9));
  await note("collapsing all", () => click(button("Collapse all")));
  const find = document.querySelector(".finder input");
  find.value = "7";
  await note("finding a text", () => find.dispatchEvent(new Event("input")));
  await note("going to a match", () => click(document.querySelector("[aria-label='Next match']")));
  for (const more of document.querySelectorAll(".more button, .gap button")) {{
    if (more.isConnected) await note("showing all of a text or list", () => click(more));
  }}
  return took;
}}
"""


@contextmanager
def opened(report: Path, address: str = "") -> Iterator[Page]:
    """A report in a browser at an address such as `#trees`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(report.absolute().as_uri() + address)
        yield page
        browser.close()


def opening_seconds(report: Path) -> float:
    """Seconds from the start of the navigation until the list of trees is painted."""
    with opened(report, "#trees") as page:
        page.wait_for_selector("#trees table tbody tr")
        return float(page.evaluate("() => performance.now()")) / 1000


def choices(report: Path, trees: list[str]) -> dict[str, float]:
    """Milliseconds of the slowest choice of each kind in these trees."""
    slowest: dict[str, float] = {}
    with opened(report, "#trees") as page:
        for tree in trees:
            took = float(page.evaluate(_OPEN, f"#trees?tree={quote(tree, safe='')}"))
            found = {"opening a tree": took, **page.evaluate(_CHOICES)}
            for name, took in found.items():
                slowest[name] = max(slowest.get(name, 0.0), took)
            page.evaluate("() => (location.hash = '#trees')")
            page.wait_for_selector("#trees table tbody tr")
    return {name: round(took, 1) for name, took in slowest.items()}


if __name__ == "__main__":
    path = Path(sys.argv[1])
    print("opened in", round(opening_seconds(path), 2), "s")
    for tree in sys.argv[2:]:
        print(tree, json.dumps(choices(path, [tree]), indent=1))
