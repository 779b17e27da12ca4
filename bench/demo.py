"""Times `make demo` in a fresh clone in an empty folder, as a new user runs it."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

from marks import Mark, publish

ROOT = Path(__file__).parents[1]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "astro"
        began = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        subprocess.run(["make", "demo"], cwd=clone, check=True)
        minutes = (time.monotonic() - began) / 60
        scores = json.loads((clone / "runs/quickstart/eval/scores.json").read_text())["models"]
    accuracy = {model: figures["pass@1"] for model, figures in scores.items()}
    publish(
        "demo",
        [
            Mark.of("fresh clone to finished demo, minutes", minutes, "<= 12"),
            *(
                Mark.of(
                    f"{better} above {worse}, low end to high end, points",
                    100 * (accuracy[better]["low"] - accuracy[worse]["high"]),
                    ">= 0",
                )
                for better in ("sft", "rl")
                for worse in ("base", "direct_sft")
            ),
            Mark.of(
                "rl above sft, points",
                100 * (accuracy["rl"]["value"] - accuracy["sft"]["value"]),
                ">= 0",
            ),
        ],
    )


if __name__ == "__main__":
    main()
