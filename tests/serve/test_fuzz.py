"""Requests that a fuzzer makes from the API's description: not one may make the server fail.

``CDNET_REQUESTS=100000 SEED=1 pytest -m slow tests/serve/test_fuzz.py -s`` sends that many, and others for each seed.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from .conftest import TinyNetwork, coloured, filled, listening

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.errors import Unsatisfiable  # noqa: E402
from schemathesis.generation import GenerationMode  # noqa: E402

REQUESTS = int(os.environ.get("CDNET_REQUESTS", "3000"))
SEED = int(os.environ.get("SEED", "0"))
EXAMPLES = 100
"""Of an address, by each way, before the next one."""
LONGEST = 60_000
"""Characters of an address that the server reads, or fewer."""
PICTURES = [coloured(number) for number in range(20, 60)]


@pytest.mark.slow
def test_no_request_makes_the_server_fail(tmp_path) -> None:
    import requests

    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    answers: Counter[str] = Counter()
    wrong: list[str] = []
    limits = Settings(most_bytes=1 << 20, rate=1e6)
    with filled(tmp_path) as gallery, requests.Session() as session:
        app = create_app(gallery, TinyNetwork(), limits)
        described = schemathesis.openapi.from_dict(app.openapi())
        operations = [found.ok() for found in described.get_all_operations()]
        assert len(operations) >= 10

        def send(case, picture: bytes | None, address: str) -> None:
            if picture is not None and case.method == "POST":
                case.body = picture
            try:
                answer = case.call(base_url=address.rstrip("/"), session=session)
            except requests.RequestException as error:
                # Of an address that is too long no more is read than its refusal needs; the rest is cut off.
                long = len(case.as_curl_command()) > LONGEST
                answers[f"{case.method} {case.path} {'too long' if long else 'no answer'}"] += 1
                if not long:
                    wrong.append(f"no answer ({str(error)[:200]}): {case.as_curl_command()}")
                return
            answers[f"{case.method} {case.path} {answer.status_code}"] += 1
            refused = answer.status_code >= 400 and answer.headers["content-type"] == ["application/json"]
            if answer.status_code >= 500 or (refused and list(answer.json()) != ["error"]):
                wrong.append(f"{answer.status_code} {answer.text[:300]}: {case.as_curl_command()[:2000]}")

        with listening(app) as address:
            turn = 0
            while sum(answers.values()) < REQUESTS:
                for operation in operations:
                    for mode in GenerationMode:
                        turn += 1
                        made = operation.as_strategy(generation_mode=mode)
                        picture = st.none() | st.sampled_from(PICTURES)
                        tried = given(made, picture, st.just(address))(send)
                        quick = settings(
                            max_examples=EXAMPLES,
                            database=None,
                            deadline=None,
                            phases=[Phase.generate],
                            suppress_health_check=list(HealthCheck),
                        )
                        try:
                            quick(seed(1_000_000 * SEED + turn)(tried))()
                        except Unsatisfiable:
                            continue  # an address without parameters has no wrong ones
            assert session.get(f"{address}ready").json() == {"status": "ready"}
        assert gallery.stats().entries == len(list(gallery.iterate()))
    for line, count in sorted(answers.items()):
        print(f"{count:7,} {line}")
    assert wrong == []
    codes = {line.split()[-1][0] for line in answers}
    assert {"2", "4"} <= codes  # it reached what works, too
