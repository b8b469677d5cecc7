"""``cdnet serve``: a gallery over HTTP."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from cdnet.cli.arguments import UsageError, parser
from cdnet.cli.termination import TerminatedError, closing_when_terminated
from cdnet.errors import CdnetError
from cdnet.shown_text import say

MOST_TOKEN = 4096
"""Bytes of the file with a token; headers of requests are hardly longer."""

PATIENCE = 5.0
"""Seconds that a request waits for a database that has gone away."""


def main(words: list[str]) -> None:
    """Serve a gallery until Ctrl-C or a termination signal."""
    made = parser("serve", "Serve a gallery as a page and as an API, to this machine alone unless a token is given.")
    made.add_argument("--gallery", required=True, help="folder of the gallery, or postgresql://... of its database")
    made.add_argument("--read-from", help="postgresql://... of a replica that is asked instead")
    made.add_argument("--weights", help="where the gallery's network is now; with --add, of a new gallery")
    made.add_argument("--add", type=Path, nargs="+", help="first add these pictures, to a new gallery if there is none")
    made.add_argument(
        "--false-match-rate",
        type=float,
        help="with --add: find the threshold for this share of other people's pairs, on the gallery's own entries",
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen at; any but this machine's needs a token")
    made.add_argument("--port", type=int, default=8000, help="0 for any that is free")
    made.add_argument("--token-file", type=Path, help="file with the token that every request has to show")
    made.add_argument("--name", nargs="+", default=[], help="further host names by which browsers call the server")
    made.add_argument("--proxy", nargs="+", default=[], help="addresses of proxies before it, which say who asks")
    made.add_argument("--certificate", type=Path, help="PEM file, to speak https; with --key")
    made.add_argument("--key", type=Path, help="PEM file of the certificate's private key")
    made.add_argument("--most-bytes", type=int, default=20 << 20, help="of an uploaded picture")
    made.add_argument("--waiting", type=int, default=64, help="pictures that may wait for their features")
    made.add_argument("--rate", type=float, default=60, help="searches and changes a second of one client")
    options = made.instantiate(made.read(words))

    from cdnet.serve.settings import Settings, is_loopback

    settings = Settings(
        options.host,
        options.port,
        _token(options.token_file),
        tuple(options.name),
        tuple(options.proxy),
        options.certificate,
        options.key,
        options.most_bytes,
        waiting=options.waiting,
        rate=options.rate,
    )
    try:
        from cdnet.serve.app import create_app
        from cdnet.serve.listening import listen, server_of, shown_url
    except ImportError as error:
        raise CdnetError(f"serving needs {error.name}; install it with pip install 'cdnet-reid[serve]'") from None
    from cdnet.gallery import open_gallery

    if options.add is None and options.false_match_rate is not None:
        raise UsageError("--false-match-rate goes with --add; of a gallery that is there: cdnet gallery calibrate")
    if options.add is not None:
        with closing_when_terminated():
            _make_and_add(options)
    with (
        closing_when_terminated(),
        listen(settings) as taken,
        open_gallery(options.gallery, read_from=options.read_from, patience=PATIENCE) as gallery,
        # When its requests are answered, the server hands the signal on that ended it.
        suppress(TerminatedError),
    ):
        app = create_app(gallery, gallery.network.open(options.weights), settings)
        server = server_of(app, settings)
        say(f"the gallery is at {shown_url(settings, taken)}; Ctrl-C ends it")
        if not (is_loopback(settings.host) or settings.encrypted or settings.proxies):
            say("the token and all pictures travel unencrypted; --certificate and --key, or a proxy, prevent that")
        server.run(sockets=[taken])


def _make_and_add(options: Any) -> None:
    """Do what ``cdnet gallery create``, ``add`` and ``calibrate`` do, where there is something to do."""
    from cdnet.cli.gallery import add, create
    from cdnet.cli.gallery_upkeep import calibrate
    from cdnet.gallery import open_gallery
    from cdnet.gallery.embedded import NoGalleryError

    try:
        opened = open_gallery(options.gallery)
    except NoGalleryError as error:
        if options.weights is None:
            raise CdnetError(f"{error}; or say here by --weights whose features it is to hold") from None
        create(["--gallery", options.gallery, "--weights", options.weights])
        opened = open_gallery(options.gallery)
    weights = [] if options.weights is None else ["--weights", options.weights]
    with opened as gallery:  # whose server runs meanwhile
        add([*map(str, options.add), "--gallery", options.gallery, *weights])
        if options.false_match_rate is not None and gallery.calibration() is None:
            calibrate(["--gallery", options.gallery, "--false-match-rate", str(options.false_match_rate)])


def _token(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        with file.open("rb") as opened:  # which may be a shell's pipe, <(...)
            token = opened.read(MOST_TOKEN + 1)
        if len(token) > MOST_TOKEN:
            raise CdnetError(f"{file}: more than the {MOST_TOKEN:,} bytes that a token may have")
        return token.decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CdnetError(f"{file}: no token could be read from it ({error})") from None
