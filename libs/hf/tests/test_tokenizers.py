from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from astro_hf.errors import CheckpointError
from astro_hf.tokenizers import load_tokenizer

TEMPLATE = "{{ messages[0].content }}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    backend = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    PreTrainedTokenizerFast(tokenizer_object=backend).save_pretrained(tmp_path)
    return tmp_path


def test_a_template_in_the_file_of_a_processor_is_read(folder: Path) -> None:
    assert load_tokenizer(str(folder)).chat_template is None
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    assert load_tokenizer(str(folder)).chat_template == TEMPLATE
    (folder / "chat_template.jinja").write_text("own")
    assert load_tokenizer(str(folder)).chat_template == "own"


def test_templates_of_a_processor_may_have_names(folder: Path) -> None:
    path = folder / "processor_config.json"
    path.write_text("{}")
    assert load_tokenizer(str(folder)).chat_template is None
    named = [{"name": "tools", "template": TEMPLATE}]
    path.write_text(json.dumps({"chat_template": named}))
    assert load_tokenizer(str(folder)).chat_template == {"tools": TEMPLATE}


@pytest.mark.parametrize("content", ["[]", "{}", "{"])
def test_a_damaged_template_file_is_refused(folder: Path, content: str) -> None:
    (folder / "chat_template.json").write_text(content)
    with pytest.raises(CheckpointError, match="cannot load the tokenizer"):
        load_tokenizer(str(folder))
