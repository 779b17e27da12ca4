"""What a search costs and what it brings: one module a part, each with a function `marks`.

`python bench/search_cost.py answers` measures one part, without a name all of them.
"""

from __future__ import annotations

import sys
from importlib import import_module

from marks import publish

PARTS = ("speed", "answers")


def main() -> None:
    wanted = sys.argv[1:] or PARTS
    if unknown := [name for name in wanted if name not in PARTS]:
        raise SystemExit(f"there is no part {unknown[0]}; there are {', '.join(PARTS)}")
    found = [mark for name in wanted for mark in import_module(f"search_cost_{name}").marks()]
    publish("search-cost", found)
    raise SystemExit(not all(mark.holds for mark in found))


if __name__ == "__main__":
    main()
