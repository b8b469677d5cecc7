from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg

import cdnet.data.cache as cache
import cdnet.data.threads as threads
from cdnet.data.cache import CachedPictures, cached_pictures, default_cache_folder
from cdnet.data.pictures import Picture
from cdnet.errors import CdnetError

Pixels = npt.NDArray[np.uint8]
Save = Callable[..., Path]
SIZE = (32, 16)


@pytest.fixture
def source(tmp_path: Path, save: Save) -> list[Picture]:
    return [Picture(save(tmp_path / "source" / f"{n}.jpg", n), f"person {n % 3}", str(n % 2)) for n in range(7)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def get(source: Iterable[Picture], folder: Path, **options: Any) -> CachedPictures:
    return cached_pictures(tuple(source), SIZE, "place", folder, **options)


def directly(pictures: Iterable[Picture]) -> Pixels:
    """Decode and shrink without the code under test."""
    decoded = [simplejpeg.decode_jpeg(picture.path.read_bytes()) for picture in pictures]
    return np.stack([np.asarray(cv2.resize(x, SIZE[::-1], interpolation=cv2.INTER_AREA)) for x in decoded])


def holds(cached: CachedPictures, pictures: Iterable[Picture]) -> None:
    pictures = tuple(pictures)
    assert cached.pictures == pictures
    assert len(cached) == len(pictures)
    assert np.array_equal(cached.pixels, directly(pictures))


def files(folder: Path) -> dict[str, int]:
    """Count what the cache's folder has by kind; a temporary file's name starts with a dot."""
    kinds = [".tmp" if path.name.startswith(".") else path.suffix for path in folder.iterdir()]
    return {kind: kinds.count(kind) for kind in sorted(kinds) if kind != ".lock"}


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def forbid() -> None:
        def fail(path: Path) -> Pixels:
            raise AssertionError(f"{path} was decoded again")

        monkeypatch.setattr(cache, "open_picture", fail)

    return forbid


def test_pixels_are_those_decoded_directly(source: list[Picture], folder: Path) -> None:
    holds(get(source, folder), source)
    assert files(folder) == {".json": 1, ".u8": 1}


def test_more_pictures_than_a_chunk(source: list[Picture], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "CHUNK", 3)
    holds(get(source, folder), source)


def test_the_second_time_nothing_is_decoded(
    source: list[Picture], folder: Path, no_decoding: Callable[[], None]
) -> None:
    get(source, folder)
    no_decoding()
    holds(get(source, folder), source)


def test_identities_and_cameras_are_not_cached(
    source: list[Picture], folder: Path, no_decoding: Callable[[], None]
) -> None:
    get(source, folder)
    no_decoding()
    renamed = [Picture(picture.path, "somebody else") for picture in source]
    holds(get(renamed, folder), renamed)


def test_the_mapping_is_read_only(source: list[Picture], folder: Path) -> None:
    pixels = get(source, folder).pixels
    assert isinstance(pixels, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def touched(source: list[Picture], _save: Save) -> list[Picture]:
    os.utime(source[2].path, ns=(0, 0))
    return source


def replaced(source: list[Picture], save: Save) -> list[Picture]:
    save(source[2].path, 70)
    return source


def replaced_in_disguise(source: list[Picture], save: Save) -> list[Picture]:
    # Another picture of the same length with the same time, as `cp -p` or an archive leaves it.
    path, before = source[2].path, source[2].path.stat()
    negative = simplejpeg.encode_jpeg(255 - simplejpeg.decode_jpeg(path.read_bytes()), quality=40)
    path.write_bytes(negative.ljust(before.st_size, b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    return source


def added(source: list[Picture], save: Save) -> list[Picture]:
    return [*source, Picture(save(source[0].path.with_name("new.jpg"), 71), "new")]


def removed(source: list[Picture], _save: Save) -> list[Picture]:
    source[3].path.unlink()
    return source[:3] + source[4:]


def reordered(source: list[Picture], _save: Save) -> list[Picture]:
    return source[::-1]


@pytest.mark.parametrize("change", [touched, replaced, replaced_in_disguise, added, removed, reordered])
def test_a_changed_source_is_decoded_anew_and_the_old_pixels_go(
    source: list[Picture], folder: Path, save: Save, change: Callable[..., list[Picture]]
) -> None:
    get(source, folder)
    (old,) = folder.glob("*.u8")
    changed = change(source, save)
    holds(get(changed, folder), changed)
    assert not old.exists()
    assert files(folder) == {".json": 1, ".u8": 1}


def test_an_older_mapping_keeps_its_pixels_while_another_rebuilds(
    source: list[Picture], folder: Path, save: Save
) -> None:
    before = directly(source)
    old = get(source, folder)
    for n, picture in enumerate(source):
        save(picture.path, 50 + n)
    holds(get(source, folder), source)
    assert np.array_equal(old.pixels, before)
    # And so does a mapping of pixels that were damaged later, and replaced under the same name.
    new, now = get(source, folder), directly(source)
    (pixels,) = folder.glob("*.u8")
    (index,) = folder.glob("*.json")
    index.unlink()
    inode = pixels.stat().st_ino
    holds(get(source, folder), source)
    assert pixels.stat().st_ino != inode
    assert np.array_equal(new.pixels, now)


def test_the_mapping_is_made_before_another_may_replace_it(
    source: list[Picture], folder: Path, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    # While the pixels are mapped, the lock is held: otherwise another process could delete them in between.
    tried = []
    map_pixels = cache.map_pixels

    def spying(file: Path, *arguments: Any, **options: Any) -> Any:
        (lock,) = folder.glob("*.lock")
        command = "import sys, filelock\nfilelock.FileLock(sys.argv[1]).acquire(timeout=0.1)"
        tried.append(subprocess.run([sys.executable, "-c", command, lock], capture_output=True, text=True, check=False))
        return map_pixels(file, *arguments, **options)

    monkeypatch.setattr(cache, "map_pixels", spying)
    get(source, folder)
    assert len(tried) == 1
    assert "Timeout" in tried[0].stderr


def test_each_size_and_each_place_has_its_own(source: list[Picture], folder: Path) -> None:
    get(source, folder)
    other_size = cached_pictures(source, (48, 24), "place", folder)
    assert other_size.pixels.shape == (7, 48, 24, 3)
    cached_pictures(source[:2], SIZE, "another place", folder)
    assert files(folder) == {".json": 3, ".u8": 3}
    holds(get(source, folder), source)


def test_broken_pictures_are_left_out_and_reported_warm_too(
    source: list[Picture], folder: Path, save: Save, no_decoding: Callable[[], None]
) -> None:
    cut, empty, text, gone = (source[n].path for n in (0, 2, 5, 6))
    cut.write_bytes(cut.read_bytes()[:-40])
    empty.write_bytes(b"")
    text.write_text("not a picture")
    gone.unlink()
    good = [source[n] for n in (1, 3, 4)]
    cold = get(source, folder)
    no_decoding()
    warm = get(source, folder)
    for cached in (cold, warm):
        holds(cached, good)
        assert [problem.split(": ")[0] for problem in cached.broken] == [str(p) for p in (cut, empty, text, gone)]
    assert cold.broken == warm.broken
    assert "No such file" in cold.broken[3]


def test_a_mended_picture_comes_back(source: list[Picture], folder: Path, save: Save) -> None:
    source[1].path.unlink()
    assert len(get(source, folder)) == 6
    save(source[1].path, 1)
    cached = get(source, folder)
    holds(cached, source)
    assert cached.broken == ()


def test_a_missing_picture_is_called_by_its_name(source: list[Picture], folder: Path) -> None:
    for name in ("gone.jpg", "away.jpg"):
        path = source[0].path.with_name(name)
        assert get([*source, Picture(path, "x")], folder).broken == (f"{path}: No such file or directory",)


def test_the_list_of_an_older_source_is_not_read_for_newer_pixels(
    source: list[Picture], folder: Path, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pixels were replaced, and then the disk was full: the index still says that picture 0 is broken, not 1.
    source[0].path.write_bytes(b"")
    get(source, folder)
    save(source[0].path, 0)
    source[1].path.write_bytes(b"")
    with monkeypatch.context() as full:
        full.setattr(cache, "write_text", lambda *_: (_ for _ in ()).throw(CdnetError("the disk is full")))
        with pytest.raises(CdnetError, match="the disk is full"):
            get(source, folder)
    assert files(folder) == {".json": 1, ".u8": 2}
    holds(get(source, folder), [source[0], *source[2:]])


def test_nothing_readable_gives_no_pixels(source: list[Picture], folder: Path) -> None:
    for picture in source:
        picture.path.write_bytes(b"")
    for _ in range(2):
        cached = get(source, folder)
        assert len(cached) == 0
        assert cached.pixels.shape == (0, *SIZE, 3)
        assert len(cached.broken) == 7


def test_names_that_are_not_utf8(tmp_path: Path, folder: Path, save: Save) -> None:
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    strange.write_bytes(save(tmp_path / "plain.jpg").read_bytes())
    broken = Path(os.fsdecode(os.fsencode(tmp_path) + b"/broken\xe9.jpg"))
    broken.touch()
    pictures = [Picture(strange, "a"), Picture(broken, "a"), Picture(Path("a\0b.jpg"), "a")]
    for _ in range(2):
        cached = cached_pictures(pictures, SIZE, str(strange), folder)
        holds(cached, pictures[:1])
        assert len(cached.broken) == 2


def shortened(pixels: Path, _index: Path) -> None:
    with pixels.open("r+b") as file:
        file.truncate(pixels.stat().st_size - 1)


def lengthened(pixels: Path, _index: Path) -> None:
    with pixels.open("ab") as file:
        file.write(b"\0")


def deleted(pixels: Path, _index: Path) -> None:
    pixels.unlink()


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path, Path], None]:
    def edit(_pixels: Path, index: Path) -> None:
        content = json.loads(index.read_text())
        change(content)
        index.write_text(json.dumps(content))

    return edit


def rubbish(text: bytes) -> Callable[[Path, Path], None]:
    return lambda _pixels, index: index.write_bytes(text) and None


@pytest.mark.parametrize(
    "damage",
    [
        shortened,
        lengthened,
        deleted,
        rubbish(b""),
        rubbish(b"{"),
        rubbish(b"[]"),
        rubbish(b"null"),
        rubbish(b"\xff\xfe"),
        rubbish(b"{}"),
        edited(lambda index: index.pop("broken")),
        edited(lambda index: index.pop("pixels")),
        edited(lambda index: index.update(broken=[])),
        edited(lambda index: index.update(broken={"3": "not so"})),
        edited(lambda index: index.update(broken={"99": "no such picture"})),
        edited(lambda index: index.update(pixels="../elsewhere")),
    ],
)
def test_a_damaged_cache_is_rebuilt(source: list[Picture], folder: Path, damage: Callable[[Path, Path], None]) -> None:
    get(source, folder)
    (pixels,), (index,) = folder.glob("*.u8"), folder.glob("*.json")
    damage(pixels, index)
    cached = get(source, folder)
    holds(cached, source)
    assert cached.broken == ()
    assert files(folder) == {".json": 1, ".u8": 1}


def test_progress_sees_every_picture(source: list[Picture], folder: Path) -> None:
    calls = []

    def progress(items: Iterable[Any], description: str, total: int) -> Iterator[Any]:
        items = list(items)
        calls.append((len(items), total, description))
        yield from items

    get(source, folder, progress=progress)
    assert calls == [(7, 7, "decoding pictures")]
    get(source, folder, progress=progress)
    assert len(calls) == 1


def remains(source: list[Picture], folder: Path, before: dict[str, bytes]) -> None:
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".u8", ".json")}
    assert {name: after.get(name) for name in before} == before
    assert ".tmp" not in files(folder)


@pytest.mark.parametrize("when", [1, 2])
def test_a_full_disk_is_said_and_the_old_cache_remains(
    source: list[Picture],
    folder: Path,
    save: Save,
    monkeypatch: pytest.MonkeyPatch,
    no_decoding: Callable[[], None],
    when: int,
) -> None:
    get(source, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".u8", ".json")}
    assert len(before) == 2
    old = [path.path.read_bytes() for path in source]
    larger = [*source, Picture(save(source[0].path.with_name("new.jpg"), 71), "new")]
    calls = []

    def fsync(file: int) -> None:
        calls.append(file)
        if len(calls) == when:  # the first is for the pixels, the second for the index
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(CdnetError, match="the disk is full"):
            get(larger, folder)
    remains(source, folder, before)
    assert [path.path.read_bytes() for path in source] == old
    with monkeypatch.context():
        no_decoding()
        holds(get(source, folder), source)


def test_after_a_full_disk_it_works_again(source: list[Picture], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", lambda _file: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        with pytest.raises(CdnetError, match="the disk is full"):
            get(source, folder)
    holds(get(source, folder), source)


def test_ctrl_c_while_decoding_leaves_the_old_cache(source: list[Picture], folder: Path, save: Save) -> None:
    get(source, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".u8", ".json")}
    save(source[0].path, 70)

    def stopped(items: Iterable[Any], _description: str, _total: int) -> Iterator[Any]:
        yield next(iter(items))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(source, folder, progress=stopped)
    remains(source, folder, before)
    holds(get(source, folder), source)  # and the lock is free


def test_a_folder_that_cannot_be_made(source: list[Picture], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CdnetError, match="file could not be written"):
        get(source, tmp_path / "file")


def test_the_default_folder_follows_xdg(source: list[Picture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache_folder() == tmp_path / "xdg" / "cdnet"
    holds(cached_pictures(source, SIZE, "place"), source)
    assert files(tmp_path / "xdg" / "cdnet") == {".json": 1, ".u8": 1}
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_cache_folder() == tmp_path / "home" / ".cache" / "cdnet"


def test_without_a_home_the_way_out_is_told(
    source: list[Picture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(CdnetError, match=r"no home folder; name a folder for decoded pictures with --data\.cache"):
        cached_pictures(source, SIZE, "place")
    (tmp_path / "file").touch()
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "file")
    with pytest.raises(CdnetError, match=r"could not be made: .*; name a folder .* --data\.cache"):
        cached_pictures(source, SIZE, "place")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(CdnetError, match=r"may not be written; name a folder .* --data\.cache"):
        cached_pictures(source, SIZE, "place")
    holds(cached_pictures(source, SIZE, "place", tmp_path / "given"), source)


# Other processes. Each notes every picture it decodes as a line of a log.
OTHER = """
import os, resource, sys, time
from pathlib import Path
import cdnet.data.cache as cache
from cdnet.data.pictures import Picture
from cdnet.errors import CdnetError

source, folder, log, pause = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
limit, stops_at = sys.argv[5:]
read = cache.open_picture

def noted(path):
    with open(log, "a") as file:
        file.write(f"{os.getpid()} {path.name}\\n")
    time.sleep(600 if path.name == stops_at else pause)
    return read(path)

cache.open_picture = noted
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
pictures = [Picture(path, "x") for path in sorted(source.iterdir())]
try:
    cached = cache.cached_pictures(pictures, (32, 16), "place", folder)
except CdnetError as error:
    sys.exit(f"said: {error}")
print(cached.pixels.tobytes().hex())
"""


def other(
    source: list[Picture], folder: Path, log: Path, pause: float = 0, limit: int = 0, stops_at: str = ""
) -> subprocess.Popen[str]:
    arguments = [str(source[0].path.parent), str(folder), str(log), str(pause), str(limit), stops_at]
    return subprocess.Popen(
        [sys.executable, "-c", OTHER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 600
    while not happened():
        assert time.monotonic() < end, "waited in vain"
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_two_processes_at_once_build_it_once(source: list[Picture], folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    both = [other(source, folder, log, pause=0.05) for _ in range(2)]
    expected = directly(source).tobytes().hex()
    for process in both:
        out, problem = process.communicate(timeout=600)
        assert process.returncode == 0, problem
        assert out.strip() == expected
    noted = log.read_text().split("\n")[:-1]
    assert sorted(line.split()[1] for line in noted) == [f"{n}.jpg" for n in range(7)]
    assert len({line.split()[0] for line in noted}) == 1
    assert files(folder) == {".json": 1, ".u8": 1}


def test_a_killed_build_leaves_nothing_that_is_read_and_is_cleaned_up(
    source: list[Picture], folder: Path, tmp_path: Path, save: Save, no_decoding: Callable[[], None]
) -> None:
    get(source, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".u8", ".json")}
    os.utime(source[0].path, ns=(0, 0))
    # Large enough that part of it is written out before the end.
    many = [*source, *(Picture(save(source[0].path.with_name(f"x{n}.jpg"), n), "x") for n in range(60))]
    process = other(many, folder, tmp_path / "log", stops_at="x40.jpg")
    wait_for(lambda: any(path.name.startswith(".") and path.stat().st_size for path in folder.iterdir()), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert files(folder)[".tmp"] == 1
    assert {name: (folder / name).read_bytes() for name in before} == before
    holds(get(many, folder), many)
    assert files(folder) == {".json": 1, ".u8": 1}
    no_decoding()
    holds(get(many, folder), many)


def test_a_file_system_that_stops_taking_bytes(source: list[Picture], folder: Path, tmp_path: Path) -> None:
    process = other(source, folder, tmp_path / "log", limit=4000)  # the pixels are 10,752 bytes
    out, problem = process.communicate(timeout=600)
    assert process.returncode == 1
    assert out == ""
    assert problem.startswith("said: ")
    assert "could not be written: File too large" in problem
    assert problem.count("\n") == 1
    assert files(folder) == {}
    holds(get(source, folder), source)


FULL = """
import sys
from pathlib import Path
from cdnet.data.cache import cached_pictures
from cdnet.data.pictures import Picture
from cdnet.errors import CdnetError

source, disk = Path(sys.argv[1]), Path(sys.argv[2])
pictures = [Picture(path, "x") for path in sorted(source.iterdir())]
first = cached_pictures(pictures[:2], (32, 16), "place", disk).pixels.tobytes()
before = {path.name: path.read_bytes() for path in disk.iterdir()}
try:
    cached_pictures(pictures, (32, 16), "place", disk)
except CdnetError as error:
    print(error)
after = {path.name: path.read_bytes() for path in disk.iterdir()}
print("as it was" if after == before else f"{sorted(before)} {sorted(after)}")
again = cached_pictures(pictures[:2], (32, 16), "place", disk).pixels.tobytes()
print("and whole" if again == first else "and wrong")
"""


def test_a_disk_that_is_really_full(source: list[Picture], tmp_path: Path) -> None:
    # A file system of 16 kilobytes in a mount namespace of its own, which ends with the process.
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    script = 'mount -t tmpfs -o size=16k tmpfs "$1" || exit 77; shift; exec "$@"'
    command = [*mount, script, "sh", disk, sys.executable, "-c", FULL, source[0].path.parent, disk]
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip("mounting a small file system is not allowed here")
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    assert "the disk is full" in lines[0]
    assert lines[1:] == ["as it was", "and whole"]


def test_pictures_that_were_turned_are_known_warm_too(tmp_path: Path, folder: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (40, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "plain.png")
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    (tmp_path / "broken.png").write_bytes(b"")
    source = [Picture(tmp_path / name, "x") for name in ("broken.png", "plain.png", "turned.png")]
    cold, warm = get(source, folder), get(source, folder)
    assert cold.turned == warm.turned == (tmp_path / "turned.png",)
    assert not np.array_equal(warm.pixels[0], warm.pixels[1])


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"pixels": 1}', "5", '{"pixels": "x", "broken": {}, "turned": ["a"]}']
)
def test_an_index_of_other_content_is_built_anew(source: list[Picture], folder: Path, text: str) -> None:
    get(source, folder)
    index = next(folder.glob("*.json"))
    index.write_text(text, "utf-8")
    holds(get(source, folder), source)
    assert index.read_text("utf-8") != text


def test_a_cache_that_is_cut_short_while_it_is_in_use_is_one_sentence(source: list[Picture], folder: Path) -> None:
    found = get(source, folder)
    (file,) = folder.glob("*.u8")
    whole = np.array(found.pixels)
    assert np.array_equal(found.pixels[[1, 0]], whole[[1, 0]])
    assert np.array_equal(found.pixels[1:][0], whole[1])
    part = found.pixels[1:]
    os.truncate(file, 100)
    for pixels, index in ((found.pixels, 0), (found.pixels, [0, 1]), (found.pixels, slice(0, 1)), (part, 0)):
        with pytest.raises(CdnetError, match="was cut short while it was in use"):
            pixels[index]
    holds(get(source, folder), source)
