"""Reading plain values out of a pickle without unpickling it.

A pickle is a program, and whoever wrote it decides what runs. Here its opcodes are only looked at: containers, numbers
and texts are built as they come, and a call is written down instead of being made. The two calls that an array consists
of are then recognised by their names; nothing is imported, nothing is called, and any other opcode is refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "FLOAT", "BINFLOAT"}
_BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
_TEXTS = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"}
_PYTHON2_TEXTS = {"BINSTRING", "SHORT_BINSTRING", "STRING"}  # pickletools gives them as latin-1
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}
_NOTHING = {"PROTO", "FRAME", "STOP"}

_ARRAYS = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}


MAX_STEPS = 1_000_000
"""Opcodes; CIFAR-100's largest file has some 300,000. A byte of a pickle may make an object of a hundred."""


class PlainPickleError(ValueError):
    """A pickle that is cut short, or holds more than plain values and arrays of bytes."""


@dataclass
class _Call:
    """A call that was not made: what the pickle wants to call, with what, and the state it wants to give the result."""

    name: str
    arguments: tuple[Any, ...]
    state: Any = None


@dataclass(frozen=True)
class _Name:
    name: str


_MARK = object()


def read_plain_pickle(data: bytes) -> Any:
    """Return the dicts, lists, tuples, numbers, texts and arrays of bytes (uint8) that a pickle describes.

    Texts of Python 2 come as str, read as latin-1; so do Python 3's bytes where they stand for such a text.

    Raises:
        PlainPickleError: if it is cut short, asks for anything else, or for any call but those that make an array.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if number == MAX_STEPS:
                raise PlainPickleError(f"it has more than {MAX_STEPS:,} values and containers")
            _step(opcode.name, argument, stack, memo)
        (value,) = stack
        return _plain(value, {})
    except PlainPickleError:
        raise
    except Exception as error:  # what damaged opcodes lead to: ValueError, IndexError, KeyError, TypeError and more
        raise PlainPickleError(f"damaged ({type(error).__name__})") from None


def _step(opcode: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    if opcode in _NOTHING:
        return
    if opcode in _CONSTANTS:
        stack.append(_CONSTANTS[opcode])
    elif opcode in _VALUES or opcode in _TEXTS or opcode in _BYTES or opcode in _PYTHON2_TEXTS:
        stack.append(argument)
    elif opcode == "EMPTY_DICT":
        stack.append({})
    elif opcode == "EMPTY_LIST":
        stack.append([])
    elif opcode == "EMPTY_TUPLE":
        stack.append(())
    elif opcode == "MARK":
        stack.append(_MARK)
    elif opcode in _TUPLES:
        count = _TUPLES[opcode]
        stack[-count:] = [tuple(stack[-count:])]
    elif opcode == "TUPLE":
        stack.append(tuple(_since_mark(stack)))
    elif opcode == "LIST":
        stack.append(_since_mark(stack))
    elif opcode == "DICT":
        items = _since_mark(stack)
        stack.append(dict(_pairs(items)))
    elif opcode in ("APPEND", "APPENDS"):
        items = [stack.pop()] if opcode == "APPEND" else _since_mark(stack)
        _expect(stack[-1], list).extend(items)
    elif opcode in ("SETITEM", "SETITEMS"):
        items = _since_mark(stack) if opcode == "SETITEMS" else [stack.pop(-2), stack.pop()]
        _expect(stack[-1], dict).update(_pairs(items))
    elif opcode in _PUTS:
        memo[argument] = stack[-1]
    elif opcode == "MEMOIZE":
        memo[len(memo)] = stack[-1]
    elif opcode in _GETS:
        stack.append(memo[argument])
    elif opcode == "GLOBAL":
        stack.append(_Name(argument))
    elif opcode == "STACK_GLOBAL":
        name = stack.pop()
        stack[-1] = _Name(f"{_expect(stack[-1], str)} {_expect(name, str)}")
    elif opcode == "REDUCE":
        arguments = stack.pop()
        stack[-1] = _Call(_expect(stack[-1], _Name).name, _expect(arguments, tuple))
    elif opcode == "BUILD":
        state = stack.pop()
        _expect(stack[-1], _Call).state = state
    else:
        raise PlainPickleError(f"it asks for {opcode}, which a data set has no need of")


def _since_mark(stack: list[Any]) -> list[Any]:
    items: list[Any] = []
    while (item := stack.pop()) is not _MARK:
        items.append(item)
    return items[::-1]


def _pairs(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    # Tuples within tuples may share their parts, and hashing them goes through each as often as it is named.
    if any(isinstance(key, tuple) for key in items[::2]):
        raise PlainPickleError("it has a tuple as a key, which a data set has no need of")
    return zip(items[::2], items[1::2], strict=True)


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise PlainPickleError("damaged, or not made by a data set's authors")
    return value


def _plain(value: Any, done: dict[int, Any]) -> Any:
    # What the pickle names several times is made once: a few bytes could otherwise stand for any amount of copies.
    if not isinstance(value, dict | list | tuple | _Call):
        return _scalar(value)
    if id(value) not in done:
        done[id(value)] = _container(value, done)
    return done[id(value)]


def _container(value: Any, done: dict[int, Any]) -> Any:
    if isinstance(value, dict):
        return {_plain(key, done): _plain(item, done) for key, item in value.items()}
    if isinstance(value, _Call):
        return _from_call(value, done)
    items = [_plain(item, done) for item in value]
    return items if isinstance(value, list) else tuple(items)


def _scalar(value: Any) -> Any:
    if value is _MARK or isinstance(value, _Name):
        raise PlainPickleError("it holds the name of a program's part instead of data")
    return value


def _from_call(call: _Call, done: dict[int, Any]) -> Any:
    if call.name == "_codecs encode" and len(call.arguments) == 2 and call.arguments[1] == "latin1":
        return _expect(call.arguments[0], str)  # how Python 3 writes bytes for Python 2
    if call.name in _ARRAYS and isinstance(call.state, tuple) and len(call.state) == 5:
        _version, shape, kind, fortran, content = call.state
        if isinstance(kind, _Call) and kind.name == "numpy dtype" and kind.arguments[:1] == ("u1",) and not fortran:
            content = _plain(content, done)
            raw = content.encode("latin-1") if isinstance(content, str) else _expect(content, bytes)
            return np.frombuffer(raw, np.uint8).reshape(shape)
    raise PlainPickleError(f"it wants to call {call.name.replace(' ', '.')}, and nothing is called here")
