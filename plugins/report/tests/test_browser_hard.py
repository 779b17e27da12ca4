"""The page over runs that are hard to show; shared/cases beside the repository makes them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from astro.plugins.registry import Registry
from astro_report.report import write_report

browsing = pytest.importorskip("browser", reason="playwright is not installed")
watched = browsing.watched

MAKE_RUN = Path(__file__).parents[4] / "shared/cases/viewer/make_run.py"
CLICK_EACH = """
async (every) => {
  const found = [];
  const last = Number(document.querySelector("[role=option]").ariaSetSize) - 1;
  for (let at = 0; at <= last; at += every) {
    location.hash = location.hash.replace(/&step=.*|$/, `&step=${at}`);
    await new Promise((done) => setTimeout(done));
    await new Promise((done) => setTimeout(done));
    const option = document.querySelector(`[role=option][data-index="${at}"]`);
    option.click();
    await new Promise((done) => setTimeout(done));
    found.push([
      Number(document.querySelector(".row[aria-selected=true]").dataset.node),
      option.classList.contains("same"),
      option.getAttribute("aria-selected"),
    ]);
  }
  return found;
}
"""


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.open(encoding="utf-8")]


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a hard run, with its report."""
    if not MAKE_RUN.exists():
        pytest.skip(f"no {MAKE_RUN}")
    folder = tmp_path_factory.mktemp("hard") / "run"
    subprocess.run([sys.executable, MAKE_RUN, folder, "--trees", "120"], check=True)
    write_report(folder, Registry.discover(), folder / "report.html")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_text_of_a_hard_run_can_be_copied_as_stored(browser: Any, hard: Path) -> None:
    with watched(browser, (hard / "report.html").as_uri()) as found:
        for number, tree in enumerate(lines(hard / "trees.jsonl")):
            name = quote(tree["problem"]["id"], safe="")
            found.go(f"#trees?tree={name}")
            title = f".explorer-head h3:has-text('Tree {number}:')"
            found.page.wait_for_selector(title)
            assert found.copy(".problem .model-text") == tree["problem"]["prompt"]
            for node in tree["nodes"][1:5]:
                found.go(f"#trees?tree={name}&node={node['id']}")
                found.page.wait_for_selector(f".detail h3 >> text='Node {node['id']}'")
                assert found.copy(".detail section .model-text") == node["step"]["text"]
            found.check()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_sentence_of_a_hard_run_links_to_its_node(browser: Any, hard: Path) -> None:
    arms = [lines(hard / name) for name in ("traces.jsonl", "control_traces.jsonl")]
    traces: dict[str, list[Any]] = {}
    for arm in arms:
        for trace in arm:
            traces.setdefault(trace["problem"], []).append(trace)
    with watched(browser, (hard / "report.html").as_uri()) as found:
        for name, told in traces.items():
            for at, trace in enumerate(told):
                found.go(f"#trees?tree={quote(name, safe='')}&trace={at}")
                count = len(trace["segments"])
                found.page.wait_for_function(
                    "([count, at]) =>"
                    " +document.querySelector('[role=option]')?.ariaSetSize === count"
                    " && document.querySelector('.trace-head select')?.value === String(at)",
                    arg=[count, at],
                )
                every = 1 + count // 20
                clicked = found.page.evaluate(CLICK_EACH, every)
                expected = [[s["node"], True, "true"] for s in trace["segments"][::every]]
                assert clicked == expected


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_response_of_a_hard_run_is_shown(browser: Any, hard: Path) -> None:
    with watched(browser, (hard / "report.html").as_uri()) as found:
        for number, row in enumerate(lines(hard / "eval/base.jsonl")):
            found.go(f"#responses?problem={number}&with=sft")
            found.page.wait_for_selector(f"#responses h3:has-text('{row['problem']['id']}')")
            whole = ".response .pane-part .model-text"
            found.page.click(".sides.two .response >> nth=0 >> text=sample 1")
            assert found.copy(whole) == row["samples"][0]["text"]
        found.go("#training")
        found.page.wait_for_selector(".plot svg")
