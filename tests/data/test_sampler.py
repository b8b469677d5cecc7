from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdnet.data.sampler import PKSampler
from cdnet.errors import CdnetError


def market_like(seed: int = 0) -> list[str]:
    # 751 identities with 2 to 72 pictures, 17 on average, as Market-1501's training set has.
    rng = np.random.default_rng(seed)
    counts = np.clip(np.round(rng.gamma(2.6, 6.6, 751)), 2, 72).astype(int)
    return [str(identity) for identity, count in enumerate(counts) for _ in range(count)]


@settings(max_examples=150, deadline=None)
@given(
    counts=st.lists(st.integers(1, 13), min_size=2, max_size=25),
    p=st.integers(2, 8),
    k=st.integers(1, 6),
    seed=st.integers(0, 2**40),
    epoch=st.integers(0, 1000),
    order=st.randoms(use_true_random=False),
)
def test_every_batch_keeps_its_promises(
    counts: list[int], p: int, k: int, seed: int, epoch: int, order: random.Random
) -> None:
    identities = [f"person {n}" for n, count in enumerate(counts) for _ in range(count)]
    order.shuffle(identities)
    have = Counter(identities)
    if len(counts) < p:
        with pytest.raises(CdnetError, match=rf"{len(counts)} identities, fewer than the {p}"):
            PKSampler(identities, p, k, seed)
        return
    batches = PKSampler(identities, p, k, seed).epoch(epoch)
    assert batches.shape[1] == p * k
    assert len(batches) >= 1
    used: Counter[int] = Counter()
    for batch in batches:
        names = [[identities[i] for i in group] for group in batch.reshape(p, k)]
        assert all(len(set(group)) == 1 for group in names)
        assert len({group[0] for group in names}) == p
        for group, (name, *_) in zip(batch.reshape(p, k), names, strict=True):
            # All different where there are enough, else every one of the few.
            assert len(set(group)) == min(k, have[name])
    # It ends as soon as fewer than P identities have a group left and no more than a tenth of all groups is left.
    groups = Counter({name: max(count // k, 1) for name, count in have.items()})
    may_stay = groups.total() / 10

    def goes_on() -> bool:
        return sum(left > 0 for left in groups.values()) >= p or groups.total() > may_stay

    for batch in batches:
        assert goes_on()
        repeating = sum(left > 0 for left in groups.values()) < p
        for name in (identities[i] for i in batch[::k]):
            groups[name] = max(groups[name] - 1, 0)
        if not repeating:  # no picture twice, but to fill a group
            used.update(set(batch.tolist()))
    assert not goes_on()
    assert max(used.values()) == 1


def test_the_same_seed_and_epoch_give_the_same_batches() -> None:
    identities = market_like()
    one, two = PKSampler(identities, 16, 4, 7), PKSampler(identities, 16, 4, 7)
    fifth = one.epoch(5)
    assert np.array_equal(fifth, two.epoch(5))  # whatever was asked before
    assert np.array_equal(fifth, one.epoch(5))
    assert not np.array_equal(fifth[:10], one.epoch(6)[:10])
    assert not np.array_equal(fifth[:10], PKSampler(identities, 16, 4, 8).epoch(5)[:10])


def test_neighbouring_seeds_and_epochs_do_not_mirror_each_other() -> None:
    # A seed made by adding seed and epoch would give the next run this run's next epoch.
    identities = market_like()
    assert not np.array_equal(
        PKSampler(identities, 16, 4, 1).epoch(2)[:5], PKSampler(identities, 16, 4, 2).epoch(1)[:5]
    )


def test_nearly_every_picture_is_used() -> None:
    identities = market_like()
    sampler = PKSampler(identities, 16, 4, 0)
    epochs = [set(sampler.epoch(number).ravel().tolist()) for number in range(6)]
    have = Counter(identities)
    possible = sum(max(count // 4, 1) * min(count, 4) for count in have.values())
    for used in epochs:
        assert len(used) > 0.97 * possible
    assert len(set.union(*epochs)) > 0.995 * len(identities)


def test_the_pictures_left_over_change_from_epoch_to_epoch() -> None:
    # Seven pictures in groups of four: three sit out, each as often as any other.
    sampler = PKSampler([n // 7 for n in range(14)], 2, 4, 0)
    seen = Counter(int(i) for number in range(700) for i in sampler.epoch(number).ravel())
    # Binomial with 700 epochs and a chance of 4/7: 400 expected, standard deviation 13.
    assert all(abs(seen[i] - 400) < 5 * 13.1 for i in range(14))


def test_identities_in_a_batch_do_not_favour_the_first_listed() -> None:
    sampler = PKSampler([n // 4 for n in range(40)], 5, 4, 0)
    seen = Counter(int(i) // 4 for number in range(400) for i in sampler.epoch(number)[0][::4])
    # Binomial with 400 epochs and a chance of 1/2: 200 expected, standard deviation 10.
    assert all(abs(seen[i] - 200) < 50 for i in range(10))


def test_identities_with_more_left_come_sooner() -> None:
    # One identity with 12 groups and 24 with one. Dealt in proportion to what is left, simulated here by NumPy's own
    # sampling without replacement, the large one is in nearly all of the first 6 batches; dealt evenly, in 0.7.
    rng = np.random.default_rng(0)

    def simulated() -> int:
        left, large = np.array([12] + [1] * 24), 0
        for _ in range(6):
            chosen = rng.choice(25, 3, replace=False, p=left / left.sum())
            left[chosen] -= 1
            large += 0 in chosen
        return large

    sampler = PKSampler([0] * 48 + [n for n in range(1, 25) for _ in range(4)], 3, 4, 0)
    ours = np.mean([(sampler.epoch(number)[:6, ::4] < 48).sum() for number in range(150)])
    assert abs(ours - np.mean([simulated() for _ in range(150)])) < 0.25


def test_one_identity_with_most_pictures_does_not_end_the_epoch() -> None:
    # Dealt without drawing again, an epoch would be one batch: 16 of the 1,012 pictures.
    identities = [0] * 4 + [1] * 4 + [2] * 4 + [3] * 1000
    sampler = PKSampler(identities, 4, 4, 0)
    epochs = [sampler.epoch(number) for number in range(20)]
    assert all(len(epoch) == 225 for epoch in epochs)  # 253 groups, of which 25 may stay
    assert all(len(np.unique(epochs[number])) / 1012 > 0.89 for number in range(20))
    assert len(np.unique(epochs)) == 1012
    for batch in epochs[0]:
        assert sorted({identities[i] for i in batch}) == [0, 1, 2, 3]


def test_those_that_join_again_are_drawn_evenly() -> None:
    # Three identities with one group each and one with forty: P = 2, so that every later batch needs a partner.
    sampler = PKSampler([0, 0, 1, 1, 2, 2] + [3] * 80, 2, 2, 0)
    partners = Counter(int(batch[batch < 6][0]) // 2 for number in range(20) for batch in sampler.epoch(number)[3:])
    count = partners.total()
    # Binomial with a chance of a third.
    assert all(abs(partners[n] - count / 3) < 5 * (count * 2 / 9) ** 0.5 for n in range(3))


def test_an_identity_with_one_picture_repeats_it() -> None:
    batches = PKSampler(["a", "b", "b", "b", "b"], 2, 4, 0).epoch(0)
    assert batches.shape == (1, 8)
    assert sorted(batches[0].tolist()) == [0, 0, 0, 0, 1, 2, 3, 4]


def test_an_identity_with_three_pictures_repeats_any_of_them() -> None:
    sampler = PKSampler([0, 0, 0, 1, 1, 1], 2, 4, 0)
    repeated = Counter(
        Counter(group.tolist()).most_common(1)[0][0]
        for number in range(300)
        for group in sampler.epoch(number).reshape(-1, 4)
    )
    # 600 groups, a third each: standard deviation of a third of 300 is 8.2.
    assert all(abs(repeated[i] - 100) < 5 * 8.2 for i in range(6))


@pytest.mark.parametrize(("p", "k"), [(1, 4), (0, 4), (2, 0), (2, -1)])
def test_a_batch_needs_two_identities_and_a_picture(p: int, k: int) -> None:
    with pytest.raises(CdnetError, match="at least 2 identities with 1 picture"):
        PKSampler(["a", "b", "c"], p, k)


def test_fewer_identities_than_p_and_a_seed_below_zero() -> None:
    with pytest.raises(CdnetError, match=r"3 identities, fewer than the 16 of a batch; lower --batch\.identities"):
        PKSampler(["a", "b", "c"] * 10, 16, 4)
    for few in ([], ["a", "a"]):
        with pytest.raises(CdnetError, match=f"has {len(set(few))} identities; at least 2 are needed"):
            PKSampler(few, 2, 4)
    with pytest.raises(CdnetError, match="seed must be at least 0"):
        PKSampler(["a", "b", "c"], 2, 4, -1)


def test_an_index_array_of_whole_numbers() -> None:
    batches = PKSampler(["a", "b"], 2, 1).epoch(0)
    assert batches.dtype == np.int64
    assert sorted(batches.ravel().tolist()) == [0, 1]


def test_what_is_left_out_is_seed_0_and_the_training_set() -> None:
    identities = market_like()
    assert np.array_equal(PKSampler(identities, 16, 4).epoch(1), PKSampler(identities, 16, 4, 0).epoch(1))
    with pytest.raises(CdnetError, match=r"^the training set has 1 identities"):
        PKSampler(["a", "a"], 2, 4)


def test_two_identities_and_one_picture_each_are_enough() -> None:
    assert PKSampler([0, 1], 2, 1).epoch(0).shape == (1, 2)


def test_those_that_join_again_bring_pictures_drawn_anew() -> None:
    # Six pictures in groups of four: one group a deal, and yet all six in an epoch that needs them again and again.
    sampler = PKSampler([0] * 6 + [1] * 400, 2, 4, 0)
    batches = sampler.epoch(0)
    assert len(batches) > 50
    assert set(range(6)) < set(batches.ravel().tolist())


def test_a_seed_deals_what_it_always_dealt() -> None:
    # A run that is resumed, or repeated years later, has the batches of its seed: of 1, 2, 3 and 5 pictures in twos.
    sampler = PKSampler([0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], 2, 2, 7)
    assert sampler.epoch(0).tolist() == [[3, 5, 0, 0], [9, 8, 1, 2], [6, 7, 0, 0]]
    assert sampler.epoch(3).tolist() == [[6, 10, 0, 0], [9, 7, 3, 5], [2, 1, 0, 0]]
