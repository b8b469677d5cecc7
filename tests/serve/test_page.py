"""The page in a real browser, as people use it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from .conftest import DIMENSIONS, TinyNetwork, coloured, filled, listening

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if BROWSER is None:
    pytest.skip("no Chromium is installed, so that the page is not tried in a browser", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

PATIENCE = 120_000
"""Milliseconds that a browser on a busy machine may take."""
sync_api.expect.set_options(timeout=PATIENCE)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--disable-dev-shm-usage"]  # a container's may be too small


@pytest.fixture(scope="module")
def address(served) -> Iterator[str]:
    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    with listening(create_app(served, TinyNetwork(), Settings(rate=1e6))) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS, timeout=PATIENCE)
        yield made
        made.close()


@pytest.fixture
def page(browser, address: str) -> Iterator[object]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    made = context.new_page()
    troubles: list[str] = []
    made.on("pageerror", lambda error: troubles.append(str(error)))
    # A page that is left while it still loads its icon gives the request up itself; that is no trouble.
    made.on("requestfailed", lambda request: request.failure == "net::ERR_ABORTED" or troubles.append(request.url))
    strangers: list[str] = []
    made.on("request", lambda request: strangers.append(request.url))
    made.goto(address)
    made.wait_for_selector("#cameras input")
    yield made
    context.close()
    assert troubles == []
    assert [url for url in strangers if not url.startswith((address, "blob:"))] == []


def upload(page, number: int) -> None:
    page.set_input_files("#file", {"name": "person.png", "mimeType": "image/png", "buffer": coloured(number)})
    page.wait_for_selector(".card .score")


def scores(page) -> list[float]:
    return [float(text) for text in page.locator(".card .score").all_inner_texts()]


def test_a_picture_is_dropped_marked_right_and_searched_again(page) -> None:
    upload(page, 9)
    assert scores(page) == sorted(scores(page), reverse=True)
    assert scores(page)[0] == 1
    assert "person p2" in page.locator(".card").first.inner_text()
    assert page.locator("#line circle").count() == len(scores(page))
    refine = page.locator("#refine")
    assert refine.is_disabled()
    page.locator(".marks .yes").nth(0).click()
    page.locator(".marks .yes").nth(1).click()
    page.locator(".marks .no").nth(2).click()
    assert page.locator("[aria-pressed=true]").count() == 3
    refine.click()
    sync_api.expect(page.locator("#query img")).to_have_count(2)
    assert page.url.count("entry=") == 2
    sync_api.expect(page.locator("[aria-pressed=true]")).to_have_count(3)  # the marks go along
    page.locator(".card:not(.right, .wrong) .yes").first.click()
    refine.click()
    sync_api.expect(page.locator("#query img")).to_have_count(3)
    for pictures, marks in ((2, 4), (1, 3)):  # back to the uploaded picture, which the page still has
        page.go_back()
        sync_api.expect(page.locator("#query img")).to_have_count(pictures)
        sync_api.expect(page.locator("[aria-pressed=true]")).to_have_count(marks)
    page.locator(".card .wrong, .card.wrong .no").first.click()
    sync_api.expect(page.locator("[aria-pressed=true]")).to_have_count(2)
    page.locator(".card > button").nth(5).click()  # for another one nothing is marked yet
    sync_api.expect(page.locator(".card .score").first).to_have_text("1.000")
    sync_api.expect(page.locator("[aria-pressed=true]")).to_have_count(0)


def test_a_link_filters_and_the_way_back(page, address: str) -> None:
    page.goto(f"{address}?entry=1&camera=1&k=3")
    page.wait_for_selector(".card .score")
    assert page.locator(".card").count() == 3
    assert page.locator("[name=camera][value='1']").is_checked()
    assert all("camera 1" in text for text in page.locator(".card dl").all_inner_texts())
    page.locator("[name=camera][value='1']").uncheck()
    page.locator("#filters button").click()
    sync_api.expect(page.locator(".card dl", has_text="camera 0")).not_to_have_count(0)
    page.go_back()
    sync_api.expect(page.locator(".card dl", has_text="camera 0")).to_have_count(0)
    sync_api.expect(page.locator(".card")).to_have_count(3)


def test_one_in_the_gallery_is_picked_by_keyboard_alone(page) -> None:
    page.locator("#browse").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".card")
    assert page.locator(".marks").count() == 0
    page.locator(".card > button").nth(4).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".card .score")
    assert scores(page)[0] == 1
    assert "entry=5" in page.url


def test_what_was_found_is_saved(page) -> None:
    upload(page, 5)
    page.locator(".marks .yes").first.click()
    with page.expect_download() as download:
        page.locator("#csv").click()
    rows = download.value.path().read_text().splitlines()
    assert rows[0] == "id,similarity,camera,time,person,name,note,digest,marked"
    assert len(rows) == 1 + page.locator(".card").count()
    assert rows[1].endswith(",right")


def test_what_went_wrong_is_said(page, address: str) -> None:
    page.set_input_files("#file", {"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.wait_for_selector("#status.wrong")
    assert "not a picture" in page.inner_text("#status")
    page.goto(f"{address}?entry=999")
    page.wait_for_selector("#status.wrong")
    assert "there is no entry 999" in page.inner_text("#status")


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_cut_off_and_everything_has_a_name(page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    upload(page, 2)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([hidden]), a, main img')]
        .filter((one) => one.offsetParent)
        .filter((one) => !(one.innerText || one.alt || one.labels?.length || one.getAttribute('aria-label')))
        .map((one) => one.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("h1").count() == 1
    assert page.locator("[role=status]").count() == 1


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_axe_finds_nothing(browser, address: str, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    source = (Path(axe.__file__).parent / "axe.min.js").read_text("utf-8")
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(address)
    for upload_first in (False, True):
        if upload_first:
            upload(page, 3)
            page.locator(".marks .yes").first.click()
            page.locator(".marks .no").nth(1).click()
        page.evaluate(source)
        found = page.evaluate("axe.run()")["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    context.close()


def test_on_a_phone_what_is_done_is_seen_from_everywhere(page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}?entry=999999")
    page.wait_for_selector("#status.wrong")
    page.evaluate("scrollTo(0, 0)")
    place = page.locator("#status").bounding_box()
    assert place is not None
    assert 0 <= place["y"] <= 844 - place["height"] + 1
    assert page.locator("#filters").is_hidden()  # until it is opened
    page.locator("summary").click()
    assert page.locator("#filters [name=since]").is_visible()


def test_a_picture_of_before_is_not_taken_for_another(page) -> None:
    upload(page, 9)
    first = page.locator("#query img").get_attribute("src")
    page.reload()
    sync_api.expect(page.locator("#status")).to_contain_text("not kept any more")
    upload(page, 14)
    assert page.locator("#query img").get_attribute("src") != first
    page.go_back()
    sync_api.expect(page.locator("#status")).to_contain_text("not kept any more")
    page.go_forward()
    page.wait_for_selector(".card .score")
    assert "person p3" in page.locator(".card").first.inner_text()


def test_pictures_of_long_before_are_let_go(page) -> None:
    page.evaluate(
        "() => { window.gone = []; const real = URL.revokeObjectURL.bind(URL);"
        "URL.revokeObjectURL = (address) => { window.gone.push(address); real(address); }; }"
    )
    for number in range(22):  # two more than are kept
        page.set_input_files("#file", {"name": "x.png", "mimeType": "image/png", "buffer": coloured(number)})
    page.wait_for_function("() => window.gone.length === 2")


def test_the_way_in_by_a_token(browser, served) -> None:
    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    token = "a token for the browser"
    app = create_app(served, TinyNetwork(), Settings(token=token, rate=1e6))
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    with listening(app) as address:
        page = context.new_page()
        page.goto(address)
        for given, says in (("not the token at all", "Give the gallery's token"), (token, "That is not the token")):
            page.wait_for_selector("#login")
            sync_api.expect(page.locator("#status")).to_contain_text(says)
            page.locator("#token").fill(given)
            page.keyboard.press("Enter")
            if given != token:
                page.wait_for_url("**/?wrong-token")
        page.wait_for_selector("#cameras input")
        assert page.locator("#login").is_hidden()
        upload(page, 3)
        assert token not in page.url
        (cookie,) = [one for one in context.cookies() if one["name"] == "cdnet-session"]
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        assert token not in cookie["value"]
        page.locator("#logout button").click()
        page.wait_for_selector("#login")
        assert context.cookies() == []
        page.goto(f"{address}?entry=1")
        page.wait_for_selector("#login")
        assert page.locator("#logout").is_hidden()
        context.close()


LONG = "word " * 13_000
RIGHT_TO_LEFT = "الكاميرا عند المدخل الرئيسي"


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> Iterator[str]:
    """Where a gallery of 150 pictures is served: the first with texts that are long, the second from right to left,
    and of the others neither camera nor person is known."""
    import numpy as np

    from cdnet.gallery import NewEntry
    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    with filled(tmp_path_factory.mktemp("odd"), count=0) as gallery:
        known = [
            {"camera": "long camera " * 300, "person": "p" * 4000, "note": LONG},
            {"camera": RIGHT_TO_LEFT, "person": "محمد", "note": "line 1\nline 2"},
        ]
        time = datetime(2026, 11, 20, tzinfo=UTC)
        entries = [
            NewEntry(bytes([number]) * 32, f"{'n' * 250}.png", time=time, **(known[number] if number < 2 else {}))
            for number in range(150)
        ]
        features = np.random.default_rng(0).normal(size=(150, DIMENSIONS))
        features[1] = features[0]  # the second is found next to the first
        gallery.add(entries, features)
        with listening(create_app(gallery, TinyNetwork(), Settings(rate=1e6))) as address:
            yield address


@pytest.fixture(scope="module")
def untimed(tmp_path_factory) -> Iterator[str]:
    """Where a gallery of three pictures of an unknown time is served."""
    import numpy as np

    from cdnet.gallery import NewEntry
    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    with filled(tmp_path_factory.mktemp("untimed"), count=0) as gallery:
        gallery.add([NewEntry(bytes([number]) * 32) for number in range(3)], np.eye(3, DIMENSIONS))
        with listening(create_app(gallery, TinyNetwork(), Settings(rate=1e6))) as address:
            yield address


@pytest.fixture
def phone(browser) -> Iterator[object]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def test_long_texts_stay_in_their_cards(phone, odd: str) -> None:
    phone.goto(f"{odd}?entry=1&k=2")
    phone.wait_for_selector(".card .score")
    assert phone.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    first = phone.locator(".card").first
    height = first.bounding_box()["height"]
    assert height < 1000
    note = first.locator("details.note")
    assert note.locator("div").is_hidden()
    note.locator("summary").focus()
    phone.keyboard.press("Enter")
    assert note.locator("div").text_content() == LONG
    assert note.locator("div").is_visible()
    assert first.bounding_box()["height"] < height + 300
    assert len(first.locator("button").first.get_attribute("aria-label")) < 400
    assert phone.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_each_text_has_its_own_direction(phone, odd: str) -> None:
    phone.goto(f"{odd}?entry=2&k=2")
    phone.wait_for_selector(".card .score")
    camera = phone.locator(".card bdi", has_text=RIGHT_TO_LEFT)
    assert camera.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
    assert phone.locator("body").evaluate("(one) => getComputedStyle(one).direction") == "ltr"
    assert phone.locator(".card bdi.note").inner_text() == "line 1\nline 2"


def test_more_of_the_gallery_goes_on_where_one_is(phone, odd: str) -> None:
    phone.goto(odd)
    phone.wait_for_selector("#cameras input", state="attached")
    phone.locator("#browse").focus()
    phone.keyboard.press("Enter")
    sync_api.expect(phone.locator(".card")).to_have_count(60)
    assert "camera not known" in phone.locator(".card").nth(2).inner_text()
    for shown in (120, 150):
        phone.locator("#more").focus()
        phone.keyboard.press("Enter")
        sync_api.expect(phone.locator(".card")).to_have_count(shown)
        new = f".card:nth-child({61 if shown == 120 else 121}) > button"
        assert phone.evaluate(f"document.activeElement === document.querySelector({new!r})")
    assert phone.locator("#more").is_hidden()


def test_an_empty_gallery_says_what_to_do(phone, tmp_path) -> None:
    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    with filled(tmp_path, count=0) as gallery, listening(create_app(gallery, TinyNetwork(), Settings())) as address:
        phone.goto(address)
        sync_api.expect(phone.locator("#hint-empty")).to_be_visible()
        assert "cdnet gallery add" in phone.inner_text("#hint")
        assert phone.locator("#cameras").is_hidden()
        assert phone.inner_text("#about") == "an empty gallery"
        for way, says in (("browse=1", "This gallery is empty."), ("entry=1", "there is no entry 1")):
            phone.goto(f"{address}?{way}")
            sync_api.expect(phone.locator("#status")).to_contain_text(says)


def test_what_is_printed_is_dark_on_light_whatever_the_screen(phone, address: str) -> None:
    phone.goto(f"{address}?entry=1")
    phone.wait_for_selector(".card .score")
    ink = "(one) => getComputedStyle(one).color"
    on_screen = phone.locator("#results").evaluate(ink)
    phone.emulate_media(media="print")
    printed = phone.locator("#results").evaluate(ink)
    assert sum(map(int, printed[4:-1].split(","))) < 200 < sum(map(int, on_screen[4:-1].split(",")))
    assert phone.locator(".card .marks").first.is_hidden()
    assert phone.locator("#csv").is_hidden()
    assert phone.locator(".card .score").first.is_visible()


def test_all_that_was_found_is_printed(phone, address: str) -> None:
    phone.add_init_script(
        "window.print = () => { dispatchEvent(new Event('beforeprint'));"
        "window.paper = [...document.querySelectorAll('.card img')].map((one) => one.naturalWidth); }"
    )
    phone.goto(f"{address}?entry=1&camera=1&camera=2")
    phone.wait_for_selector(".card .score")
    assert phone.locator("#printed").is_hidden()
    phone.locator("#print").click()
    phone.wait_for_function("() => window.paper")
    widths = phone.evaluate("window.paper")
    assert len(widths) == phone.locator(".card").count() == 16
    assert all(widths), "a picture that was never scrolled to is printed, too"
    phone.emulate_media(media="print")
    assert "cameras 1, 2; at most 40 pictures" in phone.inner_text("#printed")
    sync_api.expect(phone.locator("#status")).to_contain_text("threshold")


def test_what_a_time_leaves_out_is_said(phone, untimed: str) -> None:
    phone.goto(f"{untimed}?entry=1&k=5&since=2026-01-01T00:00:00Z")
    sync_api.expect(phone.locator("#status")).to_contain_text("Left out: 3 of the gallery whose time is not known")
    phone.goto(f"{untimed}?entry=1&k=5")
    sync_api.expect(phone.locator(".card .score")).to_have_count(3)
    assert "Left out" not in phone.inner_text("#status")


def test_a_gallery_that_does_not_answer_at_first(phone, address: str) -> None:
    phone.route("**/api/stats", lambda route: route.fulfill(status=503, json={"error": "the database is away"}))
    phone.goto(address)
    sync_api.expect(phone.locator("#status")).to_contain_text("the database is away")
    phone.unroute("**/api/stats")
    phone.locator("#browse").click()
    phone.wait_for_selector(".card")
    phone.wait_for_selector("#cameras input", state="attached")
    assert "24 pictures of 3 cameras" in phone.inner_text("#about")


def test_what_cannot_be_searched_for_is_said(phone, address: str) -> None:
    phone.goto(address)
    drop = """(names) => {
      const dropped = new DataTransfer();
      for (const name of names) dropped.items.add(new File(["x"], name, { type: "image/png" }));
      dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, cancelable: true }));
    }"""
    phone.wait_for_selector("#cameras input", state="attached")
    phone.evaluate(drop, ["a.png", "b.png"])
    sync_api.expect(phone.locator("#status")).to_contain_text("one picture at a time, not 2")
    phone.evaluate(drop, [])
    sync_api.expect(phone.locator("#status")).to_contain_text("is no file")
    large = {"name": "large.png", "mimeType": "image/png", "buffer": b"x" * (21 << 20)}
    phone.set_input_files("#file", large)
    sync_api.expect(phone.locator("#status")).to_contain_text("a picture may have 20,971,520 bytes")
