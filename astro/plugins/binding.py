"""Bindings: the parts of a config that name a plugin and give its params."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from astro.plugins.params import Params


class Binding(Params):
    """The name of a plugin and its params. It can be sent to another process and built there."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)

    def with_params(self, **params: Any) -> Binding:
        """The same plugin with some params replaced."""
        return self.model_copy(update={"params": {**self.params, **params}})


def _iso_time(text: str | None) -> str | None:
    if text is not None:
        datetime.fromisoformat(text)
    return text


class PromptConfig(Params):
    """How prompts are written for a language model and for models that are trained from it."""

    style: Annotated[
        Literal["auto", "chat", "raw"],
        Field(description="auto is chat if the tokenizer has a chat template, and raw otherwise"),
    ] = "auto"
    system: Annotated[str | None, Field(description="system message of a chat")] = None
    template_kwargs: Annotated[
        dict[str, Any],
        Field(description="variables of the chat template, such as enable_thinking"),
    ] = Field(default_factory=dict)
    template: Annotated[
        str | None, Field(description="name of a chat template, if the tokenizer has several")
    ] = None
    response_prefix: Annotated[
        str, Field(description="text between a prompt and every response, such as an empty thought")
    ] = ""
    stage_systems: Annotated[
        dict[Literal["search", "linearize", "evaluate"], str],
        Field(description="system messages of the base model in stages, in place of `system`"),
    ] = Field(default_factory=dict)
    now: Annotated[
        str | None,
        AfterValidator(_iso_time),
        Field(description="time that a chat template reads; by default the time of the run"),
    ] = None

    @field_validator("template_kwargs")
    @classmethod
    def _no_reserved_name(cls, kwargs: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(_SET_BY_ENCODERS & kwargs.keys()):
            raise ValueError(f"{taken[0]} is set for each prompt")
        return kwargs

    def of_stage(self, stage: str) -> PromptConfig:
        """How the base model is asked in a stage; of another name, how trained models are."""
        own = (text for name, text in self.stage_systems.items() if name == stage)
        system = next(own, self.system)
        return self.model_copy(update={"system": system, "stage_systems": {}})


DEFAULT_PROMPT = PromptConfig()
Prompting = Annotated[
    PromptConfig,
    Field(description="for a model of `models`; the policy has that of the config"),
]
"""The type of the param `prompt` of a policy plugin that writes prompts for its model."""


class FormatSFTBinding(Binding):
    """A fine-tuner that teaches the base model the step format, and on how much it is trained.

    The last `problems` of the training problems are taken with their own solutions. Training ends
    after `tokens` loss tokens, whatever the trainer's epochs.
    """

    problems: Annotated[int, Field(ge=1, description="problems whose solutions are shown")] = 400
    tokens: Annotated[int, Field(ge=1, description="loss tokens to train on")] | None = None


class VerifierBinding(Binding):
    """A verifier, and the limits of the process pool that it runs in."""

    workers: Annotated[int, Field(ge=1, description="worker processes")] = 1
    timeout: Annotated[float, Field(gt=0, description="seconds per verdict, at most")] = 1.0
    memory_mb: Annotated[int, Field(ge=64, description="MiB of memory per worker, at most")] = 512
    max_faults: Annotated[
        float, Field(ge=0, le=1, description="share of faults among the verdicts, at most")
    ] = 0.2


_SET_BY_ENCODERS = frozenset(
    (
        *("conversation", "messages", "add_generation_prompt", "continue_final_message"),
        *("tokenize", "chat_template", "strftime_now"),
    )
)


class SFTBinding(Binding):
    """A fine-tuner, and what it is trained from and on.

    Fine-tuning ends after `tokens` loss tokens, whatever the trainer's epochs; it starts from
    `model`, or from the policy's model; it also uses the traces of the runs in the folders `runs`.
    """

    tokens: Annotated[int, Field(ge=1, description="loss tokens to train on")] | None = None
    model: Annotated[str, Field(description="model to start from")] | None = None
    runs: Annotated[tuple[str, ...], Field(description="folders of further runs")] = ()
