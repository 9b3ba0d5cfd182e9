"""The formats in which diagnostics are printed."""

from rnndsl.diagnostics.render_github import render_github
from rnndsl.diagnostics.render_json import render_json
from rnndsl.diagnostics.render_text import render_text

__all__ = ["render_github", "render_json", "render_text"]
