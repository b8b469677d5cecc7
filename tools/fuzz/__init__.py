"""Handing cdnet damaged files and senseless command lines: ``make fuzz``.

Whatever is handed in, a command ends with status 0, or with 1 or 2 and one sentence; it shows no traceback, no other
program's warning and nothing that a terminal obeys; it is silent for no more than 20 seconds, takes no more than 1 GB,
and leaves every file that was there.

``judge.py`` runs one command and says which of these it broke, ``damage.py`` damages bytes and values, a file of
``kinds`` each prepares whole inputs and damages one of them.
"""
