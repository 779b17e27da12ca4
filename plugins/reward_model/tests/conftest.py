from __future__ import annotations

from pathlib import Path

import pytest
from reward_checkpoints import save_families


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return save_families(tmp_path_factory.mktemp("reward"))
