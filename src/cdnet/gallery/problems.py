"""What the database says when it will not, as the sentences of the project."""

from __future__ import annotations

import psycopg
from psycopg import errors

from cdnet.errors import CdnetError, DiskFullError

EXTENSION = "https://github.com/pgvector/pgvector"


class UnreachableError(CdnetError):
    """The database is not there, or has gone away; the same may succeed later."""


class RefusedError(CdnetError):
    """The database will not, for a reason that its operator has to remove; the message is for that one."""


class NotThereError(CdnetError):
    """An entry, or its picture, is not there (any more)."""


def shown_address(address: str) -> str:
    """Return an address without what is secret in it."""
    if "://" not in address:
        return address
    scheme, _, rest = address.partition("://")
    login, at, place = rest.rpartition("@")
    host = place.partition("?")[0]
    return f"{scheme}://{login.partition(':')[0]}{at}{host}"


def said(error: psycopg.Error, address: str) -> CdnetError:
    """Return what an error means and what to do."""
    where = shown_address(address)
    line = next(iter((error.diag.message_primary or str(error)).strip().splitlines()), type(error).__name__)
    line = line.replace(address, where)  # which a parser of addresses repeats as it is, with its password
    if isinstance(error, errors.DiskFull):
        return DiskFullError(
            f"the disk of the database {where} is full; what was acknowledged is kept, free some space"
        )
    if isinstance(error, errors.InsufficientPrivilege):
        return RefusedError(
            f"{where}: the database's user has not the rights for that ({line}); a gallery needs a database in which "
            "its user may create a schema, and the extension vector, which a superuser may have to create"
        )
    if isinstance(error, errors.UndefinedFile | errors.FeatureNotSupported) and "vector" in str(error):
        return RefusedError(f"{where}: the server has no pgvector ({line}); install it there, see {EXTENSION}")
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return RefusedError(
            f"{where}: a replica, which is only read; give the address of the server that is written to"
        )
    if isinstance(error, errors.IndexCorrupted | errors.DataCorrupted):
        return RefusedError(f"{where}: the database is damaged ({line}); put its backup back")
    if isinstance(error, errors.QueryCanceled):
        return RefusedError(f"{where}: stopped ({line})")
    if isinstance(error, psycopg.DataError):
        return CdnetError(f"the database does not take that: {line}")
    if isinstance(error, psycopg.OperationalError):
        return UnreachableError(f"{where}: the database cannot be reached ({line})")
    return RefusedError(f"{where}: the database refused: {line}")
