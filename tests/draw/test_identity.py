from cdnet.draw.identity import PALETTE, sample_identities


def test_no_two_people_wear_the_same_outfit() -> None:
    people = sample_identities(0, 1000)
    assert len({person.outfit for person in people}) == len(set(people)) == 1000


def test_a_longer_list_begins_with_the_shorter() -> None:
    assert sample_identities(5, 60)[:20] == sample_identities(5, 20)
    assert sample_identities(6, 20) != sample_identities(5, 20)


def test_many_people_share_the_same_three_colours() -> None:
    people = sample_identities(1, 200)
    worn = [{p.upper.colour, p.upper.second or p.upper.colour, p.lower.colour, p.shoes} for p in people]
    assert all(colours <= PALETTE.keys() and len(colours) <= 3 for colours in worn)
    assert len({frozenset(colours) for colours in worn}) < 80


def test_what_is_absent_is_none() -> None:
    for person in sample_identities(2, 300):
        assert (person.hat is None) == (person.hat_colour is None)
        for garment in (person.upper, person.lower):
            assert (garment.pattern == "plain") == (garment.second is None)
            assert garment.second != garment.colour
        if person.bag and person.carried:
            assert person.bag.side != person.carried.side
