"""The threshold that is kept, beside counting all pairs one by one."""

from __future__ import annotations

import numpy as np
import pytest

from cdnet.errors import CdnetError


def test_it_is_the_least_that_keeps_the_rate(gallery, new_entry, clustered):
    from cdnet.gallery.calibrating import on_own

    features, who = clustered(120, 12)
    entries = [
        new_entry(n, person=None if n % 10 == 0 else f"p{who[n]}", camera=None if n % 4 == 0 else f"c{n % 3}")
        for n in range(120)
    ]
    gallery.add(entries, features)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    same, other = [], []
    for a in range(120):
        for b in range(120):
            if a == b or a % 10 == 0 or b % 10 == 0:
                continue
            one, two = entries[a], entries[b]
            if who[a] != who[b]:
                other.append(unit[a] @ unit[b])
            elif one.camera is None or one.camera != two.camera:
                same.append(unit[a] @ unit[b])
    found = on_own(gallery, 0.01)
    assert found.threshold.impostor_pairs == len(other)
    assert found.threshold.genuine_pairs == len(same)
    allowed = int(0.01 * len(other))
    assert found.threshold.threshold == pytest.approx(sorted(other, reverse=True)[allowed], abs=1e-6)
    assert found.threshold.true_match_rate == pytest.approx(
        np.mean(np.array(same) > found.threshold.threshold), abs=0.02
    )
    assert gallery.search(unit[1], 5).threshold is None
    gallery.calibrate(found.to_json())
    falls = gallery.search(unit[1], 5).threshold
    assert falls is not None
    assert falls > found.threshold.threshold  # a match is above it
    assert falls == pytest.approx(found.threshold.threshold, abs=1e-6)
    kept = gallery.calibration()
    assert kept["on"]["entries"] == 108
    assert kept["false_match_rate"] <= 0.01
    assert "calibrate" in [record.action for record in gallery.audit()]


def test_without_known_persons_there_is_none(gallery, new_entry):
    from cdnet.gallery.calibrating import on_own

    gallery.add([new_entry(1)], np.ones((1, 24)))
    with pytest.raises(CdnetError, match="known person"):
        on_own(gallery, 0.01)
