"""What only a GPU can show, with random models of real shapes. Without a GPU all is at toy size.

`bench/gpu.sh` runs every part. python bench/gpu.py [speed] [grpo] [memory]     (all by default)
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

import torch
from marks import Mark, publish, run_parts
from real import compared, mixed_requests
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedConfig, Qwen2Config

from astro.data.prompts import PromptEncoder
from astro.data.samples import SampleBuilder, read_samples
from astro.interfaces import SFTJob
from astro.plugins.models import resolve
from astro_hf.tokenizers import load_tokenizer
from astro_transformers.params import PolicyParams, SFTParams, TunedLora
from astro_transformers.sft import TransformersSFT

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
CARD = torch.cuda.get_device_name() if GPU else "CPU, toy size"
BATCH, LENGTH = (8, 1024) if GPU else (2, 64)
FOLDER = Path(tempfile.gettempdir()) / "astro-random-shapes"


def faster(what: str, ratio: float, least: float) -> Mark:
    """The mark of a ratio of speeds, which means nothing at toy size."""
    return Mark.of(f"{CARD}: {what}", ratio, f">= {least if GPU else 0}")


def shape(
    kind: Callable[..., PreTrainedConfig],
    size: tuple[int, int, int, int, int],
    vocabulary: int,
    *,
    tied: bool,
) -> PreTrainedConfig:
    """A config of this hidden size, MLP size, and number of layers, heads and key-value heads."""
    hidden, inner, layers, heads, groups = size
    return kind(
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        vocab_size=vocabulary,
        tie_word_embeddings=tied,
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )


REAL: Mapping[str, PreTrainedConfig] = {
    "0.5B": shape(Qwen2Config, (896, 4864, 24, 14, 2), 151936, tied=True),
    "1.5B": shape(Qwen2Config, (1536, 8960, 28, 12, 2), 151936, tied=True),
    "8B with LoRA": shape(LlamaConfig, (4096, 14336, 32, 32, 8), 128256, tied=False),
}
TOY: Mapping[str, PreTrainedConfig] = {
    "toy": shape(Qwen2Config, (64, 128, 2, 4, 2), 512, tied=True),
    "toy with LoRA": shape(LlamaConfig, (64, 128, 2, 4, 2), 512, tied=False),
}
SHAPES = REAL if GPU else TOY


def checkpoint(name: str) -> Path:
    """The folder of a random model of a shape, in bfloat16 on a GPU and else in float32."""
    folder = FOLDER / name.replace(" ", "-")
    if not folder.exists():
        dtype = torch.bfloat16 if GPU else torch.float32
        with torch.device(DEVICE):
            model = AutoModelForCausalLM.from_config(SHAPES[name], dtype=dtype)
        model.save_pretrained(folder)
        load_tokenizer(resolve("random-llama")).save_pretrained(folder)
    return folder


def speed() -> None:
    """Compare the policy with `model.generate`: prompts and samples of mixed lengths."""
    rng, longest = Random(0), 256 if GPU else 16
    requests = [
        replace(request, max_tokens=rng.randrange(4, longest)) for request in mixed_requests()
    ]
    model = str(checkpoint(next(iter(SHAPES))))
    params = PolicyParams(model=model, device=DEVICE, max_batch=32 if GPU else 8)
    ratio = compared(params, requests, 3 if GPU else 1, time.perf_counter)
    publish("gpu-speed", [faster("tokens/s to model.generate's", ratio, 1.5)])


def grpo() -> None:
    """Compare steps of GRPO with those of TRL, if it is installed, on the tiny model."""
    try:
        import rl
    except ImportError as error:
        print(f"grpo: not compared, since TRL cannot be imported ({error})")
        return
    small = {} if GPU else {"prompts_per_step": 2, "group_size": 2, "max_tokens": 16, "steps": 2}
    params = rl.PARAMS.model_copy(update=small)
    problems, start = rl.countdown("train"), Path(resolve("tiny-countdown"))
    ours, theirs = rl.ours(problems, params, start), rl.trls(problems, params, start)
    ratio = ours.wall / theirs.wall
    publish("gpu-grpo", [faster("samples/s of grpo to TRL's", ratio, 1)])


def memory() -> None:
    """Compare the peak memory of fine-tuning with what `astro plan` foresees."""
    marks = []
    for name in SHAPES:
        checkpoint(name)
        command = [sys.executable, __file__, "peak", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        gib = {key: f"{value / 2**30:.2f} GiB" for key, value in found.items()}
        print(f"{name}: foreseen {gib['foreseen']}, measured {gib['measured']}", flush=True)
        off = 100 * abs(found["foreseen"] / found["measured"] - 1)
        marks.append(Mark.of(f"{CARD}: peak memory of {name} foreseen, % off", off, "<= 15"))
    publish("gpu-memory", marks)


def peak(name: str) -> None:
    """Fine-tune a shape for two steps in this process; print both peaks in bytes."""
    from astro.planning.memory import Workload
    from astro_transformers.memory import fine_tuning

    model = str(checkpoint(name))
    lora = TunedLora() if "LoRA" in name else None
    params = SFTParams(batch_size=BATCH, device=DEVICE, lora=lora)
    with tempfile.TemporaryDirectory() as folder:
        traces = Path(folder) / "traces.jsonl"
        traces.write_text("".join(map(trace, range(2 * BATCH))))
        builder = SampleBuilder(PromptEncoder(load_tokenizer(model)))
        longest = max(read_samples(traces, builder), key=lambda sample: sample.length)
        sizes = (len(longest.prompt_ids), len(longest.response_ids))
        foreseen = fine_tuning(params, Workload(model, *sizes)).total
        TransformersSFT(params).train(SFTJob(traces, model, Path(folder), 0), lambda *_: None)
    print(json.dumps({"foreseen": foreseen, "measured": measured()}))


def trace(number: int) -> str:
    """A line of traces.jsonl with about `LENGTH` tokens."""
    segment = {"text": "7 " * (LENGTH // 2), "node": 1, "kind": "step", "train": True}
    turns = [
        {"role": "user", "content": "What is 7?"},
        {"role": "assistant", "content": segment["text"]},
    ]
    return json.dumps({"id": f"p{number}", "messages": turns, "segments": [segment]}) + "\n"


def measured() -> int:
    """The most memory that this process has taken: of the GPU, or resident."""
    if not GPU:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    free, total = torch.cuda.mem_get_info()
    beside = total - free - torch.cuda.memory_reserved()
    return beside + torch.cuda.max_memory_reserved()


PARTS: tuple[Callable[[], None], ...] = (speed, grpo, memory)

if __name__ == "__main__":
    if sys.argv[1:2] == ["peak"]:
        peak(sys.argv[2])
    else:
        run_parts(PARTS)
