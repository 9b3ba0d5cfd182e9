"""The version, read by the build and by the command line without importing metadata."""

__version__ = "0.1.0"
