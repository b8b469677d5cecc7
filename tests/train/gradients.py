"""Run under torchrun by test_distributed: one step's gradients with batch-norm statistics frozen, saved by rank 0."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from cdnet import create_model
from cdnet.engine.distributed import gather_rows
from cdnet.losses.objective import objective


def main(out: Path) -> None:
    accelerator = Accelerator(cpu=True)
    torch.manual_seed(0)
    model = create_model("cnet-top3", 0.1, identities=8).double()
    images = torch.randn(16, 3, 64, 32, dtype=torch.double)
    identities = torch.arange(8).repeat_interleave(2)
    wrapped = accelerator.prepare(model)
    wrapped.train()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.eval()
    share = 16 // accelerator.num_processes
    mine = slice(accelerator.process_index * share, (accelerator.process_index + 1) * share)
    # A wide margin keeps every triplet active, those across processes too.
    heads = wrapped(images[mine])
    losses = objective(heads, identities[mine], margin=5.0, smoothing=0.1, gather=gather_rows)
    accelerator.backward(losses.total)
    if accelerator.is_main_process:
        torch.save({name: p.grad for name, p in model.named_parameters() if p.grad is not None}, out)
    accelerator.wait_for_everyone()
    accelerator.end_training()


main(Path(sys.argv[1]))
