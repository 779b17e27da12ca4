from __future__ import annotations

from typing import Any

import pytest

from astro.testing import PolicyConformance
from astro.types import Prompt


class TestOpenAI(PolicyConformance):
    name = "openai"
    prompts = (Prompt("3 5 8"), Prompt("What is 6 x 7?"), Prompt("1", "think\n"))

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def on_a_server(cls, class_server: Any) -> None:
        cls.params = {
            "base_url": class_server.url,
            "model": "m",
            "prompt_template": "{prompt}\n---\n",
            "include_stop_str_in_output": True,
            "return_token_ids": True,
        }
