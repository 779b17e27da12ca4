"""A rank: `python -m astro_transformers.rank HANDLE`, started by `DistributedSFT`.

It receives its `Rank`, and then, unless it is the first, the port at which the first awaits it. The
first rank sends this port, and the arguments of `OnStep` after each step. All end with a
`TrainResult` or an exception.
"""

from __future__ import annotations

import os
import traceback
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import distributed

from astro.errors import AstroError, TrainingError
from astro.interfaces import TrainResult
from astro.verification.process import attend
from astro_hf import devices
from astro_transformers.params import SFTParams
from astro_transformers.ranks import Rank
from astro_transformers.sft import TransformersSFT

_HOST = "127.0.0.1"


def serve(pipe: Connection[Any, Any]) -> None:
    """Train as the rank that is received, and send the result."""
    rank: Rank = pipe.recv()
    try:
        message: TrainResult | Exception = _train(rank, pipe)
    except AstroError as error:
        message = error
    except Exception as error:  # the other process reports it
        message = RuntimeError(f"{type(error).__name__}: {error}")
        message.add_note(traceback.format_exc())
    pipe.send(message)


def _train(rank: Rank, pipe: Connection[Any, Any]) -> TrainResult:
    params = _params_of(rank)
    _join(rank, pipe, "nccl" if params.device.startswith("cuda") else "gloo")
    try:
        return TransformersSFT(params).train(rank.job, lambda *step: pipe.send(step))
    finally:
        distributed.destroy_process_group()


def _params_of(rank: Rank) -> SFTParams:
    """The params with the rank's own GPU, or with its share of the CPU's threads.

    Raises:
        TrainingError: There are fewer GPUs than ranks.
    """
    if devices.pick_device(rank.params.device).type != "cuda":
        threads = rank.params.threads or max(1, torch.get_num_threads() // rank.count)
        return rank.params.model_copy(update={"device": "cpu", "threads": threads})
    if torch.cuda.device_count() < rank.count:
        raise TrainingError(
            f"sft.params.processes: {rank.count}, but {torch.cuda.device_count()} GPUs are visible",
            "take as many processes as GPUs",
        )
    torch.cuda.set_device(rank.number)
    return rank.params.model_copy(update={"device": f"cuda:{rank.number}"})


def _join(rank: Rank, pipe: Connection[Any, Any], backend: str) -> None:
    """Form the process group that accelerate finds. The first rank chooses a free port."""
    first = rank.number == 0
    port = 0 if first else pipe.recv()
    store = distributed.TCPStore(  # type: ignore[attr-defined]
        _HOST, port, rank.count, is_master=first, wait_for_workers=False
    )
    if first:
        pipe.send(store.port)
    os.environ.update(
        RANK=str(rank.number),
        LOCAL_RANK=str(rank.number),
        WORLD_SIZE=str(rank.count),
        LOCAL_WORLD_SIZE=str(rank.count),
        MASTER_ADDR=_HOST,
        MASTER_PORT=str(store.port),
        OMP_NUM_THREADS=str(rank.params.threads or 1),
    )
    distributed.init_process_group(backend, store=store, rank=rank.number, world_size=rank.count)


if __name__ == "__main__":
    attend(serve)
