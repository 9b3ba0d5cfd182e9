"""Timings of generated modules against what one would otherwise use."""
