"""OpenVINO's core, of which the process has one that lives as long as it does.

A core gives the thread in which it first compiles a network another stack for signals. When it ends, it puts back the
one that was there before, though that may be another core's that has ended meanwhile. The thread is then left with
memory that is gone, and the next signal, such as Ctrl-C in a training, kills the process. A core that never ends takes
no stack away.
"""

from __future__ import annotations

from typing import Any

_cores: list[Any] = []


def openvino_core() -> Any:
    """Return the process's ``openvino.Core``.

    Raises:
        ImportError: if OpenVINO is not installed.
    """
    import openvino

    if not _cores:
        _cores.append(openvino.Core())
    return _cores[0]
