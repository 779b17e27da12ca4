"""Measures how long the command line takes to start."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from marks import Mark, publish

ASTRO = Path(sys.executable).with_name("astro")
RUNS = 9


def seconds(*arguments: str) -> float:
    """The median wall time of a command, as a whole process."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([ASTRO, *arguments], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - began)
    return median(times)


def imports_torch(*arguments: str) -> bool:
    script = (
        "import sys; from astro.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.DEVNULL, check=False
    )
    return bool(done.returncode)


def main() -> None:
    commands = (("--help",), ("plugins",))
    publish(
        "startup",
        [
            Mark.of("astro --help, seconds, median of 9", seconds("--help"), "<= 0.3"),
            Mark.of("astro plugins, seconds, median of 9", seconds("plugins"), "<= 0.6"),
            Mark.of("of these, import torch", sum(imports_torch(*c) for c in commands), "<= 0"),
        ],
    )


if __name__ == "__main__":
    main()
