"""Our losses and advantages against OpenRLHF's own, to 1e-6.

`pip install --no-deps --target .venv/reference openrlhf==0.11.2` brings its sources: the functions
that are compared need neither Ray nor DeepSpeed nor vLLM.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from astro_torch_rl import losses

SIZE, GROUP, LENGTH = 8, 4, 6
close = partial(torch.testing.assert_close, atol=1e-6, rtol=1e-6)


ENGINES = ("deepspeed", "ray")
PACKAGES = ("models", "utils", "trainer", "trainer.ray", "trainer.ppo_utils")
"""Of OpenRLHF, whose own `__init__` files would import its engines."""


@dataclass(frozen=True)
class OpenRLHF:
    """Its modules that hold losses, KL estimators and advantages."""

    loss: Any
    utils: Any
    maker: Any
    experience: Any

    def advantages(
        self, estimator: str, rewards: Tensor, mask: Tensor, **options: Any
    ) -> tuple[Tensor, Tensor]:
        """Advantages and returns, `[B, T]`, of `rewards` `[B]`, all rows in groups of `n`.

        Options are `n`, `values`, `kl`, `kl_coef`, `gamma`, `lambd`, `no_std_norm`.
        """
        given = {"n": 1, "gamma": 1.0, "lambd": 1.0, "no_std_norm": False, "kl_coef": 0.0} | options
        algo = SimpleNamespace(
            estimator=estimator,
            gamma=given["gamma"],
            lambd=given["lambd"],
            no_std_norm=given["no_std_norm"],
        )
        maker = self.maker.RemoteExperienceMaker.__new__(self.maker.RemoteExperienceMaker)
        maker.args = SimpleNamespace(
            rollout=SimpleNamespace(n_samples_per_prompt=given["n"]),
            reward=SimpleNamespace(
                clip_range=(-10, 10), overlong_buffer_len=None, stop_properly_penalty_coef=None
            ),
            algo=SimpleNamespace(advantage=algo),
        )
        maker.strategy = SimpleNamespace(args=maker.args)
        maker.advantage_estimator = estimator
        maker.kl_ctl = SimpleNamespace(value=given["kl_coef"])
        row = self.experience.Experience(
            action_mask=mask,
            rewards=rewards,
            values=given.get("values"),
            index=list(range(len(rewards))),
            kl=given.get("kl", torch.zeros_like(mask)),
            info={},
        )
        (found,) = maker.compute_advantages_and_returns([row])
        return found.advantages, found.returns


def root() -> Path | None:
    """Where OpenRLHF's sources are, if they are."""
    beside = Path(sys.prefix) / "reference" / "openrlhf"
    if beside.is_dir():
        return beside
    spec = importlib.util.find_spec("openrlhf")
    return (
        Path(spec.submodule_search_locations[0])
        if spec and spec.submodule_search_locations
        else None
    )


@contextmanager
def load(folder: Path) -> Iterator[OpenRLHF]:
    """Import the modules under `folder`; at the end forget them and the stand-ins they need."""
    before = set(sys.modules)
    stubs = {name: [] for name in ENGINES if importlib.util.find_spec(name) is None}
    stubs |= {f"openrlhf.{n}": [str(folder.joinpath(*n.split(".")))] for n in PACKAGES}
    for name, path in {"openrlhf": [str(folder)], **stubs}.items():
        sys.modules[name] = stub(name, path)
    launcher = stub("openrlhf.trainer.ray.launcher", None)
    launcher.RayActorGroup = object  # type: ignore[attr-defined]
    sys.modules[launcher.__name__] = launcher
    try:
        yield OpenRLHF(
            *(
                importlib.import_module(f"openrlhf.{name}")
                for name in (
                    "models.loss",
                    "models.utils",
                    "trainer.ppo_utils.experience_maker",
                    "trainer.ppo_utils.experience",
                )
            )
        )
    finally:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in {"openrlhf", *ENGINES}:
                del sys.modules[name]


def stub(name: str, path: list[str] | None) -> types.ModuleType:
    module = types.ModuleType(name)
    if path is not None:
        module.__path__ = path
    return module


@pytest.fixture(scope="module")
def openrlhf() -> Iterator[OpenRLHF]:
    folder = root()
    if folder is None:
        pytest.skip("needs the sources of openrlhf; `make test` brings them")
    with load(folder) as modules:
        yield modules


class Draw:
    """Random tensors of one seed: log-probabilities, and what goes with them."""

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        randn = partial(torch.randn, SIZE, LENGTH, generator=generator)
        lengths = torch.randint(1, LENGTH + 1, (SIZE,), generator=generator)
        self.mask = (torch.arange(LENGTH) < lengths[:, None]).float()
        self.old = -randn().abs()
        self.logprobs = self.old + 0.3 * randn()
        self.sampled = self.old + 0.2 * randn()
        self.reference = self.old + 0.3 * randn()
        self.advantages = randn()
        self.values, self.old_values, self.returns = randn(), randn(), randn()
        self.rewards = torch.randint(0, 2, (SIZE,), generator=generator).float()
        self.rewards[0], self.rewards[1] = 0.0, 1.0

    def weights(self, token_level: bool) -> Tensor:
        aggregation = "token_mean" if token_level else "sequence_mean"
        return losses.sequence_weights(self.mask.sum(dim=1), aggregation, LENGTH)  # type: ignore[arg-type]


@pytest.fixture(params=range(3))
def draw(request: pytest.FixtureRequest) -> Draw:
    return Draw(request.param)


@pytest.mark.parametrize(
    ("estimator", "options"),
    [
        ("dr_grpo", {}),
        ("group_norm", {"normalize_std": True}),
        ("rloo", {"leave_one_out": True}),
    ],
)
def test_group_advantages(
    openrlhf: OpenRLHF, draw: Draw, estimator: str, options: dict[str, bool]
) -> None:
    theirs, _ = openrlhf.advantages(estimator, draw.rewards.clone(), draw.mask, n=GROUP)
    ours = losses.group_advantages(draw.rewards.view(-1, GROUP), **options).view(-1, 1)
    close(ours * draw.mask, theirs * draw.mask)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("gamma", "gae_lambda"), [(1.0, 1.0), (0.99, 0.95), (0.9, 0.0)])
def test_gae_with_kl_in_the_reward(
    openrlhf: OpenRLHF,
    draw: Draw,
    gamma: float,
    gae_lambda: float,
    normalize: bool,
) -> None:
    kl = losses.kl_k1(draw.old, draw.reference)
    theirs, returns = openrlhf.advantages(
        "gae",
        draw.rewards.clone(),
        draw.mask,
        values=draw.values,
        kl=kl,
        kl_coef=0.1,
        gamma=gamma,
        lambd=gae_lambda,
    )
    shaped = losses.token_rewards(draw.rewards, 0.1 * kl, draw.mask)
    ours, our_returns = losses.gae(shaped, draw.values, draw.mask, gamma, gae_lambda)
    close(our_returns * draw.mask, returns * draw.mask)
    if normalize:
        close(losses.normalized(ours, draw.mask), theirs * draw.mask)
    else:
        raw = unnormalised(openrlhf, draw, kl, gamma, gae_lambda)
        close(ours, raw * draw.mask)


def unnormalised(openrlhf: OpenRLHF, draw: Draw, kl: Tensor, gamma: float, lambd: float) -> Tensor:
    shaped = openrlhf.utils.compute_reward(draw.rewards, 0.1, kl, action_mask=draw.mask)
    maker: Any = openrlhf.maker.RemoteExperienceMaker
    found: Tensor = maker.get_advantages_and_returns(
        None, draw.values, shaped, draw.mask, gamma, lambd
    )[0]
    return found


@pytest.mark.parametrize("token_level", [True, False])
@pytest.mark.parametrize("cap", [None, 1.1])
def test_the_policy_loss_its_gradient_and_its_clip_fraction(
    openrlhf: OpenRLHF, draw: Draw, token_level: bool, cap: float | None
) -> None:
    correction = {}
    if cap:
        correction = {
            "is_correction_level": "token",
            "is_correction_mode": "clip",
            "is_correction_threshold": [0.0, cap],
        }
    loss = openrlhf.loss.PolicyLoss(0.2, 0.28, token_level_loss=token_level, **correction)
    mine, other = (draw.logprobs.clone().requires_grad_() for _ in range(2))
    theirs, clipped, *_ = loss(
        other, draw.old, draw.advantages, action_mask=draw.mask, rollout_log_probs=draw.sampled
    )
    ours = losses.policy_loss(
        mine,
        draw.old,
        draw.advantages,
        draw.mask,
        weights=draw.weights(token_level),
        clip_low=0.2,
        clip_high=0.28,
        importance=losses.importance_weights(draw.old, draw.sampled, cap) if cap else None,
    )
    close(ours.loss, theirs)
    close(ours.clipped / draw.mask.sum(), clipped)
    ours.loss.backward()
    theirs.backward()
    close(mine.grad, other.grad)


@pytest.mark.parametrize("token_level", [True, False])
@pytest.mark.parametrize("clip", [0.2, None])
def test_the_value_loss(
    openrlhf: OpenRLHF, draw: Draw, token_level: bool, clip: float | None
) -> None:
    loss = openrlhf.loss.ValueLoss(clip, token_level_loss=token_level)
    theirs = loss(draw.values, draw.old_values, draw.returns, action_mask=draw.mask)
    ours = losses.value_loss(
        draw.values,
        draw.old_values,
        draw.returns,
        draw.mask,
        weights=draw.weights(token_level),
        clip=clip,
    )
    close(ours.loss, theirs)


@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
def test_kl_estimators(openrlhf: OpenRLHF, draw: Draw, estimator: Any) -> None:
    theirs = openrlhf.utils.compute_approx_kl(draw.logprobs, draw.reference, kl_estimator=estimator)
    close(losses.kl_estimate(estimator, draw.logprobs, draw.reference), theirs)


def test_entropy(openrlhf: OpenRLHF) -> None:
    logits = torch.randn(3, 4, 11, generator=torch.Generator().manual_seed(0))
    close(losses.entropy(logits), openrlhf.utils.compute_entropy(logits))
