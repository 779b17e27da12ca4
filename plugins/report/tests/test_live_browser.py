"""A real browser beside a real run: the page grows with the journal, and nothing moves in it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import uvicorn
from browser import serious_faults, watched
from playwright.sync_api import expect
from small_runs import small_config

from astro.builtin import local
from astro.config.loading import parse_config
from astro.engine.loop import Engine
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.runner import run
from astro.runs.watching import SearchWatch
from astro_report.server import Viewer, application
from astro_report.view import listening

POLICY = {
    "name": "scripted",
    "params": {"lines": [f"try {i}\n" for i in range(9)], "length": 12, "answers": ["is 1\n"]},
}
SEARCH = {"name": "mcts", "params": {"expand": 3, "iterations": 40}}
AXE = Path(__file__).parents[1] / "web/node_modules/axe-core/axe.min.js"
PLACE = """
(() => {
  const [row, tree] = ["[aria-selected=true]", "[role=tree]"].map((s) => document.querySelector(s));
  return row.getBoundingClientRect().top - tree.getBoundingClientRect().top;
})()
"""
"""Where the chosen row stands in the outline."""


class SlowEngine(Engine):
    """An engine that waits between two rounds of replies, and at the end of a search."""

    pause = 0.0

    def _collect(self) -> None:
        time.sleep(self.pause)
        super()._collect()


@contextmanager
def served(runs: Path) -> Iterator[str]:
    """The address at which the runs of a folder are shown, with its key."""
    with closing(listening(0)) as listener:
        port = listener.getsockname()[1]
        viewer = Viewer(runs, Registry.discover())
        server = uvicorn.Server(uvicorn.Config(application(viewer, port), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/?token={viewer.token}"
        finally:
            server.should_exit = True
            thread.join()


def begin(folder: Path, **keys: Any) -> threading.Thread:
    """Start the search of a slow run in a thread, and wait for its first replies."""
    config = parse_config(
        small_config(folder, policy=POLICY, search=SEARCH, **keys), Registry.discover()
    )
    options = {"runs": folder / "runs", "stages": ["search"]}
    thread = threading.Thread(target=run, args=(config,), kwargs=options)
    thread.start()
    watch = SearchWatch(RunFolder(folder / "runs" / config.name), Registry.discover())
    until = time.monotonic() + 20
    while time.monotonic() < until and not watch.batches:
        time.sleep(0.05)
        if (folder / "runs" / config.name / "journal.db").exists():
            watch.update()
    return thread


@pytest.fixture
def thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> threading.Thread:
    """A search that goes on in a thread, until `SlowEngine.pause` is set to 0."""
    monkeypatch.setattr(local, "Engine", SlowEngine)
    monkeypatch.setattr(SlowEngine, "pause", 0.15)
    (tmp_path / "runs").mkdir()
    return begin(tmp_path)


def test_a_tree_grows_in_the_page_within_a_second_of_its_journal(
    browser: Any, tmp_path: Path, thread: threading.Thread
) -> None:
    watch = SearchWatch(RunFolder(tmp_path / "runs" / "small"), Registry.discover())
    recorded, shown = list[tuple[float, int]](), list[tuple[float, int]]()
    with served(tmp_path / "runs") as home, watched(browser, home, home.partition("?")[0]) as one:
        page = one.page
        page.get_by_role("link", name="small").click()
        page.get_by_role("link", name="Trees").click()
        page.get_by_role("link", name="set/1").click()
        page.get_by_role("tree").get_by_text("try").first.click()
        chosen = page.locator("[aria-selected=true]")
        expect(chosen).to_contain_text("try")
        address, place = page.evaluate("location.hash"), page.evaluate(PLACE)
        facts = page.locator(".explorer-head .facts")
        while thread.is_alive():
            watch.update()
            recorded.append((time.monotonic(), len(watch.tree("set/1").nodes)))
            shown.append((time.monotonic(), int((facts.text_content() or "0").split()[0])))
            if len({size for _, size in recorded}) > 8:
                SlowEngine.pause = 0.0
            time.sleep(0.1)
        expect(page.locator(".live")).to_contain_text("stopped in the stage linearize")
        expect(facts).to_contain_text("search ended")
        assert page.evaluate("location.hash") == address
        assert page.evaluate(PLACE) == place
        expect(chosen).to_contain_text("try")
    thread.join()
    lags = [
        min((at for at, seen in shown if seen >= size), default=float("inf")) - when
        for when, size in recorded
        if when < shown[-1][0] - 1
    ]
    assert median(lags) < 1
    busy = os.getloadavg()[0] > (os.cpu_count() or 1)
    assert max(lags) < (5 if busy else 1), f"load {os.getloadavg()}"
    sizes = [size for _, size in shown]
    assert sizes == sorted(sizes)
    assert len({*sizes}) > 3


def test_the_newest_node_stays_chosen_where_that_is_asked_for(
    browser: Any, tmp_path: Path, thread: threading.Thread
) -> None:
    with served(tmp_path / "runs") as home, watched(browser, home, home.partition("?")[0]) as one:
        page = one.page
        page.goto(f"{home.partition('?')[0]}run/small/#trees?tree=set%2F1")
        follow = page.get_by_role("button", name="Follow the newest node")
        follow.click()
        expect(follow).to_have_attribute("aria-pressed", "true")
        first = int(page.locator("[aria-selected=true]").get_attribute("data-node") or "")
        assert first > 0
        SlowEngine.pause = 0.0
        thread.join()
        facts = page.locator(".explorer-head .facts")
        expect(facts).to_contain_text("search ended")
        last = int((facts.text_content() or "").split()[0]) - 1
        assert last > first
        chosen = page.locator(f"[aria-selected=true][data-node='{last}']")
        expect(chosen).to_be_visible()
        expect(follow).to_be_hidden()


def test_the_list_of_runs_follows_them_and_keeps_what_is_chosen(
    browser: Any, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    begin(tmp_path, name="first").join()
    with served(runs) as home, watched(browser, home, home.partition("?")[0]) as one:
        page = one.page
        page.get_by_label("Compare first").check()
        page.get_by_role("heading").click()
        page.evaluate("document.activeElement.blur()")
        begin(tmp_path, name="second").join()
        expect(page.get_by_role("row", name="second")).to_contain_text("stopped: linearize")
        expect(page.get_by_label("Compare first")).to_be_checked()
        page.get_by_label("Compare second").check()
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("heading", name="first and second")).to_be_visible()
        page.get_by_role("link", name="All runs").click()
        expect(page.get_by_role("row", name="second")).to_be_visible()


def test_a_server_that_ended_is_told_and_what_it_said_stays(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    begin(tmp_path).join()
    with ExitStack() as server:
        home = server.enter_context(served(tmp_path / "runs"))
        with watched(browser, home, home.partition("?")[0]) as one:
            one.page.get_by_role("link", name="small").click()
            one.page.get_by_role("link", name="Trees").click()
            expect(one.page.get_by_role("link", name="set/1")).to_be_visible()
            server.close()
            expect(one.page.locator(".live")).to_contain_text("does not answer", timeout=15_000)
            expect(one.page.get_by_role("link", name="set/1")).to_be_visible()
            one.complaints.clear()  # of the connection


HOSTILE = [
    "<img src=x onerror='window.PWNED=1'>",
    '"><script>window.PWNED=1<',
    "\u202e..%2f\u200b",
    "__proto__",
    "a" * 200,
    "case",
    "Case",
]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_list_shows_any_name_and_has_no_serious_fault(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    begin(tmp_path).join()
    for name in HOSTILE:
        (runs / name.replace("/", "")).mkdir()
        config = (runs / "small" / "config.yaml").read_text()
        (runs / name.replace("/", "") / "config.yaml").write_text(config)
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    with (
        served(runs) as home,
        watched(browser, home, home.partition("?")[0], **options) as one,
    ):
        page = one.page
        assert page.locator("#listed tr").count() == 1 + len(HOSTILE)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if AXE.exists():
            assert serious_faults(page, AXE) == []
        for name in HOSTILE:
            page.goto(home.partition("?")[0])
            value = page.locator("input").evaluate_all("(all) => all.map((one) => one.value)")
            at = value.index(name.replace("/", ""))
            page.locator("#listed a").nth(at).click()
            expect(page.locator(".live")).to_contain_text("stopped")
        page.goto(f"{home.partition('?')[0]}compare?run=small&run=case")
        if AXE.exists():
            assert serious_faults(page, AXE) == []
    if not AXE.exists():
        pytest.skip("no node_modules, so axe-core was not asked: run `make web`")
