"""The picture of the explorer in the README, from a search of the quickstart's model.

`ASTRO_PICTURES=docs/images pytest -m slow plugins/report/tests/test_picture.py` writes it again.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import astro
from astro.config.loading import load_config
from astro.plugins.registry import Registry
from astro_report.report import write_report

browsing = pytest.importorskip("browser", reason="playwright is not installed")

ROOT = Path(__file__).parents[3]
LARGEST = 150_000
OVERRIDES = [
    "trees=24",
    "sft=null",
    "rl=null",
    "problems.params.train=60",
    "problems.params.test=12",
    "policy.params.processes=1",
    "evaluate.samples=2",
    "evaluate.models=[base]",
]


@pytest.mark.slow
def test_picture_of_the_explorer(browser: Any, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    registry = Registry.discover()
    config = load_config(ROOT / "configs/quickstart.yaml", OVERRIDES, registry)
    astro.run(config, runs=tmp_path, registry=registry)
    out = tmp_path / "report.html"
    write_report(tmp_path / "quickstart", registry, out)
    traces = (tmp_path / "quickstart/traces.jsonl").read_text("utf-8").splitlines()
    told = next(trace for trace in map(json.loads, traces) if trace["backtracks"] == 4)
    backs = [i for i, segment in enumerate(told["segments"]) if segment["kind"] == "backtrack"]
    tree, number = quote(told["problem"], safe=""), told["id"].rpartition("#")[2]
    address = f"#trees?tree={tree}&trace={number}&step={backs[2] - 2}"
    size = {"width": 1280, "height": 1060}
    with browsing.watched(browser, out.as_uri() + address, viewport=size) as found:
        found.page.wait_for_selector("[role=option][aria-selected=true]")
        found.page.wait_for_timeout(300)
        shot = found.page.screenshot()
    small = (
        image.open(io.BytesIO(shot))
        .convert("RGB")
        .quantize(160, method=image.Quantize.MAXCOVERAGE, dither=image.Dither.NONE)
    )
    png = io.BytesIO()
    small.save(png, "PNG", optimize=True)
    assert 10_000 < len(png.getvalue()) <= LARGEST
    folder = os.environ.get("ASTRO_PICTURES")
    if folder:
        (ROOT / folder).mkdir(parents=True, exist_ok=True)
        (ROOT / folder / "explorer.png").write_bytes(png.getvalue())
    assert (ROOT / "docs/images/explorer.png").stat().st_size <= LARGEST
