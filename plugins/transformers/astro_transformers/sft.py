"""Supervised fine-tuning on traces, on transformers' own trainer."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate import DistributedType, PartialState  # type: ignore[import-untyped]
from torch import distributed
from torch.utils.data import Dataset
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from astro.data.prompts import PromptEncoder
from astro.data.samples import (
    SampleBuilder,
    TrainingSample,
    check_kept,
    exactness,
    read_samples,
)
from astro.errors import TrainingError
from astro.interfaces import OnStep, SFTJob, TrainResult
from astro.plugins import models
from astro.seeds import derive
from astro_hf import adapters, devices
from astro_hf.checkpoints import (
    cast_weights,
    end_tokens,
    length_limit,
    load_model,
    stored_dtype,
)
from astro_hf.folders import whole_folder, write_model, writing
from astro_hf.look import check_model, check_saved
from astro_hf.sealing import fingerprint, last_sealed, seal
from astro_hf.token_ids import check_encoder, check_known
from astro_hf.tokenizers import load_tokenizer
from astro_transformers.packing import packed
from astro_transformers.params import SFTParams
from astro_transformers.quantized import load_quantized, merge_into_stored
from astro_transformers.token_loss import token_loss
from astro_transformers.traces import collate, flatten, part, plan_batches
from astro_transformers.trained import METRICS, finished

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}
_FREE = {"save_steps", "device", "threads", "processes"}
"""Params that may change when a training resumes."""
_LIGER = {"cross_entropy": False, "fused_linear_cross_entropy": False}
"""Liger's losses take the logits of all tokens; `token_loss` takes those of loss tokens alone."""


class TransformersSFT:
    """Fine-tunes all weights of a causal LM, or adapters; see `SFTTrainer`.

    Every batch is planned in advance, so the schedule fits the length, the number of loss tokens is
    known exactly, and a resumed training reads the same batches as an uninterrupted one.
    """

    def __init__(self, params: SFTParams) -> None:
        self._params = params

    def train(self, job: SFTJob, on_step: OnStep) -> TrainResult:
        """Train into `job.run_dir/model`, which is returned at once if it exists.

        A killed training resumes from its last complete checkpoint. The metrics are `tokens`, the
        number of loss tokens; `steps`; `loss`, the mean over the last tenth of the steps;
        `seconds`, the time of this call; `dropped`, the number of traces that were too long; and
        those of `exactness`.

        Raises:
            PolicyError: The model cannot be loaded.
            TrainingError: A trace or the device cannot be used, or the loss is not finite.
        """
        if result := finished(job):
            return result
        target = job.run_dir / "model"
        started = time.monotonic()
        devices.set_threads(self._params.threads)
        name = models.checkpoint(job.model)
        tokenizer = load_tokenizer(name)
        loaded = self._load(name)
        check_model(loaded, job.model, sampled=False)
        batches, counts = self._batches(job, loaded, tokenizer)
        own = self._params.model_dump(exclude=_FREE, exclude_defaults=True)
        settings = {**own, "prompt": job.prompt.model_dump(exclude_defaults=True)}
        training = fingerprint(job.traces, settings, job.model, job.seed, job.tokens)
        arguments = self._arguments(job.run_dir / "checkpoints", job.seed)
        with token_loss(loaded), packed(loaded) if self._params.packing else nullcontext():
            adapted = self._adapted(loaded, job.seed)
            losses, weights = self._fit(adapted, batches, arguments, training, on_step)
        if arguments.process_index:
            return TrainResult(target)
        if weights is not None:
            loaded, adapted = self._restored(name, loaded, weights, job.seed)
        loaded = self._merged(loaded, adapted, name, job.run_dir)
        tail = losses[-max(1, len(losses) // 10) :]
        metrics = {
            "tokens": float(sum(sample.loss_tokens for batch in batches for sample in batch)),
            "steps": float(len(losses)),
            "loss": sum(tail) / len(tail),
            "seconds": time.monotonic() - started,
            **counts,
        }
        cast_weights(loaded, stored_dtype(name) or torch.float32)
        with whole_folder(target) as folder:
            write_model(folder, loaded, tokenizer)
            check_saved(folder, loaded, tokenizer)
            (folder / METRICS).write_text(json.dumps(metrics, indent=2))
        shutil.rmtree(job.run_dir / "checkpoints", ignore_errors=True)
        return TrainResult(target, metrics)

    def _load(self, name: str) -> PreTrainedModel:
        """The model in float32; frozen weights stay in their own type, or in 4 bits."""
        lora, attention = self._params.lora, self._params.attn_implementation
        if lora and lora.quantize:
            return load_quantized(name, self._params.device, attention)
        dtype = "auto" if lora else "float32"
        return load_model(
            name, device=torch.device("cpu"), dtype=dtype, attention=attention, train=True
        )

    def _adapted(self, model: PreTrainedModel, seed: int) -> Any:
        lora = self._params.lora
        return adapters.wrap(model, lora, derive(seed, "adapters")) if lora else model

    def _restored(
        self, name: str, sharded: PreTrainedModel, weights: Mapping[str, torch.Tensor], seed: int
    ) -> tuple[PreTrainedModel, Any]:
        """A whole model with these weights, and the same with adapters if there are any."""
        model = self._load(name)
        model.generation_config = sharded.generation_config
        adapted = self._adapted(model, seed)
        adapted.load_state_dict(weights)
        return model, adapted

    def _merged(
        self, model: PreTrainedModel, adapted: Any, name: str, run_dir: Path
    ) -> PreTrainedModel:
        """The model with its trained adapters merged, which are also saved if wanted."""
        lora = self._params.lora
        if not lora:
            return model
        if lora.keep or lora.quantize:
            with whole_folder(run_dir / "adapter") as folder:
                adapted.save_pretrained(folder)
        if lora.quantize:
            return merge_into_stored(name, run_dir / "adapter", model, keep=lora.keep)
        merged: PreTrainedModel = adapted.merge_and_unload()
        return merged

    def _batches(
        self, job: SFTJob, model: PreTrainedModel, tokenizer: Any
    ) -> tuple[list[list[TrainingSample]], dict[str, float]]:
        """All batches in order, and metrics of the samples."""
        params = self._params
        encoder = PromptEncoder(tokenizer, job.prompt)
        size = model.config.get_text_config().vocab_size
        check_encoder(encoder, size, job.model)
        limit = length_limit(model, params.max_length, job.model)
        builder = SampleBuilder(encoder)
        _add_end_token(model, tokenizer, builder.end)
        read = read_samples(job.traces, builder)
        check_known((sample.ids for sample in read), size, job.model)
        check_kept(read, job.traces)
        samples = [sample for sample in read if sample.length <= limit]
        if not samples:
            raise TrainingError(
                f"{job.traces}: none of its {len(read)} traces fits {limit} tokens",
                "raise max_length" if read else "",
            )
        plan = plan_batches(
            samples,
            batch_size=params.batch_size,
            epochs=params.epochs,
            tokens=job.tokens,
            seed=job.seed,
        )
        counts = {"dropped": float(len(read) - len(samples)), **exactness(samples)}
        return [[samples[i] for i in batch] for batch in plan], counts

    def _fit(
        self,
        model: Any,
        batches: Sequence[list[TrainingSample]],
        arguments: TrainingArguments,
        training: str,
        on_step: OnStep,
    ) -> tuple[list[float], Mapping[str, torch.Tensor] | None]:
        """Train `model` in place.

        Returns:
            The losses of all steps, those before a resume too, and the trained weights if the
            processes have only shards of them.
        """
        folder = Path(arguments.output_dir or "")
        with arguments.main_process_first():
            last = last_sealed(folder, "checkpoint-*", training)
        step = self._params.gradient_accumulation
        tokens = [sum(sample.loss_tokens for sample in batch) for batch in batches]
        tokens_of_step = [sum(tokens[i : i + step]) for i in range(0, len(tokens), step)]
        trainer = _Trainer(
            model=model,
            args=arguments,
            train_dataset=_Batches(batches, arguments.world_size),
            data_collator=flatten if self._params.packing else collate,
            callbacks=[_Reporter(on_step, tokens_of_step), _Sealer(folder, training)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=str(last) if last else None)
        shards = self._params.shard
        weights = trainer.accelerator.get_state_dict(trainer.model) if shards else None
        log = trainer.state.log_history
        return [entry["loss"] for entry in log if "loss" in entry], weights

    def _arguments(self, folder: Path, seed: int) -> TrainingArguments:
        """The arguments. Raises `TrainingError` for a GPU other than the first visible one."""
        params = self._params
        device = devices.pick_device(params.device)
        if device.index and not distributed.is_initialized():
            raise TrainingError(
                f"device {device}: fine-tuning runs on the first visible GPU",
                f"set sft.params.device: cuda, and CUDA_VISIBLE_DEVICES={device.index}",
            )
        if params.liger:
            devices.check_cuda(device, "liger_kernel", "sft.params.liger", "leave liger out")
        cpu = device.type == "cpu"
        bf16 = not cpu and torch.cuda.is_bf16_supported() if params.bf16 == "auto" else params.bf16
        arguments = TrainingArguments(
            output_dir=str(folder),
            seed=seed,
            use_cpu=cpu,
            bf16=bf16,
            num_train_epochs=1,
            per_device_train_batch_size=1,
            train_sampling_strategy="sequential",
            remove_unused_columns=False,
            gradient_accumulation_steps=params.gradient_accumulation,
            gradient_checkpointing=params.gradient_checkpointing and not params.shard,
            gradient_checkpointing_kwargs={"use_reentrant": False},
            learning_rate=params.learning_rate,
            lr_scheduler_type=_SCHEDULES[params.schedule],
            warmup_steps=params.warmup_ratio,
            weight_decay=params.weight_decay,
            adam_beta1=params.adam_beta1,
            adam_beta2=params.adam_beta2,
            max_grad_norm=params.max_grad_norm,
            use_liger_kernel=params.liger,
            liger_kernel_config=_LIGER,
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_steps=params.save_steps,
            save_total_limit=2,
            report_to="none",
            log_level="error",
            disable_tqdm=True,
            dataloader_pin_memory=not cpu,
            fsdp=params.shard or None,  # type: ignore[arg-type]  # a name is deprecated
            fsdp_config={
                "version": 2,
                "state_dict_type": "FULL_STATE_DICT",
                "activation_checkpointing": params.gradient_checkpointing,
            },
        )
        # Otherwise the trainer splits a batch among all GPUs.
        arguments._n_gpu = min(arguments.n_gpu, 1)
        if params.shard and cpu:
            # accelerate shards on GPUs only, although torch can on CPUs.
            PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
        return arguments


class _Trainer(Trainer):
    """transformers' trainer, which reports a full disk like other errors."""

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        with writing(Path(self.args.output_dir or "")):
            super()._save_checkpoint(*args, **kwargs)


class _Batches(Dataset[list[TrainingSample]]):
    """The planned batches. Each is one item of the trainer's dataset, or as many as processes.

    The trainer gives the first process the first of as many items, the next the second, and so on.
    """

    def __init__(self, batches: Sequence[list[TrainingSample]], processes: int) -> None:
        self._batches = batches
        self._processes = processes

    def __len__(self) -> int:
        return len(self._batches) * self._processes

    def __getitem__(self, index: int) -> list[TrainingSample]:
        batch, process = divmod(index, self._processes)
        return part(self._batches[batch], process, self._processes)


class _Reporter(TrainerCallback):
    """Reports the metrics of each step."""

    def __init__(self, on_step: OnStep, tokens_of_step: Sequence[int]) -> None:
        self._on_step = on_step
        self._tokens_of_step = tokens_of_step
        self._began = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._began = time.monotonic()

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002 - transformers' signature
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,
    ) -> None:
        logs: dict[str, float] = kwargs["logs"]
        if "loss" not in logs:
            return
        if not all(math.isfinite(logs[name]) for name in ("loss", "grad_norm") if name in logs):
            raise TrainingError(
                f"step {state.global_step}: the loss or its gradient is not finite",
                "lower sft.params.learning_rate, or set bf16: false",
            )
        seconds = max(time.monotonic() - self._began, 1e-9)
        figures = {
            "loss": logs["loss"],
            "learning_rate": logs["learning_rate"],
            "tokens/s": self._tokens_of_step[state.global_step - 1] / seconds,
        }
        if state.is_world_process_zero:
            self._on_step(state.global_step, state.max_steps, figures)


class _Sealer(TrainerCallback):
    """Seals each checkpoint when all processes have completely written it."""

    def __init__(self, folder: Path, training: str) -> None:
        self._folder = folder
        self._training = training

    def on_save(
        self,
        args: TrainingArguments,  # noqa: ARG002 - transformers' signature
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **_: Any,
    ) -> None:
        if distributed.is_initialized():
            distributed.barrier()
        if not state.is_world_process_zero:
            return
        with writing(self._folder):
            seal(self._folder / f"checkpoint-{state.global_step}", self._training)


def _add_end_token(model: PreTrainedModel, tokenizer: Any, end: int) -> None:
    """Add `end` to the generation config, so that sampling from the trained model stops there."""
    ends = end_tokens(model, tokenizer)
    if end not in ends and model.generation_config is not None:
        model.generation_config.eos_token_id = sorted({*ends, end})
