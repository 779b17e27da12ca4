"""The responses and the training of a page in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_pages import page_of

from astro_report.documents import (
    PartEntry,
    ProblemResponses,
    ResponseEntry,
    ResponseList,
    Series,
    TrainingCurves,
    TrainingDocument,
    VerdictEntry,
)

browsing = pytest.importorskip("browser", reason="playwright is not installed")

PARTS = [
    PartEntry("step", "First $x^2$.\n"),
    PartEntry("step", "<b>Then</b> 8.\n"),
    PartEntry("reflection", "But wait.\n"),
    PartEntry("backtrack", "Let's go back.\n", 0),
    PartEntry("step", "So 7."),
]


def responses(model: str, correct: list[int]) -> dict[str, Any]:
    """The documents of the responses of a model to problems p0, p1 and so on."""
    listed, entries = ResponseList(), []
    for number, right in enumerate(correct):
        verdict = VerdictEntry("correct" if right else "incorrect", "7", "" if right else "it is 8")
        one = ResponseEntry(PARTS, "eos", verdict, 20)
        greedy = ResponseEntry(
            [PartEntry("step", f"greedy of {model}")], "length", verdict, 3, True
        )
        entries.append(ProblemResponses(f"p{number}", "", "which?", "7", {}, [one, greedy]))
        listed.id.append(f"p{number}")
        listed.evaluation_set.append("")
        listed.prompt.append("which?")
        listed.samples.append(1)
        listed.correct.append(right)
        listed.greedy.append(verdict.status)
        listed.backtracks.append(number % 2)
        listed.metadata.append({})
        listed.chunk.append(0)
    return {f"responses/{model}": listed, f"responses/{model}/0": entries}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    steps = [1.0, 2.0, 3.0, 4.0, 5.0]
    seeds = [
        TrainingCurves(
            "rl",
            [
                Series("reward", steps, [0.1, 0.2, None, 0.4, 0.5 + seed]),
                Series("pass_rate", steps, [0.2, 0.1, 0.4, 0.3, 0.5]),
                Series("backtracks", steps, [1.0, 2.0, 3.0, 4.0, 5.0]),
                Series("<img src=x onerror=window.PWNED=1>", [1.0], [1e-12]),
            ],
        )
        for seed in range(2)
    ]
    documents = {**responses("base", [0, 1, 1]), **responses("sft", [1, 1])}
    page = page_of([], models=["base", "sft"], training=TrainingDocument(seeds), **documents)
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser: Any, url: str) -> Iterator[Any]:
    with browsing.watched(browser, url) as found:
        yield found


def problems(page: Any) -> list[str]:
    return list(page.locator("#responses tbody td:nth-child(2)").all_inner_texts())


def test_problems_are_filtered(opened: Any) -> None:
    page = opened.page
    opened.go("#responses")
    page.wait_for_selector("#responses tbody tr")
    assert problems(page) == ["p0", "p1", "p2"]
    page.select_option("label:has-text('Right samples') select", "none")
    assert problems(page) == ["p0"]
    page.select_option("label:has-text('Right samples') select", "")
    page.select_option("label:has-text('Backtracks') select", "yes")
    assert problems(page) == ["p1"]
    page.click("text=Clear")
    page.select_option("label:has-text('Model') select", "sft")
    page.wait_for_function("document.querySelectorAll('#responses tbody tr').length === 2")


def test_the_picture_of_a_response_can_be_enlarged_and_moved(opened: Any) -> None:
    page = opened.page
    opened.go("#responses?problem=0")
    page.click("[role=option] >> nth=1")
    picture = page.locator(".response canvas.picture")
    box = picture.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drawn() -> str:
        return str(picture.evaluate("(canvas) => canvas.toDataURL()"))

    def press(name: str) -> str:
        page.get_by_role("button", name=name).click()
        return drawn()

    whole = drawn()
    large = press("Zoom in")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y - 20, steps=3)
    page.mouse.up()
    assert len({whole, large, drawn()}) == 3
    chosen = page.locator("[role=option][aria-selected=true]").get_attribute("data-index")
    assert (chosen, press("Whole picture")) == ("1", whole)
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    changed = "(before) => document.querySelector('.response canvas').toDataURL() !== before"
    page.wait_for_function(changed, arg=whole)


def test_two_models_answers_to_one_problem(opened: Any) -> None:
    page = opened.page
    opened.go("#responses?problem=0&with=sft")
    page.wait_for_selector(".sides.two .response >> nth=1")
    left, right = (page.locator(".response").nth(side) for side in range(2))
    assert "incorrect" in left.locator(".facts").inner_text()
    assert "1 backtrack" in right.locator(".facts").inner_text()
    whole = "".join(part.text for part in PARTS)
    assert opened.copy(".response .pane-part .model-text") == whole
    for index, part in enumerate(PARTS):
        right.locator("[role=option]").nth(index).click()
        assert f"Part {index + 1}: {part.kind}" in right.locator(".pane-part").inner_text()
        chosen = right.locator("[role=option][aria-selected=true]")
        assert (chosen.count(), chosen.get_attribute("data-index")) == (1, str(index))
    same = right.locator("[role=option]").nth(0)
    right.locator("[role=option]").nth(3).click()
    assert "same" in str(same.get_attribute("class"))
    assert "to part 1" in right.locator("[role=option]").nth(3).inner_text()
    left.locator("button:has-text('greedy')").click()
    page.wait_for_selector(".response >> nth=0 >> text=greedy of base")
    opened.go("#responses?problem=2&with=sft")
    page.wait_for_selector("text=This model was not asked this problem.")
    opened.go("#responses?problem=99")
    page.wait_for_selector("text=There is no problem 99")


def test_a_response_of_very_many_parts(browser: Any, tmp_path: Path) -> None:
    found = responses("base", [1])
    parts = [PartEntry("step", f"{number}\n") for number in range(50_000)]
    found["responses/base/0"][0].responses[0].parts = parts
    path = tmp_path / "page.html"
    path.write_text(page_of([], models=["base"], **found), encoding="utf-8")
    with browsing.watched(browser, f"{path.as_uri()}#responses?problem=0") as opened:
        page = opened.page
        page.wait_for_selector("[role=option]")
        assert page.locator("[role=option]").count() < 500
        page.locator(".sentences").focus()
        page.keyboard.press("End")
        chosen = page.locator("[role=option][aria-selected=true]")
        assert (chosen.count(), chosen.get_attribute("data-index")) == (1, "49999")
        assert "49999" in page.locator(".response .pane-part").inner_text()


def test_training_is_plotted_with_values_on_hover(opened: Any) -> None:
    page = opened.page
    opened.go("#training")
    page.wait_for_selector(".plot svg")
    titles = page.locator(".plot figcaption").all_inner_texts()
    assert titles[:3] == ["Pass rate against backtracks", "reward", "pass_rate"]
    assert page.locator(".legend li").all_inner_texts() == ["rl", "rl (2)"]
    said = page.locator(".plot .note").all_inner_texts()
    assert said[0] == ("rl: Pearson's r 0.800, 95 % interval -0.280 to 0.986, over 5 steps.")
    svg = page.locator(".plot").nth(1).locator("svg")
    dot = svg.locator("circle").first.bounding_box()
    page.mouse.move(dot["x"] + 2, dot["y"] + 2)
    page.wait_for_selector(".plot >> nth=1 >> text=step 1")


@pytest.mark.slow
def test_accessibility_of_responses_and_training(opened: Any) -> None:
    axe = Path(__file__).parents[1] / "web/node_modules/axe-core/axe.min.js"
    if not axe.exists():
        pytest.skip("no node_modules: run `make web`")
    for address, drawn in (
        ("#responses", "#responses tbody tr"),
        ("#responses?problem=0&with=sft", ".sides.two [role=option]"),
        ("#training", ".plot svg"),
    ):
        opened.go(address)
        opened.page.wait_for_selector(drawn)
        assert browsing.serious_faults(opened.page, axe) == []
