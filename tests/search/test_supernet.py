from __future__ import annotations

import copy
from functools import partial

import pytest
import torch

from cdnet import CdnetError, create_model
from cdnet.genotype import MAX_REPEATS, CDChoice
from cdnet.losses.objective import objective
from cdnet.nn.blocks import CDBlock
from cdnet.search.gate import Selection, mixture, sampled, top_k
from cdnet.search.space import CDS, CS, MAX_MBLOCKS, SearchSpace
from cdnet.search.supernet import Supernet

SMALL = SearchSpace("small", tuple(CDChoice(3, k, r) for k in (5, 7, 9) for r in (1, 2)))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_sizes_of_the_papers_spaces() -> None:
    assert (CS.size, CDS.size) == (46_656, 2_985_984)
    assert (len(CS.candidates), len(CDS.candidates), CDS.mblocks) == (6, 12, 6)
    assert CDChoice(5, 9, 1) in CDS.candidates  # the paper's list omits it, its Table 2 uses it


@pytest.mark.parametrize(
    ("candidates", "blocks", "said"),
    [
        ([CDChoice(3, 5)], (2, 2, 2), "at least 2"),
        ([CDChoice(3, 5), CDChoice(3, 5)], (2, 2, 2), "twice"),
        ([CDChoice(3, 5), CDChoice(3, 4)], (2, 2, 2), "no CDBlock"),
        ([CDChoice(3, 5), CDChoice(3, 5, MAX_REPEATS + 1)], (2, 2, 2), "no CDBlock"),
        ([CDChoice(3, 5), CDChoice(3, 5, 0)], (2, 2, 2), "no CDBlock"),
        ([CDChoice(3, 5), CDChoice(3, 7)], (2, 0, 2), "at least one MBlock"),
        ([CDChoice(3, 5), CDChoice(3, 7)], (MAX_MBLOCKS - 1, 1, 1), "61 MBlocks; at most 60"),
        ([CDChoice(3, 5), CDChoice(3, 7)], (1, 1_000_000, 1), "1,000,002 MBlocks; at most 60"),
    ],
)
def test_spaces_without_a_choice_are_refused(candidates: list[CDChoice], blocks: tuple[int, ...], said: str) -> None:
    with pytest.raises(CdnetError, match=said):
        SearchSpace("mine", tuple(candidates), blocks)


def test_the_largest_spaces_are_allowed() -> None:
    repeats = SearchSpace("deep", (CDChoice(3, 5), CDChoice(3, 5, MAX_REPEATS)))
    blocks = SearchSpace("long", (CDChoice(3, 5), CDChoice(3, 7)), (MAX_MBLOCKS - 2, 1, 1))
    assert str(repeats.genotype([1] * 6, "deepest").stages[0][0]) == "(3,5,8)"
    assert blocks.size == 2**MAX_MBLOCKS


@pytest.mark.parametrize("k", [1, 2, 6])
def test_unselected_branches_take_no_part(k: int) -> None:
    torch.manual_seed(0)
    net = Supernet(SMALL, 0.1, identities=4)
    optimizer = torch.optim.SGD(net.weights(), lr=0.1, momentum=0.9, weight_decay=0.1)
    images, identities = torch.randn(8, 3, 64, 32), torch.arange(4).repeat_interleave(2)
    calls: list[str] = []
    for name, module in net.named_modules():
        if isinstance(module, CDBlock):
            module.register_forward_hook(lambda *_a, n=name: calls.append(n))
    # Give every branch a momentum first, so that a later step without it would show.
    objective(net(images, net.select(mixture, generator())), identities).total.backward()
    optimizer.step()
    for seed in range(3):
        before = copy.deepcopy(net.state_dict())
        momenta = {id(p): optimizer.state[p]["momentum_buffer"].clone() for p in net.weights()}
        calls.clear()
        optimizer.zero_grad()
        net.alpha.grad = None
        selections = net.select(partial(top_k, k=k), generator(seed), searching=False)
        objective(net(images, selections), identities).total.backward()
        optimizer.step()
        taken = {
            f"stage{index // 2 + 1}.{index % 2}.branches.{branch}"
            for index, selection in enumerate(selections)
            for branch in selection.branches
        }
        assert sorted(calls) == sorted(taken)
        assert len(calls) == 6 * k
        assert net.alpha.grad is None
        after = net.state_dict()
        moved = set()
        for name, parameter in net.named_parameters():
            branch = ".".join(name.split(".")[:4])
            if ".branches." in name:
                assert (parameter.grad is not None) == (branch in taken)
                if not torch.equal(before[name], after[name]):
                    moved.add(branch)
                if branch not in taken:
                    assert torch.equal(optimizer.state[parameter]["momentum_buffer"], momenta[id(parameter)])
        assert moved == taken


def test_alpha_gradient_through_the_network() -> None:
    # d loss / d alpha by finite differences of the surrogate: selected branches weighted by 1 + p - p*.
    torch.manual_seed(1)
    net = Supernet(SMALL, 0.1, identities=4).double().eval()
    with torch.no_grad():
        net.alpha += torch.randn_like(net.alpha)
    images = torch.randn(2, 3, 64, 32, dtype=torch.double)
    selections = net.select(top_k, generator())
    net(images, selections).square().sum().backward()
    anchor = net.alpha.detach().softmax(1)

    def surrogate(alpha: torch.Tensor) -> float:
        moved = [
            Selection(s.branches, (1 + alpha.softmax(1)[m] - anchor[m])[list(s.branches)])
            for m, s in enumerate(selections)
        ]
        with torch.no_grad():
            return float(net(images, moved).square().sum())

    for m, j in [(0, 0), (2, 3), (5, 5)]:
        step = torch.zeros_like(net.alpha)
        step[m, j] = 1e-6
        slope = (surrogate(net.alpha.detach() + step) - surrogate(net.alpha.detach() - step)) / 2e-6
        assert net.alpha.grad is not None
        assert net.alpha.grad[m, j].item() == pytest.approx(slope, rel=1e-5, abs=1e-8)


def derived_state(net: Supernet) -> dict[str, torch.Tensor]:
    """Return the derived network's weights under the names that a ReidModel has."""
    state = {}
    for name, tensor in net.state_dict().items():
        part, _, rest = name.partition(".branches.")
        branch, _, inside = rest.partition(".")
        if rest:
            stage, block = part.removeprefix("stage").split(".")
            mblock = sum(net.space.blocks[: int(stage) - 1]) + int(block)
            if int(branch) == net.chosen()[mblock]:
                state[f"backbone.{part}.{inside}"] = tensor
        elif name != "alpha":
            state[name if name.startswith("neck.") else f"backbone.{name}"] = tensor
    return state


@pytest.mark.parametrize("space", [CS, SMALL, SearchSpace("odd", SMALL.candidates, (1, 3, 2))])
def test_derived_network_equals_the_supernet_at_its_choice(space: SearchSpace) -> None:
    torch.manual_seed(2)
    net = Supernet(space, 0.1, identities=3)
    with torch.no_grad():
        net.alpha += torch.randn_like(net.alpha)
    net(torch.randn(8, 3, 64, 32), net.select(mixture, generator()))  # moves the batch norms' statistics
    net.eval()
    genotype = net.space.genotype(net.chosen(), "derived")
    model = create_model(genotype, 0.1, "blneck", identities=3)
    model.load_state_dict(derived_state(net))
    images = torch.randn(3, 3, 64, 32)
    with torch.no_grad():
        assert torch.equal(model.eval()(images), net(images, net.select(partial(top_k, k=1), generator())))


@pytest.mark.parametrize("gate", [top_k, mixture, sampled])
def test_each_gate_trains_alpha(gate: object) -> None:
    torch.manual_seed(0)
    net = Supernet(SMALL, 0.1, identities=4)
    images, identities = torch.randn(8, 3, 64, 32), torch.arange(4).repeat_interleave(2)
    selections = net.select(gate, generator())  # type: ignore[arg-type]
    objective(net(images, selections), identities).total.backward()
    assert net.alpha.grad is not None
    assert (net.alpha.grad.abs().sum(1) > 0).all()


def test_a_branch_that_lowers_the_loss_wins_from_any_seed() -> None:
    # A planted problem: the loss is lower by a constant share of candidate 4's weight in every MBlock.
    for seed in range(4):
        torch.manual_seed(seed)
        alpha = torch.full((6, 12), 1e-3, requires_grad=True)
        optimizer = torch.optim.Adam([alpha], lr=0.05, betas=(0.5, 0.999), weight_decay=1e-3)
        chance = generator(seed)
        for _ in range(400):
            loss = torch.zeros(())
            for row in alpha:
                found = top_k(row, chance, 2)
                cost = torch.tensor([0.0 if branch == 4 else 1.0 for branch in found.branches])
                loss = loss + (found.weights * cost).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert alpha.argmax(1).tolist() == [4] * 6
