"""A real vLLM server on the tiny model, beside the same model in process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from astro.cli import main
from astro.errors import PolicyError
from astro.interfaces import Backend
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.requests import Failure, Generate, LogProb
from astro.testing import PolicyConformance
from astro.types import FinishReason, Prompt

ROOT = Path(__file__).parents[3]
KEY = "sk-of-the-vllm-tier"
START_SECONDS = 420.0
USERS = ("use 3 5 8 to make 19", "use 2 4 7 to make 18", "use 1 6 9 to make 15")
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_CI_ENV": "1",
    "OMP_NUM_THREADS": "1",
    "TORCHDYNAMO_DISABLE": "1",
}

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]


def interpreter() -> str | None:
    """A Python that has vLLM: this one, or that of .venv-vllm."""
    if find_spec("vllm"):
        return sys.executable
    other = ROOT / ".venv-vllm" / "bin" / "python"
    return str(other) if other.exists() else None


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    python = interpreter()
    if python is None:
        pytest.skip("no vLLM here; `make test-vllm` installs it")
    from astro_countdown.model_path import path

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(path())]
    command += ["--served-model-name", "tiny", "--host", "127.0.0.1", "--port", port]
    command += ["--dtype", "float32", "--enforce-eager", "--block-size", "32"]
    log = tmp_path_factory.mktemp("vllm") / "server.log"
    environment = {**os.environ, **ENVIRONMENT, "VLLM_API_KEY": KEY}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env=environment, start_new_session=True
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(health: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(health, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    raise AssertionError(f"the server did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", KEY)


def params(url: str, **changes: Any) -> dict[str, Any]:
    return {
        "base_url": url,
        "model": "tiny",
        "api_key_env": "A_KEY",
        **({} if changes.get("api") == "chat" else {"prompt_template": "{prompt}\n"}),
        "include_stop_str_in_output": True,
        "return_token_ids": True,
        **changes,
    }


@pytest.fixture
def build(url: str) -> Iterator[Any]:
    """`build(**changes)`: a policy on the server."""
    policies: list[Backend] = []

    def make(**changes: Any) -> Backend:
        binding = Binding(name="openai", params=params(url, **changes))
        policies.append(Registry.discover().build("policy", binding))
        return policies[-1]

    yield make
    for policy in policies:
        policy.close()


@pytest.fixture(scope="module")
def local() -> Iterator[Backend]:
    """The model in this process."""
    pytest.importorskip("transformers")
    binding = Binding(name="transformers", params={"model": "tiny-countdown", "threads": 1})
    policy: Backend = Registry.discover().build("policy", binding)
    yield policy
    policy.close()


def greedy() -> list[Generate]:
    """Whole responses, single steps, and further steps."""
    begun = "3 + 5 = 8 left 8 8\n"
    prompts = [*(Prompt(user) for user in USERS), Prompt(USERS[0], begun)]
    return [
        Generate(prompt, stop=stop, max_tokens=64, temperature=0)
        for prompt in prompts
        for stop in ((), ("\n",), ("left", "to"))
    ]


def sampled() -> list[Generate]:
    return [
        Generate(Prompt(user), n=3, stop=("\n",), max_tokens=24, seed=seed)
        for user in USERS
        for seed in (1, 2)
    ]


def test_greedy_tokens_are_those_of_the_transformers_policy(
    build: Any, local: Backend, replies: Any
) -> None:
    for (ours,), (theirs,) in zip(
        replies(build(), greedy()), replies(local, greedy()), strict=True
    ):
        assert (ours.text, ours.finish_reason) == (theirs.text, theirs.finish_reason)
        assert ours.token_ids == theirs.token_ids
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-4)


def test_scores_are_those_of_the_transformers_policy(
    build: Any, local: Backend, replies: Any
) -> None:
    asked = [
        LogProb(Prompt(user, begun), ("3 + 5 = 8 left 8 8\n", "8", ""))
        for user in USERS
        for begun in ("", "3 * 5 = 15 left 8 15\n")
    ]
    for ours, theirs in zip(replies(build(), asked), replies(local, asked), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"include_stop_str_in_output": False},
        {"split_n": True},
        {"concurrency": 1},
        {"api": "chat"},
        {"max_tokens_key": "max_completion_tokens", "api": "chat"},
    ],
    ids=["stop-stripped", "one-by-one", "one-at-a-time", "chat", "chat-completion-tokens"],
)
def test_samples_depend_on_their_seed_alone(
    changes: dict[str, Any], build: Any, replies: Any
) -> None:
    expected = replies(build(), sampled())
    assert len({c.token_ids for reply in expected for c in reply}) > 6
    got = replies(build(**changes), sampled())
    for one, other in zip(got, expected, strict=True):
        assert [c.token_ids for c in one] == [c.token_ids for c in other]
        assert [c.text for c in one] == [c.text for c in other]


def test_a_chat_goes_on_with_a_begun_message(build: Any, replies: Any) -> None:
    asked = greedy()
    chat = build(api="chat", continuation="continue_final_message")
    assert replies(chat, asked) == replies(build(), asked)


def test_a_full_context_truncates(build: Any, replies: Any) -> None:
    long = "8 + 8 = 16 left 16\n" * 200
    root, begun, too_many = replies(
        build(),
        [
            Generate(Prompt(long), max_tokens=4),
            Generate(Prompt(USERS[0], long), n=2, max_tokens=4),
            Generate(Prompt(USERS[0]), max_tokens=5000),
        ],
    )
    assert isinstance(root, Failure) and "maximum context length" in root.reason
    assert [c.finish_reason for c in begun] == [FinishReason.LENGTH] * 2
    assert isinstance(too_many, Failure) and "max_tokens=5000" in too_many.reason


def test_a_wrong_key_and_a_wrong_model(
    build: Any, replies: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PolicyError, match="`other` does not exist"):
        replies(build(model="other"), [Generate(Prompt("q"))])
    monkeypatch.setenv("A_KEY", "sk-wrong")
    with pytest.raises(PolicyError, match=r"refused the key in \$A_KEY"):
        build()


def test_the_search_stage_end_to_end(url: str, tmp_path: Path) -> None:
    config = {
        "name": "served",
        "problems": {"name": "countdown", "params": {"numbers": 3, "train": 12, "test": 4}},
        "step_format": {"name": "countdown"},
        "policy": {"name": "openai", "params": params(url)},
        "verifier": {"name": "countdown"},
        "value": {"name": "rollout", "params": {"rollouts": 2, "max_tokens": 32}},
        "search": {"name": "mcts", "params": {"expand": 4, "iterations": 8, "step_tokens": 16}},
        "linearizer": {"name": "backtrack"},
    }
    path = tmp_path / "served.yaml"
    path.write_text(yaml.safe_dump(config))
    arguments = ["run", str(path), "--runs", str(tmp_path / "runs"), "--until", "linearize"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "runs" / "served"
    trees = [json.loads(line) for line in (folder / "trees.jsonl").read_text().splitlines()]
    nodes = [node for tree in trees for node in tree["nodes"]]
    verdicts = [node["verdict"]["status"] for node in nodes if node.get("verdict")]
    assert len(trees) == 12
    assert verdicts.count("correct") > 0 < verdicts.count("incorrect")
    assert all(node["step"]["token_ids"] for node in nodes[1:] if node["parent"] is not None)
    assert any(node["prior"] not in (1.0, 0.5, 0.25, 0.75) for node in nodes)
    assert (folder / "traces.jsonl").read_text()


class TestOpenAIOnVLLM(PolicyConformance):
    name = "openai"
    prompts = tuple(map(Prompt, USERS))

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def on_vllm(cls, url: str) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("A_KEY", KEY)
            cls.params = params(url)
            yield
