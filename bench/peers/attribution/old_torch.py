"""Gives torch 1.13 the names that dattri and kronfluence know from torch 2. Import it before either.

Debian's torch is the newest build for CPUs alone that pip or apt offer here; newer wheels carry CUDA. What the
two packages compute with is all there, under older names: `torch.func` was the package functorch, which torch
1.13 already ships. Compilation and sharding over machines are not there and are not used on one CPU.
"""

import sys
import types

import torch


def _alias(name, **members):
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, module)


if not hasattr(torch, "func"):
    import functorch
    import torch.distributed
    from torch.nn.utils import stateless

    names = ("grad", "grad_and_value", "vmap", "vjp", "jvp", "jacrev", "jacfwd", "hessian")
    transforms = {name: getattr(functorch, name) for name in names}
    _alias("torch.func", functional_call=stateless.functional_call, **transforms)
    _alias("torch.compiler", reset=lambda: None)
    torch.compile = lambda function: function
    # Only asked whether a module is one of these; importing the real ones fails on Python 3.11.
    _alias("torch.distributed.fsdp", FullyShardedDataParallel=type("FullyShardedDataParallel", (), {}))
