"""OpenRLHF 0.11.2 on a machine without GPUs, for the tests. Its folder has to be on PYTHONPATH.

Python imports a module of this name before all others, in every process. Each patch is applied as
soon as the module that it changes has been imported; see `ENVIRONMENT` in conftest.py for the rest.
"""

import importlib.abc
import importlib.machinery
import os
import sys
import types


def _pretend_gpus(ray):
    """A Ray of our own, with room for OpenRLHF's actors; in a job, the cluster that runs it."""
    init = ray.init

    def start(*args, **options):
        if "RAY_ADDRESS" not in os.environ:
            options |= {"address": "local", "num_cpus": 16, "num_gpus": 8}
            options |= {"include_dashboard": False, "object_store_memory": 200_000_000}
        return init(*args, **options)

    ray.init = start


def _no_cuda(torch):
    cpu = torch.device("cpu")
    for name in ("set_device", "empty_cache", "synchronize", "current_stream"):
        setattr(torch.cuda, name, lambda *_, **__: None)  # dynamo wants a function for each
    torch.cuda.current_device = lambda: cpu


def _mesh_on_cpu(mesh):
    init = mesh.init_device_mesh
    mesh.init_device_mesh = lambda device, *args, **options: init(
        "cpu" if device == "cuda" else device, *args, **options
    )


def _without_flash_attention():
    """What `ring_attn_utils` imports and, without packing, never calls."""
    names = ("", ".bert_padding", ".utils", ".utils.distributed")
    modules = {f"flash_attn{name}": types.ModuleType(f"flash_attn{name}") for name in names}
    sys.modules.update(modules)
    for name in ("index_first_axis", "pad_input", "rearrange", "unpad_input"):
        setattr(modules["flash_attn.bert_padding"], name, None)
    modules["flash_attn.utils.distributed"].all_gather = None


def _forget_flash_attention(_):
    for name in [name for name in sys.modules if name.partition(".")[0] == "flash_attn"]:
        del sys.modules[name]


def _replay_on_cpu(replay_buffer):
    """It asks for the device `cuda:cpu`."""
    real = replay_buffer.torch
    stand_in = types.ModuleType("torch")
    stand_in.__getattr__ = lambda name: getattr(real, name)
    stand_in.device = lambda *_: real.device("cpu")
    replay_buffer.torch = stand_in


class _OverTcp:
    """Broadcasts weights over TCP, as NCCL would."""

    def __init__(self, group):
        self._group = group

    def broadcast(self, tensor, src, stream=None):  # noqa: ARG002
        received = self._group.broadcast(tensor.detach(), src)
        if self._group.rank != src:
            tensor.copy_(received)


def _weights_over_tcp(distributed_util):
    def create(master_address, master_port, rank, world_size, device):  # noqa: ARG001
        from vllm.distributed.utils import StatelessProcessGroup

        group = StatelessProcessGroup.create(
            host=master_address, port=master_port, rank=rank, world_size=world_size
        )
        return _OverTcp(group)

    distributed_util.stateless_init_process_group = create


def _reload_at_once(worker):
    """On a CPU vLLM repacks its weights, so they can only be loaded all together."""

    def update_weight(self, name, dtype, shape, empty_cache=False):
        import torch

        weight = torch.empty(shape, dtype=dtype)
        self._model_update_group.broadcast(weight, src=0)
        come = self.__dict__.setdefault("_come", [])
        come.append((name, weight))
        if empty_cache:  # OpenRLHF says so with the last one
            self.model_runner.reload_weights(weights_iterator=iter(come[:]))
            come.clear()

    worker.WorkerWrap.update_weight = update_weight


def _no_shared_memory_build(comm):
    comm.build_shm_op = lambda: None


def _no_adam_build(engine):
    configure = engine.DeepSpeedEngine.get_optimizer_configuration

    def with_torch_adam(self, params, *args, **options):
        params["torch_adam"] = True
        return configure(self, params, *args, **options)

    engine.DeepSpeedEngine.get_optimizer_configuration = with_torch_adam


BEFORE = {"openrlhf.models.ring_attn_utils": _without_flash_attention}
AFTER = {
    "ray": _pretend_gpus,
    "torch": _no_cuda,
    "torch.distributed.device_mesh": _mesh_on_cpu,
    "deepspeed.comm.torch": _no_shared_memory_build,
    "deepspeed.runtime.engine": _no_adam_build,
    "openrlhf.models.ring_attn_utils": _forget_flash_attention,
    "openrlhf.trainer.ppo_utils.replay_buffer": _replay_on_cpu,
    "openrlhf.utils.distributed_util": _weights_over_tcp,
    "openrlhf.trainer.ray.vllm_worker_wrap": _reload_at_once,
}


class _Loader(importlib.abc.Loader):
    def __init__(self, real, name):
        self._real, self._name = real, name

    def create_module(self, spec):
        return self._real.create_module(spec)

    def exec_module(self, module):
        BEFORE.get(self._name, lambda: None)()
        self._real.exec_module(module)
        AFTER[self._name](module)

    def __getattr__(self, name):
        return getattr(self._real, name)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        spec = (
            importlib.machinery.PathFinder.find_spec(name, path, target) if name in AFTER else None
        )
        if spec and spec.loader:
            spec.loader = _Loader(spec.loader, name)
        return spec


sys.meta_path.insert(0, _Finder())
