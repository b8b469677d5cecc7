"""How a gallery is served, and within which limits."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cdnet.errors import CdnetError

SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Settings:
    """Where a gallery is served, to whom, and how much of what anybody may ask for.

    Args:
        host: address to listen at; any other than loopback needs a token.
        port: to listen at.
        token: what every request has to show; None for none.
        names: further host names by which browsers may call the server.
        proxies: addresses whose word is taken for who asks and whether by https; each a proxy that stands before it.
        certificate: PEM file with which the server itself speaks https; needs ``key``.
        key: PEM file of its private key.
        most_bytes: of an uploaded picture.
        seconds: that an upload may take.
        waiting: searches that may wait for their features; more are refused for now.
        rate: searches and changes a second that one client may ask for, on average.

    Raises:
        CdnetError: if anybody on the network could read the gallery, or a value is out of range.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    names: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    most_bytes: int = 20 << 20
    seconds: float = 30.0
    waiting: int = 64
    rate: float = 60.0

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise CdnetError(
                f"whoever reaches {self.host} could search this gallery; write a token of at least {SHORTEST_TOKEN} "
                "characters into a file and give it with --token-file"
            )
        if self.token is not None and not (len(self.token) >= SHORTEST_TOKEN and self.token.isascii()):
            raise CdnetError(f"a token has at least {SHORTEST_TOKEN} characters, all of them ASCII")
        for proxy in self.proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                raise CdnetError(f"a proxy is named by its address, such as 127.0.0.1, not {proxy!r}") from None
        if (self.certificate is None) != (self.key is None):
            raise CdnetError("https needs both --certificate and --key")
        if not 0 <= self.port <= 65535:
            raise CdnetError(f"a port is from 0 to 65535, not {self.port}")
        if not (1 << 10 <= self.most_bytes <= 1 << 30 and 0 < self.seconds <= 3600):
            raise CdnetError("an upload has from 1 KiB to 1 GiB and takes at most an hour")
        if not (1 <= self.waiting <= 100_000 and 0 < self.rate <= 1e6):
            raise CdnetError("1 to 100,000 searches can wait, at a rate above 0 and at most a million a second")

    @property
    def encrypted(self) -> bool:
        """Whether the server itself speaks https."""
        return self.certificate is not None

    def answers_to(self, host: str) -> bool:
        """Tell whether a request's Host, without its port, names this server: a page elsewhere may name another."""
        own = f"[{self.host.strip('[]')}]" if ":" in self.host else self.host
        return host.lower() in {"127.0.0.1", "[::1]", "localhost", own.lower(), *map(str.lower, self.names)}


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
