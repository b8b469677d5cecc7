"""Figures for papers and documentation, from the command line (``cdnet figure``) and from Python.

Each module computes what its figure shows, draws it with one function, and leaves the file to
:func:`cdnet.figures.style.save`.
"""
