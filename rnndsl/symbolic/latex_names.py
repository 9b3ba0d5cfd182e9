"""The names of a spec in LaTeX: ``W_i`` as W with index i, ``gamma`` as the letter."""

from __future__ import annotations

import re

_GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|"
    "sigma|tau|upsilon|phi|chi|psi|omega|"
    "Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega"
)
_NUMBERED = re.compile(r"([A-Za-z]+)(\d+)")


def latex_name(name: str, index: str = "") -> str:
    """``\\gamma_{x,t}`` for ``gamma_x`` with the index ``t``.

    The first part of the name is the letter, the other parts its indices.
    """
    base, *indices = name.split("_")
    if "" in (base, *indices):
        letter, indices = _word(name), []
    else:
        numbered = _NUMBERED.fullmatch(base)
        if numbered is not None:
            base, number = numbered.groups()
            indices.insert(0, number)
        letter = _word(base)
    subscripts = [*map(_word, indices), *([index] if index else [])]
    return f"{letter}_{{{','.join(subscripts)}}}" if subscripts else letter


def _word(text: str) -> str:
    if _GREEK.fullmatch(text):
        return f"\\{text}"
    escaped = text.replace("_", r"\_")
    if len(text) == 1 or text.isdecimal():
        return escaped
    return f"\\mathrm{{{escaped}}}"
