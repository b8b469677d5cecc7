"""Who may ask: whoever shows the token, or the cookie of a session that was begun with it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers

COOKIE = "cdnet-session"
MARK = "cdnet-open"
"""Cookie that tells the page, which cannot read the other one, that there is a session to be ended."""
SESSION_SECONDS = 12 * 3600
"""How long a session lasts, whatever is done in it."""


class Sessions:
    """Browsers that have shown the token; what they keep in a cookie is not the token itself.

    A cookie says when its session ends, under a seal that only who knows the token can make. Nothing of it is kept:
    each of several servers with one token admits a session that another one has begun, and all end with the token.
    """

    def __init__(self, token: str | None, clock: Callable[[], float] = time.time) -> None:
        self._token = None if token is None else hashlib.sha256(token.encode()).digest()
        # Slow to compute, so that a stolen cookie does not help to guess the token.
        self._key = None if token is None else hashlib.scrypt(token.encode(), salt=b"cdnet session", n=2**14, r=8, p=1)
        self._clock = clock

    def is_token(self, given: str) -> bool:
        """Compare a text with the token in a time that tells nothing."""
        found = hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()
        return self._token is not None and hmac.compare_digest(found, self._token)

    def begin(self) -> str:
        """Return the cookie of a new session."""
        about = f"{int(self._clock()) + SESSION_SECONDS}.{secrets.token_urlsafe(16)}"
        return f"{about}.{self._seal(about)}"

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
        return COOKIE in cookies and self._lasts(cookies[COOKIE].value)

    def _lasts(self, cookie: str) -> bool:
        about, _, seal = cookie.rpartition(".")
        if not hmac.compare_digest(seal.encode("utf-8", "surrogatepass"), self._seal(about).encode()):
            return False
        # No session ends later than one that begins now: the clock was put back.
        return 0 < int(about.partition(".")[0]) - self._clock() <= SESSION_SECONDS

    def _seal(self, about: str) -> str:
        assert self._key is not None
        return hmac.new(self._key, about.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
