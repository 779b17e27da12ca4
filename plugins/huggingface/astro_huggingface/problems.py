"""Problems from a dataset, which the library `datasets` downloads once and caches."""

from __future__ import annotations

import datetime
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from astro.builtin.rows import DataRow, selected, to_problem
from astro.errors import ProblemError
from astro.types import Problem
from astro_huggingface.params import FILES, DatasetParams, unreadable

_SPLITS = ("train", "dev", "test")
_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")


class HuggingFaceProblems:
    """Problems in the order of the dataset; ids default to the dataset's name, split and row."""

    def __init__(self, params: DatasetParams, *, answered: bool = True) -> None:
        """Read problems from the dataset that `params` name; nothing is loaded yet."""
        self._params = params
        self._answered = answered

    def without_answers(self) -> HuggingFaceProblems:
        """Return the same problems, and those without an answer."""
        return HuggingFaceProblems(self._params, answered=False)

    def load(self, split: str) -> Sequence[Problem]:
        """Return the problems of a split.

        Raises:
            ProblemError: The dataset, configuration, split or a column does not exist, the dataset
                is not cached and the hub cannot be reached, or `where` accepts no row.
        """
        if split not in _SPLITS:
            raise ProblemError(f"no split {split!r}", f"there are {', '.join(_SPLITS)}")
        params = self._params
        own: str | None = getattr(params, split)
        if own is None:
            raise ProblemError(
                f"dataset {params.dataset} has no {split} problems", f"set problems.params.{split}"
            )
        return list(self._problems(f"{params.dataset}, {own}", own))

    def _problems(self, name: str, split: str) -> Iterator[Problem]:
        params = self._params
        stem = f"{Path(params.dataset).name}-{split}"
        rows = ((f"{name}, row {i}", row) for i, row in enumerate(_rows(params, split)))
        for place, row in selected(rows, params.where):
            number = place.rpartition(" ")[2]
            problem = to_problem(
                row,
                params.fields,
                place,
                f"{stem}-{number}",
                params.answer_in,
                answered=self._answered,
            )
            if problem:
                yield problem
            elif not params.drop_unanswered:
                raise ProblemError(
                    f"{place}: no answer in {params.fields.answer} ({params.answer_in})",
                    "set drop_unanswered to skip such rows",
                )


def _rows(params: DatasetParams, split: str) -> Iterator[DataRow]:
    """Yield rows without nulls, which fill missing keys in a table; a null answer is kept."""
    for row in _dataset(params, split):
        yield {
            key: _plain(value)
            for key, value in row.items()
            if value is not None or key == params.fields.answer
        }


def _dataset(params: DatasetParams, split: str) -> Any:
    """Load a split of the dataset.

    Raises:
        ProblemError: The library raises anything; the message is one line.
    """
    import datasets

    datasets.disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it warns of each retry
    try:
        path = Path(params.dataset).expanduser()
        if why := unreadable(path):
            raise ProblemError(why)
        if path.is_file():
            return datasets.load_dataset(
                FILES[path.suffix],
                data_files={name: str(path) for name in _names(split)},
                split=split,
            )
        if saved := _saved(path, split):
            return datasets.load_dataset("arrow", data_files=saved, split=split)
        return datasets.load_dataset(
            params.dataset, params.config, split=split, revision=params.revision
        )
    except ProblemError:
        raise
    except Exception as error:  # from the library, its file systems or the network
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ProblemError(
            f"dataset {params.dataset}, {split}: {reason:.300}", _hint(params.dataset)
        ) from None


def _saved(dataset: Path, split: str) -> dict[str, str]:
    """Return the files of each split in `split`, such as `train[:50%]+test`.

    Only for a folder that `save_to_disk` wrote; else the result is empty. A folder with a single
    dataset serves for any split.
    """
    names = _names(split)
    if (dataset / "dataset_dict.json").is_file():
        return {name: str(dataset / name / "*.arrow") for name in names}
    if (dataset / "state.json").is_file():
        return {name: str(dataset / "*.arrow") for name in names}
    return {}


def _names(split: str) -> list[str]:
    """Return the names of the splits in `split`, such as `train[:50%]+test`."""
    return [part.partition("[")[0].strip() for part in split.split("+")]


def _hint(dataset: str) -> str:
    if Path(dataset).exists():
        return ""
    switched_off = [name for name in _OFFLINE if os.environ.get(name, "0").lower() not in _NO]
    if switched_off:
        return f"{switched_off[0]} allows the cache only: load the dataset once without it"
    return "load it once where the hub can be reached, or give a folder"


_NO = ("", "0", "false", "no", "off")


def _plain(value: Any) -> Any:
    """Return the value as JSON can represent it; other types become text."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value if isinstance(value, bool | int | float | str | None) else repr(value)[:200]
