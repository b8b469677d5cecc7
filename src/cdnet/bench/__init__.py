"""Measurements side by side: each a command, each a table."""
