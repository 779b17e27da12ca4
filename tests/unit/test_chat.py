"""Chat templates that leave things out, differ from their dialogues, or raise."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from astro.data.prompts import PromptEncoder
from astro.errors import PolicyError
from astro.plugins.binding import PromptConfig
from astro.types import Prompt
from tests.unit.test_samples import CHAT, SPECIAL, TURN, byte_level

ASK = CHAT.removeprefix(TURN)
TEXTS = "{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}"
PARTS = TURN.replace("{{ m.content }}", TEXTS) + ASK
MIXED = (
    TURN.replace("{{ m.content }}", f"{{% if m.role == 'user' %}}{TEXTS}{{% else %}}@{{% endif %}}")
    + ASK
).replace("@", "{{ m.content }}")
THINK_PROMPT = (
    "{% for m in messages %}{% if m.role == 'user' %}<|turn|>{{ m.content }}{% else %}<|done|>"
    "{{ m.content.split('</think>')[-1] }}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|done|><think>\n{% endif %}"
)
EMPTY = "<think>\n\n</think>\n\n"
THINK_BLOCK = TURN.replace(
    "{{ m.content }}",
    "{% if m.role == 'assistant' and '</think>' not in m.content %}" + EMPTY + "{% endif %}"
    "{{ m.content }}",
) + ASK.replace(
    "{% endif %}",
    "{% if thinking is defined and not thinking %}" + EMPTY + "{% endif %}{% endif %}",
)
CLOCK = "{{ strftime_now('%d %b %Y %H:%M:%S') }}\n" + CHAT
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
TURNS = ("1 + 1", "it is 2.", "2 + 2")
BEFORE = "<|turn|>user\n1 + 1<|done|>\n<|turn|>assistant\n"


def encoder(template: Any, /, **config: Any) -> PromptEncoder:
    tokenizer = byte_level()
    tokenizer.chat_template = template
    return PromptEncoder(tokenizer, PromptConfig.model_validate(config))


def text(tokens: PromptEncoder, *turns: str) -> str:
    """The prompt, special tokens included."""
    assert tokens.chat is not None
    return tokens.chat.prompt(turns)


def dialogue(template: str, *turns: str) -> tuple[PreTrainedTokenizerFast, list[dict[str, str]]]:
    tokenizer = byte_level(template)
    roles = ("user", "assistant") * len(turns)
    said = [{"role": r, "content": t} for r, t in zip(roles, turns, strict=False)]
    return tokenizer, said


@pytest.mark.parametrize("template", [CHAT, CHAT.replace("<|turn|>", "<bos><|turn|>"), TURN + ASK])
@pytest.mark.parametrize("turns", [TURNS[:1], TURNS])
def test_the_ids_of_a_dialogue_are_those_of_its_template(
    template: str, turns: tuple[str, ...]
) -> None:
    tokenizer, said = dialogue(template, *turns)
    expected = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_dict=False)
    found = encoder(template)
    assert found.start(Prompt("all of it", turns=turns)) == tuple(expected)
    begun = Prompt("all of it", "it is 4", turns=turns)
    assert found.encode(begun) == (*expected, *found.text("it is 4"))
    assert found.encode(Prompt("all of it", "4", (7,), turns=turns)) == (*expected, 7)


def test_where_prompts_are_raw_the_text_is_asked() -> None:
    found = encoder(None)
    assert found.start(Prompt("all of it", turns=TURNS)) == found.user("all of it")
    assert encoder(CHAT, style="raw").start(Prompt("all", turns=TURNS)) == found.user("all")


def test_a_template_without_dialogues_is_asked_in_one_message() -> None:
    found = encoder("{{ raise_exception('one') if messages[1:] }}" + CHAT)
    assert found.start(Prompt("all of it", turns=TURNS)) == found.user("all of it")


@pytest.mark.parametrize("template", [PARTS, MIXED])
def test_contents_are_given_as_the_template_reads_them(template: str) -> None:
    found = encoder(template, system="be brief" if template is PARTS else None)
    system = "<|turn|>system\nbe brief<|done|>\n" if template is PARTS else ""
    assert text(found, "1 + 1") == system + BEFORE
    after = "it is 2.<|done|>\n<|turn|>user\n2 + 2<|done|>\n<|turn|>assistant\n"
    assert text(found, *TURNS) == system + BEFORE + after


@pytest.mark.parametrize(
    ("template", "system", "problem"),
    [
        (
            "{% for m in messages %}<|turn|>{% endfor %}",
            None,
            "in which the problem does not stand",
        ),
        *(
            (CHAT.replace("m.content", other), None, "in which the problem does not stand")
            for other in (
                "m.text",
                "m.content | lower",
                "m.content | tojson",
                "m.content | e",
                "m.content[:100]",
                "m.content.split('\n')[0]",
            )
        ),
        (CHAT.replace("messages", "messages[-1:]"), "be brief", "leaves out the system message"),
        (NO_SYSTEM + CHAT, "be brief", "cannot write a prompt: no system; remove prompt.system"),
        (
            "{{ raise_exception('roles\nalternate') }}",
            None,
            "cannot write a prompt: roles alternate",
        ),
        ("{% for m in messages %}{{ m.role }", None, "cannot write a prompt: unexpected '}'"),
        ("{{ messages[0].content + 1 }}", None, "cannot write a prompt: can only concatenate"),
    ],
)
def test_a_template_that_cannot_write_a_prompt_is_refused_in_a_line(
    template: str, system: str | None, problem: str
) -> None:
    with pytest.raises(PolicyError) as refused:
        encoder(template, system=system)
    assert problem in str(refused.value) and "\n" not in str(refused.value)
    assert str(refused.value).startswith("the chat template of ")


def test_the_header_of_an_answer_is_taken_from_the_dialogue() -> None:
    assert text(encoder(TURN), "1 + 1") == BEFORE
    mistral = "{% for m in messages %}{{ '[' + m.content + ']' if loop.index0 % 2 == 0 else ' ' +"
    mistral += " m.content + eos_token }}{% endfor %}"
    assert text(encoder(mistral), "1 + 1") == "[1 + 1]"
    closed = TURN + "{{ eos_token }}"
    assert text(encoder(closed), "1 + 1") == BEFORE and not encoder(closed).notices
    silent = CHAT.replace("{% if add_generation_prompt %}", "").replace("{% endif %}", "")
    assert text(encoder(silent), "1 + 1") == BEFORE.rstrip()


def test_a_prompt_that_differs_from_its_dialogue_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        found = [encoder(THINK_BLOCK, now="2026-01-02"), encoder(THINK_BLOCK, now="2026-01-02")]
    (line,) = found[0].notices
    assert f"writes {EMPTY!r} before an answer in a dialogue, but not in a prompt; " in line
    assert "prompt.response_prefix or prompt.template_kwargs" in line
    assert caplog.messages.count(line) <= 1
    (line,) = encoder(THINK_PROMPT).notices
    assert "ends a prompt in '<think>\\n', which a dialogue does not have before an answer" in line
    assert " and writes" not in line
    assert encoder(CHAT).notices == () == encoder(CHAT, style="raw").notices
    assert encoder(None).notices[0].startswith("no chat template: prompts are raw; ")


def test_keys_settle_what_comes_before_a_response() -> None:
    settled = encoder(THINK_BLOCK, response_prefix=EMPTY)
    assert settled.notices == () and text(settled, "1 + 1") == BEFORE + EMPTY
    by_template = encoder(THINK_BLOCK, template_kwargs={"thinking": False})
    assert by_template.notices == () and text(by_template, "1 + 1") == BEFORE + EMPTY
    assert settled.encode(Prompt("1 + 1", "2")) == by_template.encode(Prompt("1 + 1", "2"))
    raw = encoder(None, response_prefix="Answer: ")
    assert raw.detokenizer.text((), raw.user("1 + 1\n")) == "1 + 1\nAnswer: "


def test_a_template_reads_one_time() -> None:
    found = encoder(CLOCK, now="2026-01-02T03:04:05")
    assert text(found, "1 + 1") == "02 Jan 2026 03:04:05\n" + BEFORE
    assert found.notices == ()
    assert encoder(CLOCK.replace("%S", "%S.%f")).notices == ()


def test_one_of_several_templates_is_chosen_by_name() -> None:
    named = {"search": CHAT, "tools": TURN}
    assert text(encoder(named, template="search"), "1 + 1") == BEFORE
    with pytest.raises(PolicyError, match=r"several .*set prompt\.template: search or tools"):
        encoder(named)
    with pytest.raises(PolicyError, match="no chat template 'other'"):
        encoder(named, template="other")
    with pytest.raises(PolicyError, match=r"remove prompt\.template"):
        encoder(CHAT, template="search")
    assert text(encoder({**named, "default": CHAT}), "1 + 1") == BEFORE


@pytest.mark.parametrize("special", [True, False])
def test_the_token_that_closes_an_answer_ends_a_sample(special: bool) -> None:
    tokenizer = byte_level(CHAT.replace("<|done|>", "<|fin|>"), eos="<eos>")
    tokenizer.add_tokens(["<|fin|>"], special_tokens=special)
    found = PromptEncoder(tokenizer)
    assert found.end_id() == tokenizer.convert_tokens_to_ids("<|fin|>")
    assert found.end_id() in found.end_ids() and SPECIAL.index("<eos>") in found.end_ids()


def test_an_answer_that_is_closed_by_no_token_is_said() -> None:
    (line,) = encoder(CHAT.replace("<|done|>", "<|fin|>")).notices
    assert "closes an answer by '<|fin|>', which is not one token" in line
