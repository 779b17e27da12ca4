"""The table from our params to OpenRLHF's flags (0.11.2), and the words of a command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SHARED: Mapping[str, tuple[str, ...]] = {
    "micro_batch_size": ("train.micro_batch_size",),
    "zero_stage": ("ds.zero_stage",),
    "adam_offload": ("ds.adam_offload",),
    "packing": ("ds.packing_samples",),
    "attention": ("ds.attn_implementation",),
    "dtype": ("ds.param_dtype",),
    "save_every": ("ckpt.save_steps",),
    "keep": ("ckpt.max_num",),
}

SFT: Mapping[str, tuple[str, ...]] = {
    **_SHARED,
    "batch_size": ("train.batch_size",),
    "learning_rate": ("adam.lr",),
    "schedule": ("lr_scheduler",),
    "warmup_ratio": ("lr_warmup_ratio",),
    "betas": ("adam.betas",),
    "weight_decay": ("adam.weight_decay",),
    "max_grad_norm": ("max_norm",),
    "gradient_checkpointing": ("model.gradient_checkpointing_enable",),
    "max_length": ("data.max_len",),
}
"""Attribute of `SftParams` -> flags of `openrlhf.cli.train_sft`."""

RL: Mapping[str, tuple[str, ...]] = {
    **_SHARED,
    "prompts_per_step": ("rollout.batch_size",),
    "group_size": ("rollout.n_samples_per_prompt",),
    "max_tokens": ("rollout.max_new_tokens",),
    "temperature": ("rollout.temperature",),
    "top_p": ("rollout.top_p",),
    "rollout_micro_batch_size": ("rollout.micro_batch_size",),
    "update_size": ("train.batch_size",),
    "epochs_per_batch": ("train.max_epochs",),
    "clip": ("actor.eps_clip_low_high",),
    "aggregation": ("actor.loss_agg_mode",),
    "entropy_bonus": ("actor.entropy_coef",),
    "estimator": ("algo.advantage.estimator",),
    "kl": ("algo.kl.init_coef",),
    "kl_estimator": ("algo.kl.estimator",),
    "kl_in": ("algo.kl.use_loss",),
    "dynamic_filtering": ("algo.dynamic_filtering_enable",),
    "gamma": ("algo.advantage.gamma",),
    "gae_lambda": ("algo.advantage.lambd",),
    "value_clip": ("critic.value_clip",),
    "critic_learning_rate": ("critic.adam.lr",),
    "freezing_steps": ("critic.freezing_steps",),
    "learning_rate": ("actor.adam.lr",),
    "schedule": ("actor.lr_scheduler", "critic.lr_scheduler"),
    "warmup_ratio": ("actor.lr_warmup_ratio", "critic.lr_warmup_ratio"),
    "betas": ("actor.adam.betas", "critic.adam.betas"),
    "weight_decay": ("actor.adam.weight_decay", "critic.adam.weight_decay"),
    "max_grad_norm": ("actor.max_norm", "critic.max_norm"),
    "gradient_checkpointing": ("actor.gradient_checkpointing_enable",),
    "nodes": ("actor.num_nodes", "ref.num_nodes", "critic.num_nodes"),
    "gpus_per_node": (
        "actor.num_gpus_per_node",
        "ref.num_gpus_per_node",
        "critic.num_gpus_per_node",
    ),
    "colocate": ("train.colocate_all",),
    "sleeps": ("vllm.enable_sleep", "ds.enable_sleep"),
    "vllm_engines": ("vllm.num_engines",),
    "tensor_parallel_size": ("vllm.tensor_parallel_size",),
    "gpu_memory_utilization": ("vllm.gpu_memory_utilization",),
    "prefix_caching": ("vllm.enable_prefix_caching",),
    "enforce_eager": ("vllm.enforce_eager",),
    "sync_backend": ("vllm.sync_backend",),
}
"""Attribute of `GrpoParams` or `PpoParams` -> flags of `openrlhf.cli.train_ppo_ray`."""

_FLAG_VALUES: Mapping[str, Mapping[Any, Any]] = {
    "aggregation": {"token_mean": "token-mean", "sequence_mean": "seq-mean-token-mean"},
    "kl_in": {"loss": True, "reward": False},
}

RUN = (
    "actor.model_name_or_path",
    "ckpt.load_enable",
    "ckpt.output_dir",
    "ckpt.path",
    "critic.model_name_or_path",
    "data.apply_chat_template",
    "data.dataset",
    "data.input_key",
    "data.input_template",
    "data.label_key",
    "data.max_len",
    "data.max_samples",
    "data.output_key",
    "data.prompt_dataset",
    "logger.wandb.run_name",
    "model.model_name_or_path",
    "reward.remote_url",
    "train.max_epochs",
    "train.num_episodes",
    "train.seed",
)
"""Flags that the run itself sets."""


def of(params: object, table: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Return flag -> value for every attribute of `params` in `table`."""
    return {
        flag: _FLAG_VALUES.get(name, {}).get(value := getattr(params, name), value)
        for name, flags in table.items()
        if hasattr(params, name)
        for flag in flags
    }


def words(values: Mapping[str, Any]) -> list[str]:
    """Return the words of a command line. `True` gives a flag alone; `False` and None give none."""
    return [word for flag, value in values.items() for word in _words(flag, value)]


def owner(flag: str) -> str:
    """Return what sets a flag or what it abbreviates for argparse; empty if nothing does."""
    for table in (RL, SFT):
        for name, flags in table.items():
            if any(known.startswith(flag) for known in flags):
                return f"the param {name}"
    return "the run" if any(known.startswith(flag) for known in RUN) else ""


def _words(flag: str, value: Any) -> Iterator[str]:
    if value is None or value is False:
        return
    yield f"--{flag}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from map(str, value)
    elif value is not True:
        yield str(value)
