from __future__ import annotations

import pytest

from astro.errors import TrainingError
from astro_torch_rl.early_stop import early_stop


def rows(*steps: tuple[float, float]) -> list[dict[str, float]]:
    """Of (reward, silent)."""
    return [{"step": i, "reward": r, "silent": s} for i, (r, s) in enumerate(steps, start=1)]


def test_a_run_goes_on_while_a_step_now_and_then_has_a_signal() -> None:
    assert early_stop([], 2) == ""
    assert early_stop(rows((0.0, 1), (0.5, 0), (0.0, 1)), 2) == ""


def test_a_run_in_which_all_is_right_ends_well() -> None:
    assert "step 3: every response is correct" in early_stop(rows((0.5, 0), (1.0, 1), (1.0, 1)), 2)


@pytest.mark.parametrize("reward", [0.0, 0.5])
def test_a_run_that_cannot_learn_is_an_error_with_a_way_out(reward: float) -> None:
    with pytest.raises(TrainingError, match=rf"in 2 steps: .*mean reward {reward}.*group_size"):
        early_stop(rows((0.5, 0), (reward, 1), (reward, 1)), 2)
