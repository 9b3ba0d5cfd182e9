"""Scalar formulas and the function table; needs nothing but Python."""
