"""Chat templates: how the messages of a dialogue become one text.

A template is a program that comes with a checkpoint. It may leave a message out, raise an error, or
write a prompt that no dialogue begins with. A short dialogue shows this before the first problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from typing import Any

from astro.errors import PolicyError
from astro.plugins.binding import PromptConfig

QUESTION = """What is 6 * 7, if 3 < 4 & 'x' + "y" > 2?
Explain each step in whole sentences, and write the answer alone in the last line."""
"""It has what a template may change or leave out: signs of HTML and JSON, a second line, a length.
"""
ANSWER = "The answer is 42."
_PART = "'type': 'text'"
"""What a template writes that expects a text and is given parts."""
_FORMS = (
    frozenset[str](),
    frozenset({"system", "user", "assistant"}),
    frozenset({"user"}),
    frozenset({"user", "assistant"}),
)
"""The roles whose contents are given as lists of parts, in the order in which they are tried."""
_CHARS = 200


def with_roles(turns: Sequence[str]) -> list[tuple[str, str]]:
    """Return each message of a dialogue after its role; user and assistant take turns."""
    return list(zip(cycle(("user", "assistant")), turns, strict=False))


@dataclass(frozen=True, slots=True)
class Shown:
    """A short dialogue as a template writes it.

    Attributes:
        prompt: The text before a response.
        before: What stands before the answer in the dialogue, and `after` what stands behind it;
            None if the template does not write the dialogue.
        after: See `before`.
    """

    prompt: str
    before: str | None
    after: str | None


class ChatTemplate:
    """Writes prompts and dialogues by the chat template of a tokenizer.

    Contents are given as texts or, if the template expects these, as lists of parts. If a prompt
    lacks the header that an answer has in a dialogue, the header is added. The time that a template
    reads is `now` of the config or, without it, the time at which this object was made.

    Attributes:
        shown: A short dialogue.

    Raises:
        PolicyError: There is no such template, or it cannot write a prompt with all that is said.
    """

    def __init__(self, tokenizer: Any, config: PromptConfig) -> None:
        self._tokenizer = tokenizer
        self._config = config
        self._now = datetime.fromisoformat(config.now) if config.now else datetime.now()
        self._name = _name(tokenizer.chat_template, config.template)
        self._end: str = tokenizer.eos_token or ""
        self._header, self._parts = "", _FORMS[0]
        self._parts = self._form()
        self.shown = self._show()

    def prompt(self, turns: Sequence[str]) -> str:
        """Return the text before a response to `turns`, messages of user and assistant in turn.

        A prompt that an end of sequence closes goes on with the header of an answer without it.

        Raises:
            PolicyError: The template raises an error.
        """
        text = self._render(turns)
        if self._header:
            text = text.removesuffix(self._end) + self._header
        return text + self._config.response_prefix

    def difference(self) -> str:
        """Return a line that says how prompts differ from what a dialogue has before an answer.

        It is empty if they do not, apart from white space at the end, or if the config says what
        comes before a response.
        """
        prompt, before = self.shown.prompt, self.shown.before
        if before is None or self._config.response_prefix or before.rstrip() == prompt.rstrip():
            return ""
        pairs = enumerate(zip(prompt, before, strict=False))
        same = next((i for i, (a, b) in pairs if a != b), min(len(prompt), len(before)))
        said, missing = prompt[same:], before[same:]
        parts = [
            f"ends a prompt in {said!r:.{_CHARS}}, which a dialogue does not have before an answer,"
            if said.strip()
            else "",
            f"writes {missing!r:.{_CHARS}} before an answer in a dialogue, but not in a prompt"
            if missing.strip()
            else "",
        ]
        what = " and ".join(filter(None, parts)).strip(",")
        return (
            f"{self._title()} {what}; responses follow the prompt as it is, unless "
            "prompt.response_prefix or prompt.template_kwargs change it"
        )

    def _form(self) -> frozenset[str]:
        """Try the forms of contents, and return the roles whose contents are to be parts."""
        failures: list[PolicyError] = []
        usable: list[frozenset[str]] = []
        for roles in _FORMS:
            self._parts = roles
            try:
                self._check(self._render((QUESTION,)))
            except PolicyError as error:
                failures.append(error)
                continue
            usable.append(roles)
            try:
                text = self._render((QUESTION, ANSWER), asks=False)
            except PolicyError:  # a template may accept no dialogue that ends with an answer
                continue
            if ANSWER in text and _PART not in text:
                return roles
        if not usable:
            raise failures[0]
        return usable[0]

    def _check(self, text: str) -> None:
        """Raise `PolicyError` for a prompt in which something does not stand that was said."""
        if QUESTION not in text or _PART in text:
            raise PolicyError(
                f"{self._title()} writes a prompt in which the problem does not stand",
                "set prompt.template_kwargs, use another template, or set prompt.style: raw",
            )
        if self._config.system and self._config.system.strip() not in text:
            raise PolicyError(
                f"{self._title()} leaves out the system message", "remove prompt.system"
            )

    def _show(self) -> Shown:
        prompt = self._render((QUESTION,))
        try:
            before, found, after = self._render((QUESTION, ANSWER), asks=False).rpartition(ANSWER)
            bare = self._render((QUESTION,), asks=False) if found else ""
        except PolicyError:  # a template may accept no dialogue that ends with an answer
            found = ""
        if not found:
            return Shown(self.prompt((QUESTION,)), None, None)
        stem = prompt if before.startswith(prompt) else prompt.removesuffix(self._end)
        if prompt == bare and before.startswith(stem) and before[len(stem) :].strip():
            self._header = before[len(stem) :]
        return Shown(self.prompt((QUESTION,)), before, after)

    def _render(self, turns: Sequence[str], asks: bool = True) -> str:
        said = with_roles(turns)
        if self._config.system is not None:
            said.insert(0, ("system", self._config.system))
        messages = [{"role": role, "content": self._content(role, text)} for role, text in said]
        try:
            text: str = self._tokenizer.apply_chat_template(
                messages,
                chat_template=self._name,
                add_generation_prompt=asks,
                tokenize=False,
                strftime_now=self._now.strftime,
                **self._config.template_kwargs,
            )
        except Exception as error:  # a template is a program, and may raise anything
            reason = " ".join(str(error).split())[:_CHARS] or type(error).__name__
            raise PolicyError(
                f"{self._title()} cannot write a prompt: {reason}", self._remedy(reason)
            ) from None
        return text

    def _content(self, role: str, text: str) -> str | list[dict[str, str]]:
        return [{"type": "text", "text": text}] if role in self._parts else text

    def _title(self) -> str:
        named = f" {self._name!r}" if self._name else ""
        return f"the chat template{named} of {self._tokenizer.name_or_path or 'the tokenizer'}"

    def _remedy(self, reason: str) -> str:
        system = self._config.system is not None and "system" in reason.lower()
        return "remove prompt.system" if system else "use another template, or prompt.style: raw"


def _name(templates: Any, wanted: str | None) -> str | None:
    """The name of the template to use; None if there is one template only.

    Raises:
        PolicyError: There is no template of the name, or a name is needed.
    """
    names = sorted(templates) if isinstance(templates, dict) else []
    if wanted is None and (not names or "default" in names):
        return None
    if wanted in names:
        return wanted
    if not names:
        raise PolicyError("the chat template has no name", "remove prompt.template")
    problem = f"no chat template {wanted!r}" if wanted else "several chat templates, no default"
    raise PolicyError(f"the tokenizer has {problem}", f"set prompt.template: {' or '.join(names)}")
