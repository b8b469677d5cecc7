"""Who may ask: whoever shows the token, or the cookie of a session that was begun with it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers

COOKIE = "cdnet-session"
SESSIONS = 1_000
"""Sessions that are open at once; of more, the oldest ends."""
SESSION_SECONDS = 12 * 3600
"""How long a session lasts, whatever is done in it."""


class Sessions:
    """Browsers that have shown the token; what they keep in a cookie is not the token itself.

    Neither the token nor a cookie is kept as it is, only its SHA-256: what is compared or looked up has one length, and
    a time that depends on it tells nothing of the secret.
    """

    def __init__(self, token: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = None if token is None else _digest(token)
        self._clock = clock
        self._open: OrderedDict[bytes, float] = OrderedDict()

    @property
    def needed(self) -> bool:
        """Whether there is a token at all."""
        return self._token is not None

    def is_token(self, given: str) -> bool:
        """Compare a text with the token in a time that tells nothing."""
        return self._token is not None and hmac.compare_digest(_digest(given), self._token)

    def begin(self) -> str:
        """Return the secret of a new session."""
        made = secrets.token_urlsafe(32)
        self._open[_digest(made)] = self._clock() + SESSION_SECONDS
        if len(self._open) > SESSIONS:
            self._open.popitem(last=False)
        return made

    def admits(self, headers: Headers) -> bool:
        """Tell whether a request shows the token, or the cookie of a session that has not ended."""
        if self._token is None:
            return True
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.is_token(given.strip())
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return COOKIE in cookies and self._lasts(_digest(cookies[COOKIE].value))

    def _lasts(self, session: bytes) -> bool:
        ends = self._open.get(session)
        if ends is not None and self._clock() >= ends:
            del self._open[session]
            ends = None
        return ends is not None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
