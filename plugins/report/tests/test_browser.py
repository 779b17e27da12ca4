"""The page in a browser: what a reader can choose, see and copy, by mouse and by keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from report_pages import page_of, tree_of
from small_runs import small_config

import astro
from astro.config.loading import parse_config
from astro.plugins.registry import Registry
from astro_report import report
from astro_report.documents import SegmentEntry, TraceEntry
from astro_report.report import write_report

browsing = pytest.importorskip("browser", reason="playwright is not installed")
watched = browsing.watched

STEPS = [
    (0, "First we add.\n", None),
    (1, "It is 8.\n", "incorrect"),
    (0, "Then we multiply.\n", None),
    (3, "It is 7.\n", "correct"),
    (3, "It is unread.\n", "unparsed"),
]
TOLD = [
    (1, "step", None),
    (2, "step", "In other words, 8.\n"),
    (2, "reflection", "But wait, is 8 right?\n"),
    (0, "backtrack", "Let's go back to the beginning.\n"),
    (3, "step", None),
    (4, "step", None),
]
TRACE = TraceEntry("tree-0#0", "sft", [SegmentEntry(n, k, True, t) for n, k, t in TOLD], "7")


SPOKEN = """
(row) =>
  [...row.children]
    .filter((cell) => !cell.ariaHidden)
    .map((cell) => cell.textContent)
    .join(" ")
"""
"""What a screen reader says of a row."""


def write(folder: Path, page: str) -> str:
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of 130 trees, the first of which has a trace."""
    levels: list[Any] = ["10", 9, None, 2.5, True, ["x"]]
    trees = [tree_of(0, STEPS, traces=[TRACE], metadata={"level": 1})]
    for number in range(1, 130):
        nodes = [(0, f"step {number}\n", ["correct", "incorrect", "timeout"][number % 3])]
        trees.append(tree_of(number, nodes, metadata={"level": levels[number % 6]}))
    return write(tmp_path_factory.mktemp("page"), page_of(trees))


@pytest.fixture
def opened(browser: Any, url: str) -> Iterator[Any]:
    with watched(browser, f"{url}#trees?tree=tree-0") as found:
        found.page.wait_for_selector(".row")
        yield found


def selected(page: Any) -> str:
    """The node that the outline marks as selected."""
    row = page.locator(".row[aria-selected=true]")
    assert row.count() == 1
    return str(row.get_attribute("data-node"))


def sentences(page: Any) -> list[str]:
    """The numbers of the sentences that belong to the chosen node."""
    return list(
        page.locator("[role=option].same").evaluate_all("all => all.map(i => i.dataset.index)")
    )


def test_report_of_a_real_run_shows_the_node_of_a_sentence(browser: Any, tmp_path: Path) -> None:
    registry = Registry.discover()
    config = parse_config(small_config(tmp_path, linearizer={"name": "backtrack"}), registry)
    astro.run(config, runs=tmp_path, registry=registry)
    out = tmp_path / "report.html"
    write_report(tmp_path / "small", registry, out)
    row = (tmp_path / "small/eval/base.jsonl").read_text().splitlines()[0]
    first = json.loads(row)["samples"][0]["text"]
    with watched(browser, out.as_uri()) as found:
        page = found.page
        assert page.locator("#results table").first.is_visible()
        page.click("nav >> text=Trees")
        page.click("[data-tree='1']")
        page.click("[role=option] >> nth=0")
        node = page.locator("[role=option] >> nth=0").inner_text().split("node ")[1].split()[0]
        assert selected(page) == node.rstrip(",")
        assert page.locator(".detail h3").last.inner_text().startswith(f"Node {selected(page)}")
        page.click("nav >> text=Responses")
        page.click("[data-problem='0']")
        assert found.copy(".response .pane-part .model-text") == first


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A report whose documents lie beside it."""
    monkeypatch.setattr(report, "EMBEDDED_BYTES", 0)
    registry = Registry.discover()
    astro.run(parse_config(small_config(tmp_path), registry), runs=tmp_path, registry=registry)
    path = tmp_path / "my report #1.html"
    assert len(write_report(tmp_path / "small", registry, path)) > 1
    return path


def test_chunks_are_loaded_from_beside_the_page(browser: Any, tmp_path: Path, out: Path) -> None:
    with watched(browser, out.as_uri(), own=tmp_path.as_uri()) as found:
        found.go("#trees?tree=set%2F1&node=1")
        found.page.wait_for_selector(".detail h3:has-text('Node 1')")
        found.go("#responses?problem=2")
        found.page.wait_for_selector(".response .sentence-item")
        next(tmp_path.glob("*_data/trees-0.js")).unlink()
        found.page.reload()
        found.go("#trees?tree=set%2F1")
        found.page.wait_for_selector("text=beside this page is missing")
        found.complaints.clear()


def test_the_trees_of_the_list_are_read_before_they_are_chosen(
    browser: Any, tmp_path: Path, out: Path
) -> None:
    with watched(browser, out.as_uri(), own=tmp_path.as_uri()) as found:
        with found.page.expect_request("**/trees-0.js"):
            found.go("#trees")
        found.page.wait_for_selector("script[src*='trees-0']", state="detached")
        next(tmp_path.glob("*_data/trees-0.js")).unlink()
        found.page.click("[data-tree='0']")
        found.page.wait_for_selector(".row")


def test_a_sentence_shows_its_node_and_a_node_its_sentences(opened: Any) -> None:
    page = opened.page
    for index, (node, kind, text) in enumerate(TOLD):
        page.click(f"[role=option] >> nth={index}")
        assert selected(page) == str(node)
        assert page.locator("[role=option][aria-selected=true]").get_attribute("data-index") == str(
            index
        )
        assert kind in page.locator("[role=option][aria-selected=true]").inner_text()
        if text:
            assert opened.copy(".detail .model-text") == text
    page.click(".row[data-node='2']")
    assert sentences(page) == ["1", "2"]
    assert page.locator(".detail h3").last.inner_text().startswith("Node 2")
    page.click(".row[data-node='5']")
    assert sentences(page) == []
    assert "unparsed" in page.locator(".detail h3").inner_text()


def test_sentences_are_copied_together_as_stored(browser: Any, tmp_path: Path) -> None:
    nodes = [(0, "So $x^2$\x07 is 9.\n", None), (1, "And $\\frac{6}{2}$ is 3.", None)]
    told = [SegmentEntry(1, "step", True), SegmentEntry(2, "step", True)]
    url = write(tmp_path, page_of([tree_of(0, nodes, traces=[TraceEntry("t", "sft", told)])]))
    with watched(browser, f"{url}#trees?tree=tree-0") as found:
        found.page.wait_for_selector(".sentences .katex >> nth=1")
        assert found.copy(".sentences").splitlines() == [
            "step 1, node 1",
            "So $x^2$\x07 is 9.",
            "step 2, node 2",
            "And $\\frac{6}{2}$ is 3.",
        ]


def test_a_trace_is_walked_by_keyboard(opened: Any) -> None:
    page = opened.page
    page.locator(".trace-pane").click(position={"x": 5, "y": 5})
    walked = []
    for _ in TOLD:
        page.keyboard.press("j")
        walked.append(selected(page))
    assert walked == [str(node) for node, _, _ in TOLD]
    page.keyboard.press("k")
    assert selected(page) == "3"
    page.locator(".outline").focus()
    page.keyboard.press("[")
    assert selected(page) == "0"
    page.locator(".sentences").focus()
    page.keyboard.press("End")
    assert selected(page) == "4"


def test_the_outline_has_the_keys_of_a_tree(opened: Any) -> None:
    page = opened.page
    outline = page.locator(".outline")
    outline.focus()

    def pressed(*keys: str) -> str:
        for key in keys:
            page.keyboard.press(key)
        return selected(page)

    assert pressed("Home") == "0"
    assert pressed("ArrowDown", "ArrowDown") == "2"
    assert pressed("ArrowLeft") == "1"
    assert pressed("ArrowLeft") == "1"
    assert page.locator(".row[data-node='2']").count() == 0
    assert page.locator(".row[data-node='1']").get_attribute("aria-expanded") == "false"
    assert pressed("ArrowRight", "ArrowRight") == "2"
    assert pressed("End") == "5"
    page.wait_for_timeout(750)
    assert pressed("t", "h") == "3"
    assert pressed("ArrowLeft", "ArrowLeft", "ArrowLeft") == "0"
    assert page.locator(".row").count() == 1
    assert pressed("ArrowRight") == "0"
    assert outline.evaluate("(tree) => tree === document.activeElement")
    row = page.locator(".row[data-node='1']")
    assert row.get_attribute("aria-level") == "2"
    assert (row.get_attribute("aria-posinset"), row.get_attribute("aria-setsize")) == ("1", "2")
    said = "First we add. sentence 1 prior 0.250 5 visits Q 0.500"
    assert " ".join(row.evaluate(SPOKEN).split()) == said


def test_the_picture_can_be_enlarged_and_moved(opened: Any) -> None:
    page = opened.page
    picture = page.locator("canvas.picture")
    box = picture.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def drawn() -> str:
        return str(picture.evaluate("(canvas) => canvas.toDataURL()"))

    whole, chosen, address = drawn(), selected(page), page.url
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").press("Enter")
    large = drawn()
    assert large != whole
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 60, middle[1] - 20, steps=3)
    page.mouse.up()
    assert drawn() not in (large, whole)
    assert (selected(page), page.url) == (chosen, address)
    page.get_by_role("button", name="Whole picture").click()
    assert drawn() == whole
    page.mouse.move(*middle)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function(
        "(before) => document.querySelector('canvas').toDataURL() !== before", arg=whole
    )
    page.get_by_role("button", name="Zoom out").click()
    page.get_by_role("button", name="Zoom out").click()
    assert drawn() == whole


def test_the_address_holds_what_is_shown(opened: Any, url: str) -> None:
    page = opened.page
    page.click(".row[data-node='3']")
    page.click(".row[data-node='4']")
    page.click(".sentence-item >> nth=1")
    page.go_back()
    assert selected(page) == "4"
    page.go_back()
    assert selected(page) == "3"
    page.goto(f"{url}#trees?tree=tree-0&node=2")
    page.reload()
    page.wait_for_selector(".row")
    assert selected(page) == "2"
    for address, said in (
        ("tree=tree-0&node=99", "This tree has no node 99"),
        ("tree=tree-0&trace=7", "This tree has no trace 7"),
        ("tree=tree-0&step=70", "This trace has no sentence 70"),
        ("tree=__proto__", "This run has no tree __proto__"),
        ("tree=tree-4000", "This run has no tree tree-4000"),
    ):
        opened.go(f"#trees?{address}")
        page.wait_for_selector(f".message:has-text('{said}')")


def shown(page: Any) -> list[int]:
    return [int(cell) for cell in page.locator("#trees tbody td:first-child").all_inner_texts()]


def test_trees_are_filtered_sorted_and_paged(browser: Any, url: str) -> None:
    with watched(browser, f"{url}#trees") as found:
        page = found.page
        page.wait_for_selector("#trees tbody tr")
        assert (len(shown(page)), page.locator(".pager span").inner_text()) == (
            50,
            "1 to 50 of 130",
        )
        page.click(".pager >> text=Last")
        assert shown(page) == list(range(100, 130))
        page.select_option("label:has-text('With an end') select", "timeout")
        assert shown(page) == list(range(2, 130, 3))
        page.select_option("label:has-text('With an end') select", "")
        page.select_option("label:has-text('Solved') select", "yes")
        assert shown(page)[:3] == [0, 3, 6]
        page.click("text=Clear")
        page.fill("label:has-text('Nodes from') input", "3")
        assert shown(page) == [0]
        page.click("text=Clear")
        page.fill("label:has-text('Id contains') input", "TREE-12")
        assert shown(page) == [12, *range(120, 130)]
        page.click("text=Clear")
        page.fill("label:has-text('Text contains') input", "MULTIPLY.")
        page.wait_for_selector("text=the text is in 1")
        assert shown(page) == [0]
        page.click("[data-tree='0']")
        assert page.locator(".finder .note").inner_text() == "1 node"
        page.keyboard.press("/")
        page.keyboard.press("Enter")
        assert selected(page) == "3"
        page.click("text=All trees")
        page.click("text=Clear")
        page.click(".sort[data-column='metadata.level']")
        levels = page.locator("#trees tbody tr td:nth-child(4)").all_inner_texts()
        assert levels[:2] == ["1", "2.5"]
        assert levels.index("9") < levels.index("10")
        page.click(".pager >> text=Last")
        assert page.locator("#trees tbody tr td:nth-child(4)").last.inner_text() == "none"


def test_copying_gives_the_stored_text(browser: Any, tmp_path: Path) -> None:
    text = "a $\\frac{1}{2}$\r\nb\tc \x1b[1m \u202ed\u200d2\n  * _e_ \\(x\\) ![i](http://e.invalid/i.png)\n"
    url = write(tmp_path, page_of([tree_of(0, [(0, text, None)], prompt=text)]))
    with watched(browser, f"{url}#trees?tree=tree-0&node=1") as found:
        page = found.page
        page.wait_for_selector(".detail .katex")
        assert found.copy(".detail .model-text") == text
        page.click(".detail [aria-label='Copy the step as it is stored']")
        assert page.evaluate("copied") == [text]
        assert (
            "2 formulas rendered, 3 unseen characters marked"
            in page.locator(".detail").inner_text()
        )
        page.keyboard.press("s")
        assert page.locator(".detail .katex").count() == 0
        assert "$\\frac{1}{2}$" in page.locator(".detail .model-text").inner_text()
        assert found.copy(".detail .model-text") == text
        page.keyboard.press("s")
        assert page.locator(".detail .katex").count() == 2


HOSTILE = [
    "<script>window.PWNED=1</script>",
    "</script><img src=x onerror=window.PWNED=1><!--<script>",
    "<svg/onload=window.PWNED=1><iframe srcdoc='<script>parent.PWNED=1</script>'>",
    "<think>no</think> <|im_start|> &lt;b&gt; &amp;amp;",
    "1. a\n\n    b\n* c _d_ **e** # f\n```\nnever closed",
    "It costs $5 and $6, or US$7.",
    "$\\color{white}hidden$ $\\kern-9999em x$ $\\phantom{x}$",
    "$\\href{javascript:window.PWNED=1}{x}$ $\\includegraphics{http://e.invalid}$",
    "$" + "{" * 3000 + "x" + "}" * 3000 + "$",
    "z" + "\u0301\u0316\u0334" * 60,
    "پاسخ ۴۲ است و می\u200cخواهم 3 + 4 = 7",  # noqa: RUF001
    "one\u2028two\u2029three\x85four",
    " \n\t\n",
    "",
    "word" * 60_000,
    "x\n" * 30_000,
    "Let's go back to where we had: 3",
]


def test_hostile_text_is_text(browser: Any, tmp_path: Path) -> None:
    nodes = [(0, text, "incorrect") for text in HOSTILE]
    told = [SegmentEntry(1 + i, "step", True) for i in range(len(HOSTILE))]
    ids = [
        "__proto__",
        "constructor",
        "a/b",
        "..",
        "a\nb",
        "",
        "x" * 300,
        "caf\u00e9",
        "cafe\u0301",
    ]
    trees = [tree_of(0, nodes, traces=[TraceEntry("t", "sft", told)], metadata={"__proto__": 1})]
    trees += [tree_of(1 + i, [(0, name, None)], id=name) for i, name in enumerate(ids)]
    url = write(tmp_path, page_of(trees))
    with watched(browser, f"{url}#trees?tree=tree-0") as found:
        page = found.page
        page.wait_for_selector(".row")
        assert page.locator("main script, main img, main svg, main iframe").count() == 0
        for i, text in enumerate(HOSTILE):
            found.go(f"#trees?tree=tree-0&node={i + 1}&step={i}")
            page.wait_for_selector(f".detail h3:has-text('Node {i + 1} ')")
            assert found.copy(".detail section .model-text") == text
        page.evaluate("document.querySelector('.sentences').scrollTop = 1e9")
        assert page.locator(".kind-backtrack").count() == 0
        for i, name in enumerate(ids):
            found.go(f"#trees?tree={quote(name, safe='')}&node=1")
            page.wait_for_selector(f".explorer-head h3:has-text('Tree {i + 1}:')")
            assert found.copy(".detail section .model-text") == name


def test_long_texts_are_shown_whole_when_asked(browser: Any, tmp_path: Path) -> None:
    texts = ["word" * 60_000, "x\n" * 30_000]
    url = write(tmp_path, page_of([tree_of(0, [(0, text, None) for text in texts])]))
    with watched(browser, url) as found:
        for i, text in enumerate(texts):
            found.go(f"#trees?tree=tree-0&node={i + 1}")
            found.page.click(".detail >> text=Show all")
            found.page.wait_for_function(
                f"document.querySelector('.detail .model-text').textContent.length == {len(text)}"
            )
            assert found.copy(".detail section .model-text") == text


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
        pytest.param(390, "light", marks=pytest.mark.slow),
        pytest.param(390, "dark", marks=pytest.mark.slow),
    ],
)
def test_accessibility(browser: Any, url: str, scheme: str, width: int) -> None:
    axe = Path(__file__).parents[1] / "web/node_modules/axe-core/axe.min.js"
    if not axe.exists():
        pytest.skip("no node_modules: run `make web`")
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}}
    with watched(browser, url, **options) as found:
        for address in ("#trees?tree=tree-0&node=2&step=2", "#trees?id=tree-1"):
            found.go(address)
            found.page.wait_for_selector("#trees tbody tr, .row[aria-selected=true]")
            assert browsing.serious_faults(found.page, axe) == []
            assert found.page.evaluate("document.documentElement.scrollWidth") <= width


def test_results_need_no_scripts(browser: Any, url: str) -> None:
    with watched(browser, url, java_script_enabled=False) as found:
        assert found.page.locator("#results").is_visible()
        assert "scripts" in found.page.locator("#trees").inner_text()


def test_print_shows_what_is_chosen_on_white(opened: Any) -> None:
    page = opened.page
    page.click("[role=option] >> nth=1")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("header nav").is_visible()
    assert page.locator(".detail").first.is_visible()


def test_expanding_keeps_the_node_in_its_place(browser: Any, tmp_path: Path) -> None:
    nodes = [(0 if i % 5 == 0 else i - i % 5 + 1, f"step {i}", None) for i in range(2000)]
    url = write(tmp_path, page_of([tree_of(0, nodes)]))
    with watched(browser, f"{url}#trees?tree=tree-0") as found:
        page = found.page
        page.wait_for_selector(".row")
        page.evaluate("document.querySelector('.outline').scrollTop = 5000")
        page.wait_for_function("() => +document.querySelector('.row').dataset.node > 100")
        node = page.locator(".row[aria-expanded=false]").nth(12).get_attribute("data-node")
        row = page.locator(f".row[data-node='{node}']")
        before = row.bounding_box()
        row.locator(".twisty").click()
        assert row.get_attribute("aria-expanded") == "true"
        assert row.bounding_box() == before
        assert page.locator(".row").count() < 80
        found.page.click("text=Expand all")
        assert json.loads(page.locator(".row").last.get_attribute("aria-level")) >= 2


def test_another_tree_is_laid_out_once_and_shown_from_its_top(browser: Any, tmp_path: Path) -> None:
    trees = [tree_of(number, [(0, f"step {i}\n", None) for i in range(90)]) for number in range(3)]
    url = write(tmp_path, page_of(trees))
    with watched(browser, f"{url}#trees?tree=tree-0") as found:
        page = found.page
        page.wait_for_selector(".row")
        page.locator(".outline").evaluate("(outline) => (outline.scrollTop = 1e9)")
        page.wait_for_selector(".row[data-node='90']")
        found.go("#trees?tree=tree-1")
        page.wait_for_selector(".row[data-node='1']")
        assert page.locator(".row[data-node='90']").count() == 0
        page.locator(".outline").press("End")
        page.wait_for_selector(".row[data-node='90']")
        metrics = page.context.new_cdp_session(page)
        metrics.send("Performance.enable")

        def layouts() -> float:
            found = metrics.send("Performance.getMetrics")["metrics"]
            return float(next(one["value"] for one in found if one["name"] == "LayoutCount"))

        found.go("#trees")
        page.wait_for_selector("#trees table")
        page.wait_for_timeout(300)
        before = layouts()
        found.go("#trees?tree=tree-2")
        page.wait_for_selector(".explorer-head h3:has-text('Tree 2:')")
        page.wait_for_timeout(300)
        assert layouts() - before <= 2
