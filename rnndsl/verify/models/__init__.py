"""Comparison of generated models with an interpreter of the resolved model."""
