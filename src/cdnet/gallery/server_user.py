"""As whom an embedded server runs: as its user, and where that is root, whom PostgreSQL refuses, as somebody else.

Root keeps its gallery wherever it likes, also below folders that nobody else may enter, such as its home. So that no
folder's permissions have to be changed, the server is then given the one capability of passing through folders.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

from cdnet.errors import CdnetError

CANDIDATES = ("postgres", "nobody")
"""Whom a server of root's runs as: the first of them that the system has."""

_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_SET_KEEPCAPS, _CAP_AMBIENT, _AMBIENT_RAISE = 8, 47, 2
_CAPABILITY_VERSION = 0x20080522


def server_user() -> tuple[int, int] | None:
    """Return the numbers of the user and group that a server is to run as, or None where it may run as we do.

    Raises:
        CdnetError: if we are root and the system has nobody else.
    """
    if os.geteuid() != 0:
        return None
    import pwd

    for name in CANDIDATES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise CdnetError("PostgreSQL does not run as root, and there is no user nobody; start cdnet as an ordinary user")


def hand_over(*paths: Path) -> None:
    """Give folders or files to the server's user, if that is another one than we are."""
    user = server_user()
    for path in paths if user is not None else ():
        os.chown(path, *user)  # type: ignore[misc]


def becoming_server_user() -> Callable[[], None] | None:
    """Return what a child process does before it becomes a program of the server; None where there is nothing to do."""
    user = server_user()
    if user is None:
        return None
    if not sys.platform.startswith("linux"):
        raise CdnetError("PostgreSQL does not run as root; start cdnet as an ordinary user")
    held = _held()
    capability = _DAC_READ_SEARCH if held & 1 << _DAC_READ_SEARCH else _DAC_OVERRIDE
    if not held & 1 << capability:
        return lambda: _change(*user)
    # Loaded before the child is made: little is safe between its making and its program.
    system = ctypes.CDLL(None, use_errno=True)

    def become() -> None:
        system.prctl(_SET_KEEPCAPS, 1, 0, 0, 0)
        _change(*user)
        mask = 1 << capability
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
        system.capset(header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0))
        system.prctl(_CAP_AMBIENT, _AMBIENT_RAISE, capability, 0, 0)

    return become


def _change(user: int, group: int) -> None:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def _held() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapPrm")), 0)
