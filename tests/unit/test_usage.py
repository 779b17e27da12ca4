"""usage.json: counters stay whole numbers over several stages and resumed runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from astro.runs.context import RunContext
from astro.runs.folder import RunFolder

ABSENT: Any = None


def test_counters_stay_whole_numbers(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for _ in range(3):
        run = RunContext(ABSENT, folder, ABSENT, ABSENT, print)
        run.add_usage("search", {"policy": {"requests": 3, "cost": 0.5, "generated_tokens": 7.0}})
    counters = json.loads(folder.usage.read_text())["search"]
    assert counters == {"requests": 9, "cost": 1.5, "generated_tokens": 21}
    assert isinstance(counters["requests"], int)
    assert isinstance(counters["generated_tokens"], int)
