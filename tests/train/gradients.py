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
from cdnet.train.batches import Batch
from cdnet.train.loop import train_step
from cdnet.train.recipe import DistilRecipe, LossRecipe, TrainRecipe
from cdnet.train.taught import Taught

IDENTITIES = torch.arange(8).repeat_interleave(2)


def main(out: Path) -> None:
    accelerator = Accelerator(cpu=True)
    share = 16 // accelerator.num_processes
    mine = slice(accelerator.process_index * share, (accelerator.process_index + 1) * share)
    kinds = {"alone": None, "joined": False, "each": True}
    found = {kind: gradients(accelerator, mine, each) for kind, each in kinds.items()}
    if accelerator.is_main_process:
        torch.save({f"{kind} {name}": grad for kind, grads in found.items() for name, grad in grads.items()}, out)
    accelerator.wait_for_everyone()
    accelerator.end_training()


def gradients(accelerator: Accelerator, mine: slice, each: bool | None) -> dict[str, torch.Tensor]:
    """Return the gradients by the paper's losses alone (None), or taught by numbers that stand for a teacher's."""
    torch.manual_seed(0)
    network = create_model("cnet-top3", 0.1, identities=8)
    model = (network if each is None else Taught(network, 5, [48, 256] if each else None)).double()
    images, teacher = torch.randn(16, 3, 64, 32, dtype=torch.double), torch.randn(16, 5)
    wrapped = accelerator.prepare(model)
    wrapped.train()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.eval()
    # A wide margin keeps every triplet active, those across processes too.
    if each is None:
        heads = wrapped(images[mine])
        losses = objective(heads, IDENTITIES[mine], margin=5.0, smoothing=0.1, gather=gather_rows)
        accelerator.backward(losses.total)
    else:
        recipe = TrainRecipe(loss=LossRecipe(margin=5.0, smoothing=0.1), distil=DistilRecipe(each=each))
        batch = Batch(images[mine], IDENTITIES[mine], teacher[mine])
        train_step(wrapped, torch.optim.SGD(model.parameters(), 1e-30), accelerator, batch, recipe)
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


main(Path(sys.argv[1]))
