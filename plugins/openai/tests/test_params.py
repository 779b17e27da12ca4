from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from astro.config.loading import load_config
from astro.errors import ConfigError
from astro.plugins.params import validate
from astro_openai.params import PolicyParams

SECRET = "sk-proj-abcdefghijkl"
SOUND = {"base_url": "http://localhost:8000/v1", "model": "m"}


def problems(**changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        validate(PolicyParams, {**SOUND, **changes})
    return str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key_env": SECRET},
        {"api_key": SECRET},
        {"base_url": f"https://user:{SECRET}@host/v1"},
        {"base_url": f"https://host/v1?key={SECRET}"},
        {"headers": {"X-Token": f"{SECRET}\n"}},
        {"headers": {"X Token": SECRET}},
        {"headers": SECRET},
        {"extra_body": SECRET},
        {"extra_body": {"api_key": SECRET, "n": 3}},
    ],
)
def test_a_key_in_the_config_is_refused_and_not_repeated(changes: dict[str, str]) -> None:
    assert SECRET not in problems(**changes)


def test_a_refused_key_says_where_keys_belong() -> None:
    assert "expected the name of an environment variable" in problems(api_key_env=SECRET)
    assert "without credentials" in problems(base_url="https://a:b@host/v1")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"base_url": "localhost:8000/v1"}, "expected http"),
        ({"base_url": "http://"}, "expected http"),
        ({"api": "chat", "prompt_template": "{prompt}"}, "for api: completions"),
        ({"prompt": {"system": "be brief"}}, "for api: chat"),
        ({"prompt": {"style": "chat"}}, "for api: chat"),
        ({"prompt": {"template_kwargs": {"think": True}}}, "for api: chat"),
        ({"prompt": {"stage_systems": {"search": "be brief"}}}, "for api: chat"),
        ({"api": "chat", "prompt": {"style": "raw"}}, "for api: completions"),
        ({"api": "chat", "prompt": {"response_prefix": "So"}}, "the server renders the chat"),
        ({"prompt": {"template": "tools"}}, "the server renders the chat"),
        (
            {
                "api": "chat",
                "prompt": {"template_kwargs": {"think": True}},
                "extra_body": {"chat_template_kwargs": {"think": False}},
            },
            "set by prompt.template_kwargs",
        ),
        ({"continuation": "prefill"}, "for api: chat"),
        ({"prompt_template": "{user}"}, "expected {prompt}"),
        ({"extra_body": {"top_k": 5, "n": 3, "stop": []}}, "n, stop are set"),
        ({"concurrency": 0}, "concurrency"),
        ({"prices": {"prompt": 1.0}}, "prices.generated: missing"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], complaint: str) -> None:
    assert complaint in problems(**changes)


def test_a_whole_config_is_accepted() -> None:
    params = {
        **SOUND,
        "api_key_env": "MY_KEY",
        "api": "chat",
        "continuation": "continue_final_message",
        "extra_body": {"top_k": 5},
        "prices": {"prompt": 1, "generated": 2},
    }
    assert validate(PolicyParams, params).prices is not None


def test_a_run_that_trains_needs_a_policy_that_loads_what_it_trained() -> None:
    config = Path(__file__).parents[3] / "configs" / "server.yaml"
    with pytest.raises(ConfigError, match="openai cannot load a model"):
        load_config(config, ["sft={name: transformers}"])
