"""Characters that a spec cannot hold, and what was probably meant by them."""

from __future__ import annotations

import re
import unicodedata

# Control characters, line ends of other systems, overrides of the reading direction and
# halves of surrogate pairs: nowhere, not even in a comment.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

# Characters that are taken for others. Those that Unicode itself decomposes into ASCII
# (fullwidth and mathematical letters, ligatures) need no entry.
_LOOKALIKES = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u00b7\u00d7\u2022\u2217\u2218\u2219\u2299\u22c5\u22c6", "*"),
    **dict.fromkeys("\u00f7\u2044\u2215", "/"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
    **dict.fromkeys("\u02c6\u2191", "**"),
    **dict.fromkeys("\u223c\u02dc", "~"),
    **dict.fromkeys("\u00a0\u2007\u202f\u200b\u200c\u200d\u2060\ufeff", " "),
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "!=",
    "\u221a": "sqrt",
    "\u00b2": "** 2",
    "\u00b3": "** 3",
    "\u2208": ":",
    "\u2190": "=",
    "\u03c3": "sigmoid",
    "\u03bb": "lam",
    **dict(
        zip(
            "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445"
            "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425"
            "\u0456\u0458\u0455\u04bb\u0501\u0406\u0408\u0405",
            "abekmhopctyxABEKMHOPCTYXijshdIJS",
            strict=True,
        )
    ),
}


def describe(char: str) -> str:
    """``(U+2212 MINUS SIGN)``; the character itself stands before it if printable."""
    name = unicodedata.name(char, "")
    point = f"U+{ord(char):04X} {name}".rstrip()
    if char.isprintable() and not char.isspace():
        return f"`{char}` ({point})"
    return point


def ascii_for(char: str) -> str | None:
    """What to write instead of a character outside ASCII, if that can be told."""
    if char in _LOOKALIKES:
        return _LOOKALIKES[char]
    kind = unicodedata.decomposition(char).partition(" ")[0]
    composed = unicodedata.normalize("NFKC", char)
    if composed.isascii() and composed.isprintable():
        return {"<super>": "** ", "<sub>": "_"}.get(kind, "") + composed
    words = unicodedata.name(char, "").split()
    if words[:1] == ["GREEK"] and "LETTER" in words[:3]:
        letter = words[words.index("LETTER") + 1].lower()
        return letter.capitalize() if "CAPITAL" in words else letter
    decomposed = unicodedata.normalize("NFKD", char)
    base = decomposed[0]
    is_letter = base.isascii() and base.isalnum()
    is_marked = all(map(unicodedata.combining, decomposed[1:]))
    return base if is_letter and is_marked else None
