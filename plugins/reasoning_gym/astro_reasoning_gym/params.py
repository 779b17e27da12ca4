"""What a config may say about problems and verifier. Imports no engine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from astro.plugins.params import Params

_OURS = {"seed", "size"}


class ProblemParams(Params):
    """Params of problems `reasoning_gym`."""

    tasks: Annotated[
        dict[str, dict[str, Any]],
        Field(min_length=1, description="task -> its own settings, {} for its defaults"),
    ]
    train: Annotated[int, Field(ge=0, description="problems to search and train on")] = 400
    dev: Annotated[int, Field(ge=0, description="problems to tune on")] = 100
    test: Annotated[int, Field(ge=0, description="held-out problems")] = 300
    seed: Annotated[int, Field(ge=0, description="which problems are drawn")] = 0
    instruction: Annotated[
        str, Field(description="follows every question, and says how to answer")
    ] = "\n\nGive the final answer, and nothing else, between <answer> and </answer>."

    @field_validator("tasks")
    @classmethod
    def _no_setting_of_ours(cls, tasks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for task, settings in tasks.items():
            for key in _OURS & settings.keys():
                raise ValueError(f"{task}: {key} is not set here, but beside tasks")
        return tasks


class VerifierParams(Params):
    """Params of verifier `reasoning_gym`."""

    extract: Annotated[
        Literal["tags", "boxed"],
        Field(description=r"the last <answer>...</answer>, or the last \boxed{...}"),
    ] = "tags"
    preload: Annotated[
        tuple[str, ...],
        Field(description="tasks whose data (boards, word lists) is read before the first verdict"),
    ] = ()
