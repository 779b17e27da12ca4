from __future__ import annotations

from collections.abc import Callable
from typing import Any

from astro.builtin.markdown import MarkdownFormat, MarkdownParams
from astro.requests import Generate
from astro.types import (
    Completion,
    FinishReason,
    Node,
    Problem,
    SearchTree,
    Status,
    Step,
    Trace,
    Verdict,
)
from astro_linearize.params import RewriteParams
from astro_linearize.rewrite import Rewrite

Writer = Callable[[str], str]


def rewritten(
    tree: SearchTree, step_format: Any, judge: Any, write: Writer, **params: Any
) -> list[Trace]:
    """Traces with one backtrack, where `write` turns notes into a reply."""
    made = Rewrite(RewriteParams(shares={1: 1}, **params), step_format=step_format)
    program = made.linearize(tree.problem, tree, 0)
    batch = next(program)
    try:
        while True:
            batch = program.send([_reply(request, judge, write) for request in batch])
    except StopIteration as stop:
        traces: list[Trace] = stop.value
        return traces


def _reply(request: Any, judge: Any, write: Writer) -> Any:
    if isinstance(request, Generate):
        notes = request.prompt.user.rpartition("Notes:\n")[2].partition("\n\n")[0]
        reply = write(notes)
        reason = FinishReason.LENGTH if reply.endswith("and so") else FinishReason.EOS
        return [Completion(reply, finish_reason=reason)]
    return judge(request.problem, request.response)


def chatty(notes: str) -> str:
    """Each note behind its number, in more words; a return keeps its own."""
    lines = []
    for line in notes.splitlines():
        head, _, text = line.partition(": ")
        number, name = head.split()
        lines.append(f"{number} {text}" if name == "return" else f"{number} Well then: {text}")
    return "\n".join(lines)


def test_a_faithful_rewriting_takes_the_place_of_the_template(
    tree: SearchTree, brackets: Any, judge: Any
) -> None:
    (trace,) = rewritten(tree, brackets, judge, chatty)
    (template,) = rewritten(tree, brackets, judge, lambda _notes: "no")
    assert trace.rewritten and not template.rewritten
    assert [s.node for s in trace.segments] == [s.node for s in template.segments]
    assert trace.segments[0].text == f"Well then: {template.segments[0].text.strip()}\n\n"
    assert trace.backtracks == template.backtracks == 1
    assert trace.verdict.correct


def test_a_rewriting_that_drops_a_note_leaves_the_template(
    tree: SearchTree, brackets: Any, judge: Any
) -> None:
    asked: list[str] = []

    def shorten(notes: str) -> str:
        asked.append(notes)
        return "\n".join(chatty(notes).splitlines()[1:])

    (trace,) = rewritten(tree, brackets, judge, shorten, attempts=3)
    assert not trace.rewritten
    assert len(asked) == 3


def test_a_rewriting_that_the_limit_cut_off_leaves_the_template(
    tree: SearchTree, brackets: Any, judge: Any
) -> None:
    (trace,) = rewritten(tree, brackets, judge, lambda notes: f"{chatty(notes)} and so")
    assert not trace.rewritten


def test_a_rewriting_that_is_too_long_leaves_the_template(
    tree: SearchTree, brackets: Any, judge: Any
) -> None:
    (trace,) = rewritten(tree, brackets, judge, chatty)
    chars = len(trace.response)
    assert rewritten(tree, brackets, judge, chatty, max_chars=chars)[0].rewritten
    assert not rewritten(tree, brackets, judge, chatty, max_chars=chars - 1)[0].rewritten


def test_a_second_attempt_may_succeed(tree: SearchTree, brackets: Any, judge: Any) -> None:
    replies = iter(["no", "yes"])
    (trace,) = rewritten(
        tree,
        brackets,
        judge,
        lambda notes: chatty(notes) if next(replies) == "yes" else "",
        attempts=2,
    )
    assert trace.rewritten


def test_a_rewriting_whose_answer_is_not_found_again_leaves_the_template(
    tree: SearchTree, brackets: Any, judge: Any
) -> None:
    def strict(problem: Any, response: str) -> Any:
        return judge(problem, "=9" if "Well" in response else response)

    (trace,) = rewritten(tree, brackets, strict, chatty)
    assert not trace.rewritten
    assert trace.verdict.correct


BOXED = Problem("p", "Add 3 and 4, then 5.", "12")
TEXTS = ("## Step 1: Add\n3 + 4 = 7\n\n## Step", " 2: Wrong\n\\boxed{11}", " 2: Right\n\\boxed{12}")


def boxed_tree() -> SearchTree:
    nodes = [Node(0, None, Step(""), 0, children=[1]), Node(1, 0, Step(TEXTS[0]), 1)]
    nodes[1].children = [2, 3]
    for number, (text, status) in enumerate(
        zip(TEXTS[1:], (Status.INCORRECT, Status.CORRECT), strict=True), start=2
    ):
        verdict = Verdict(status, text[-3:-1])
        nodes.append(Node(number, 1, Step(text), 2, terminal=True, verdict=verdict))
    return SearchTree(BOXED, nodes)


def boxed_judge(problem: Problem, response: str) -> Verdict:
    answer = response.rpartition("{")[2][:2]
    return Verdict(Status.CORRECT if answer == problem.answer else Status.INCORRECT, answer)


def markdown_trace(write: Writer) -> Trace:
    (trace,) = rewritten(boxed_tree(), MarkdownFormat(MarkdownParams()), boxed_judge, write)
    return trace


def test_a_rewriting_between_the_headers_of_markdown() -> None:
    seen: list[str] = []

    def write(notes: str) -> str:
        seen.append(notes)
        return chatty(notes)

    trace, template = markdown_trace(write), markdown_trace(lambda _notes: "no")
    assert "Step" not in seen[0].partition("return")[0] and "[2] step: Wrong" in seen[0]
    assert trace.rewritten and trace.backtracks == 1
    assert trace.segments[0].text == "## Step 1: Well then: Add 3 + 4 = 7\n\n## Step"
    assert trace.segments[1].text == " 2: Well then: Wrong \\boxed{11}"
    assert trace.segments[3].text == template.segments[3].text
    assert trace.segments[4].text == " 2: Well then: Right \\boxed{12}"


def test_headers_in_a_rewriting_are_not_written_twice() -> None:
    def write(notes: str) -> str:
        return chatty(notes).replace("[1] Well", "[1] ## Step 1: As in Step 2, well")

    trace = markdown_trace(write)
    assert trace.segments[0].text.startswith("## Step 1: As in Step 2, well then")


def test_a_return_to_another_step_is_not_faithful() -> None:
    def write(notes: str) -> str:
        return chatty(notes).replace("Step 1", "Step 3")

    assert not markdown_trace(write).rewritten
