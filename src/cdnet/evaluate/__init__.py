"""Ranking and its figures of merit."""
