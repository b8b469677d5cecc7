"""What a step keeps in memory, against counts by hand."""

import gc
import weakref

import torch

from cdnet.search.memory import StepMemory


def test_counts_what_autograd_keeps_each_storage_once() -> None:
    x = torch.rand(1000, requires_grad=True)
    memory = StepMemory(torch.device("cpu"))
    with memory.watched():
        y = x.exp()  # keeps its result: 4000 bytes
        z = y * y  # keeps y twice, the storage that is counted already
        z.sum().backward()
    assert memory.bytes == 4000


def test_a_smaller_block_leaves_the_peak_alone() -> None:
    memory = StepMemory(torch.device("cpu"))
    for size in (500, 1000, 10):
        with memory.watched():
            torch.rand(size, requires_grad=True).exp().sum().backward()
    assert memory.bytes == 4000


def test_watching_keeps_nothing_alive() -> None:
    memory = StepMemory(torch.device("cpu"))
    with memory.watched():
        y = torch.rand(1000, requires_grad=True).exp()
        kept = weakref.ref(y)
    gc.disable()
    try:
        del y
        assert kept() is None
    finally:
        gc.enable()
