"""Comparison of generated modules with references that know nothing of the compiler."""

from rnndsl.verify.report import Result, VerificationReport, render_table
from rnndsl.verify.verify import verify_cell, verify_program

__all__ = [
    "Result",
    "VerificationReport",
    "render_table",
    "verify_cell",
    "verify_program",
]
