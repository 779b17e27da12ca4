"""Runs that are hard to show: what the page is given is what the files hold, and nothing acts.

Each test holds for a run with hostile texts of the project's own and, if `../shared` is there, for
one that `viewer/make_run.py` writes.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pages import documents

from astro.files import read_lines, write_json, write_lines
from astro.metrics import Estimate
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.types import Node, Problem, SearchTree, Status, Step, Verdict
from astro_report import report
from astro_report.live import LiveRun
from astro_report.report import write_report

MAKER = Path(__file__).parents[4] / "shared" / "cases" / "viewer" / "make_run.py"
HOSTILE = [
    "<script>window.PWNED=1</script>",
    "</script><img src=x onerror=window.PWNED=1>",
    "<!--<script>window.PWNED=1</script",
    "\"' onmouseover=window.PWNED=1 x='",
    "&lt;b&gt; &amp; {{7*7}} {% raw %} ${x}",
    "\u2028\u2029\x85\x00\x1b[2J\r\u202e\u200b\uffff\ue0b0",
    '{"a": NaN}, "__proto__"',
    " \n\t ",
    "",
]
IDS = ["__proto__", "constructor", "a/b", "..", "CON", "Case", "case", "cafe\u0301", "caf\u00e9"]
IDS += ["x" * 300 + "1", "x" * 300 + "2", "id\nline", " lead", '"><b>', "0", "\u202ereversed"]
TAGS = (
    "html head meta title style body header h1 nav a main section h2 h3 p div table thead tbody tr "
    "th td bdi pre script"
)
LEVELS: list[Any] = ["1", 2, 10, "10", 2.5, None, True, "<b>5</b>", "", ["x"], {"__proto__": 1}]
LARGE = 2**53 + 1
LEVELS += [LARGE]


def own_run(folder: Path) -> Path:
    """A run with a hostile text in every place that a model or a source can reach."""
    places = [(f"text-{n}", text) for n, text in enumerate(HOSTILE)]
    places += [(name, "plain") for name in IDS]
    trees, traces, rows = [], [], []
    for number, (name, text) in enumerate(places):
        level = LEVELS[number % len(LEVELS)]
        problem = Problem(name, f"{text}?", text, {"level": level, "text": text})
        root = Node(0, None, Step(""), 0, children=[1, 2])
        status = [*Status, None][number % 7]
        verdict = status and Verdict(status, None if number % 2 else text, text)
        step = Node(1, 0, Step(text, logprob=-1e308), 1, True, 0.5, 3, 1e-300, 1.0, verdict)
        right = Node(2, 0, Step("7\n"), 1, True, verdict=Verdict(Status.CORRECT, "7"))
        trees.append(SearchTree(problem, [root, step, right], text))
        told = [(text, 1, "step"), (f"{text} wait", 1, "reflection"), (text, 0, "backtrack")]
        parts = [{"text": t, "node": n, "kind": k, "train": True} for t, n, k in told]
        traces.append({"id": f"{name}#0", "problem": name, "segments": parts, "rewritten": True})
        sample = {"text": text, "token_ids": [], "logprobs": [], "finish_reason": "stop"}
        judged = sample | {"verdict": verdict or Verdict(Status.INCORRECT, text, text)}
        asked = {"problem": problem, "samples": [judged], "greedy": [], "evaluation_set": text}
        rows.append(asked)
    write_lines(folder / "trees.jsonl", trees)
    write_lines(folder / "traces.jsonl", traces)
    write_lines(folder / "eval" / "base.jsonl", rows)
    figure = {"pass@1": Estimate(1 / 3, 0.0, 0.987)}
    groups = [
        {"evaluation_set": text, "key": text, "value": text, "problems": 1, "models": {}}
        for text in HOSTILE
    ]
    scores = {"models": {"base": figure}, "groups": groups, "warnings": HOSTILE}
    write_json(folder / "eval" / "scores.json", scores)
    write_lines(folder / "rl" / "metrics.jsonl", [{"step": 1, "kl": 0.5}, {"step": 2, "kl": None}])
    config = Path(__file__).with_name("hard.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("NAME_OF_A_SET", json.dumps(HOSTILE[1])))
    return folder


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text outside of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._raw = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._raw = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._raw = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._raw else data


@pytest.fixture(scope="module", params=["own", "shared"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("hard") / "hard"
    if request.param == "own":
        return RunFolder(own_run(folder))
    if not MAKER.exists():
        pytest.skip(f"{MAKER} is absent")
    sizes = ("--trees", "110", "--mega", "2000", "--big", "1500")
    subprocess.run([sys.executable, MAKER, folder, *sizes], check=True, capture_output=True)
    return RunFolder(folder)


@cache
def made(root: Path) -> tuple[str, dict[str, Any]]:
    """The page of a run, and the documents in it."""
    out = root / "report.html"
    write_report(root, Registry.discover(), out)
    return out.read_text("utf-8"), documents(out)


def chunked(found: dict[str, Any], name: str) -> list[Any]:
    """All entries of the chunks of a document."""
    return [one for number in sorted({*found[name]["chunk"]}) for one in found[f"{name}/{number}"]]


def test_kind_9_no_data_ends_its_element_or_makes_one(run: RunFolder) -> None:
    page, found = made(run.root)
    elements = Page(page).elements
    assert {tag for tag, _ in elements} <= {*TAGS.split()}
    scripts = [attributes for tag, attributes in elements if tag == "script"]
    assert len(scripts) == len(found) + 1
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    plain = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert len(plain) == len(found)
    assert not [text for text in plain if re.search("[<>&\u2028\u2029]", text)]


def test_kind_9_no_document_holds_what_json_does_not_know(run: RunFolder) -> None:
    _, found = made(run.root)
    json.dumps(found, allow_nan=False)


def test_kind_10_ids_are_kept_as_they_are(run: RunFolder) -> None:
    _, found = made(run.root)
    trees = list(read_lines(run.trees, SearchTree))
    ids = [tree.problem.id for tree in trees]
    assert found["trees"]["id"] == ids
    assert [tree["id"] for tree in chunked(found, "trees")] == ids
    assert found["trees"]["metadata"] == [
        {
            key: str(value) if value == LARGE else value
            for key, value in tree.problem.metadata.items()
        }
        for tree in trees
    ]
    told = {(trace["id"], trace["arm"]) for t in chunked(found, "trees") for trace in t["traces"]}
    names = {"sft": "traces.jsonl", "direct_sft": "control_traces.jsonl"}
    for arm, name in names.items():
        rows = read_lines(run.root / name, dict[str, Any]) if (run.root / name).exists() else ()
        assert {row["id"] for row in rows} == {trace for trace, of in told if of == arm}


def test_kind_10_files_of_chunks_are_numbered(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "EMBEDDED_BYTES", 0)
    written = write_report(run.root, Registry.discover(), tmp_path / "report.html")
    for path in written[1:]:
        assert re.fullmatch(r"(trees|responses-\d+)-\d+\.js", path.name)
        statement = r'astroDocument\("[a-z0-9_%/]+", "[A-Za-z0-9+/=]+"\)\n'
        assert re.fullmatch(statement, path.read_text())


def test_kind_11_depth_needs_no_recursion(tmp_path: Path) -> None:
    depth = 3 * sys.getrecursionlimit()
    root = Node(0, None, Step(""), 0, children=[1])
    chain = [Node(n, n - 1, Step("x"), n, children=[n + 1]) for n in range(1, depth)]
    last = Node(depth, depth - 1, Step("x"), depth, terminal=True)
    (tmp_path / "config.yaml").write_text(Path(__file__).with_name("hard.yaml").read_text())
    tree = SearchTree(Problem("a", "b", "c"), [root, *chain, last])
    write_lines(tmp_path / "trees.jsonl", [tree])
    _, found = made(tmp_path)
    assert found["trees"]["depth"] == [depth]
    assert found["trees/0"][0]["parent"] == [-1, *range(depth)]


def test_a_server_lists_the_trees_as_the_report_does(run: RunFolder) -> None:
    _, found = made(run.root)
    listed = json.loads(LiveRun(run, Registry.discover()).document("trees") or b"")
    assert set(listed) == set(found["trees"])
    assert {**listed, "chunk": None} == {**found["trees"], "chunk": None}


def test_kind_13_each_class_of_verdict_stays_apart(run: RunFolder) -> None:
    _, found = made(run.root)
    trees = list(read_lines(run.trees, SearchTree))
    for tree, shown, counts in zip(
        trees, chunked(found, "trees"), found["trees"]["verdicts"], strict=True
    ):
        expected = [
            [n.verdict.status.value, n.verdict.answer, n.verdict.reason] if n.verdict else None
            for n in tree.nodes
        ]
        verdicts = shown["verdicts"]
        assert [verdicts[v] if v >= 0 else None for v in shown["verdict"]] == expected
        ends = [n.verdict.status.value if n.verdict else "none" for n in tree.terminals()]
        assert counts == {name: ends.count(name) for name in ends}


def test_kind_14_figures_are_those_of_the_scores(run: RunFolder) -> None:
    page, _ = made(run.root)
    assert "33.3 [0.0, 98.7]" in page  # the responses would give another figure


def test_kind_14_unread_is_not_zero(run: RunFolder) -> None:
    _, found = made(run.root)
    (training,) = found["training"]["trainings"]
    kl = next(one for one in training["series"] if one["name"] == "kl")
    assert None in kl["y"]
    assert 0 not in kl["y"]
    assert set(found["trees"]["tokens"]) == {None}


def test_kinds_16_and_17_the_page_needs_nothing_else(run: RunFolder) -> None:
    page, _ = made(run.root)
    elements = Page(page).elements
    assert not [a for _, a in elements if {"src", "srcset", "data"} & a.keys()]
    links = [attributes["href"] or "" for tag, attributes in elements if tag == "a"]
    assert all(link.startswith("#") for link in links)
    (policy,) = [a["content"] for _, a in elements if a.get("http-equiv")]
    assert policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "'self'" not in policy
    assert "style=" not in re.sub(r"(?s)<(script|style).*?</\1>", "", page)


def test_kind_17_results_are_there_without_scripts(run: RunFolder) -> None:
    page, _ = made(run.root)
    bare = re.sub(r"(?s)<script.*?</script>", "", page)
    assert "Accuracy" in bare
    assert "This part is drawn by scripts" in bare


def test_kind_23_names_that_differ_at_the_end_are_whole(run: RunFolder) -> None:
    _, found = made(run.root)
    assert len({*found["trees"]["id"]}) == len(found["trees"]["id"])
    assert max(map(len, found["trees"]["id"])) >= 300


def test_text_of_the_page_has_no_character_that_steers(run: RunFolder) -> None:
    page, _ = made(run.root)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", Page(page).text)


def test_texts_are_stored_in_full(run: RunFolder) -> None:
    _, found = made(run.root)
    trees = list(read_lines(run.trees, SearchTree))
    shown = chunked(found, "trees")
    for tree, one in zip(trees, shown, strict=True):
        assert one["text"] == [node.step.text for node in tree.nodes]
        assert (one["prompt"], one["answer"]) == (tree.problem.prompt, tree.problem.answer)
    for model in found["run"]["models"]:
        rows = list(read_lines(run.samples(model["name"]), dict[str, Any]))
        answered = chunked(found, f"responses/{model['name']}")
        for row, one in zip(rows, answered, strict=True):
            texts = ["".join(text for _, text, *_ in r["parts"]) for r in one["responses"]]
            assert texts == [said["text"] for said in (*row["greedy"], *row["samples"])]
