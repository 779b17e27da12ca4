"""Parameters of problems `huggingface`. Imports no engine."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from astro.builtin.rows import AnswerIn, DropUnanswered, Fields, Where
from astro.plugins.params import Params
from astro.rehearsal.rehearsable import Machine
from astro_huggingface.presets import PRESETS

FILES = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
"""Suffix of a data file -> the name of its format in the library `datasets`."""


class DatasetParams(Params):
    """Parameters of problems `huggingface`.

    A preset sets defaults; `where` and `fields` are merged into those of the preset key by key.
    """

    preset: Annotated[
        str | None, Field(description=f"defaults for a dataset: {', '.join(PRESETS)}")
    ] = None
    dataset: Annotated[
        str,
        Field(
            min_length=1,
            description="name on the hub, or path of a file or folder of data",
        ),
    ]
    config: Annotated[
        str | None, Field(description="configuration of the dataset, if it has several")
    ] = None
    revision: Annotated[str | None, Field(description="commit, tag or branch on the hub")] = None
    train: Annotated[
        str | None, Field(description="split to train on; slices such as `train[:90%]` are allowed")
    ] = "train"
    dev: Annotated[str | None, Field(description="split to tune on")] = None
    test: Annotated[str | None, Field(description="held-out split")] = "test"
    fields: Fields = Fields()
    answer_in: AnswerIn = "text"
    drop_unanswered: DropUnanswered = False
    where: Where = Field(default_factory=dict)

    def missing_here(self, machine: Machine) -> str:  # noqa: ARG002
        """Return why the data file cannot be read; names on the hub are not looked up."""
        return unreadable(Path(self.dataset).expanduser())

    @model_validator(mode="before")
    @classmethod
    def _over_its_preset(cls, given: Any) -> Any:
        name = given.get("preset") if isinstance(given, dict) else None
        if name is None:
            return given
        if name not in PRESETS:
            close = difflib.get_close_matches(str(name), PRESETS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(PRESETS)}"
            raise ValueError(f"no preset {name!r:.40}; {hint}")
        return _overlaid(PRESETS[name], given)


def unreadable(dataset: Path) -> str:
    """Return why a data file cannot be read, in one line; empty for all that is no such file."""
    if dataset.suffix in FILES and not dataset.is_file():
        return f"there is no file {dataset}"
    if dataset.is_file() and dataset.suffix not in FILES:
        return f"{dataset}: expected a file that ends in {', '.join(FILES)}"
    return ""


def _overlaid(preset: Any, given: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: {**preset[key], **given[key]}
        for key in ("fields", "where")
        if isinstance(preset.get(key), dict) and isinstance(given.get(key), dict)
    }
    return {**preset, **given, **both}
