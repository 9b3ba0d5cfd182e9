"""Functions of other languages and libraries, and what to write in this one."""

from __future__ import annotations

from rnndsl.formulas.features import ALL_FUNCTIONS

_NORM = "write `sqrt(sum(u ** 2))`"
_VARIANCE = "write `mean((u - mean(u)) ** 2)`, and `sqrt` of it for the deviation"
_NO_BATCH = "a cell sees one row: `layer_norm(u)` and `rms_norm(u)` work within it"
_NO_REDUCTION = "over features there are `sum`, `mean`, `largest` and `smallest`"
_PRODUCT = "a matrix times a vector is written `W @ u`"
_JOINED = "vectors are not joined: write two products, `W @ x[t] + U @ h[t-1]`"
_TRANSPOSED = "declare the parameter with its dimensions the other way round"
_POWER = "a power is written `**`, as in `u ** 2`"

# All without underscores and in lower case, as `_plain` makes them.
_OTHER_NAMES = {
    **dict.fromkeys(("sigma", "sig", "logistic", "expit"), "sigmoid"),
    **dict.fromkeys(("swish",), "silu"),
    **dict.fromkeys(("maximum", "fmax"), "max"),
    **dict.fromkeys(("minimum", "fmin"), "min"),
    **dict.fromkeys(("absolute", "fabs"), "abs"),
    **dict.fromkeys(("ifelse", "select", "cond"), "where"),
    **dict.fromkeys(("average", "avg"), "mean"),
    "amax": "largest",
    "amin": "smallest",
    "clip": "clamp",
    "ln": "log",
    "lrelu": "leaky_relu",
    "sgn": "sign",
}
_ADVICE = {
    **dict.fromkeys(("norm", "normalize", "normalise"), _NORM),
    **dict.fromkeys(("var", "variance", "std"), _VARIANCE),
    **dict.fromkeys(("batchnorm", "groupnorm", "instancenorm"), _NO_BATCH),
    **dict.fromkeys(("prod", "cumsum", "argmax", "argmin", "sparsemax"), _NO_REDUCTION),
    "softmin": "write `softmax(-u)`",
    "logsumexp": "write `largest(u) + log(sum(exp(u - largest(u))))`",
    **dict.fromkeys(("matmul", "mm", "mv", "dot", "linear"), _PRODUCT),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack", "hstack"), _JOINED),
    **dict.fromkeys(("transpose", "transposed"), _TRANSPOSED),
    **dict.fromkeys(("pow", "power"), _POWER),
    "square": "write `u ** 2`",
    "cube": "write `u ** 3`",
    "rsqrt": "write `1 / sqrt(u)`",
    "reciprocal": "write `1 / u`",
    "log1p": "write `log(1 + u)`",
    "expm1": "write `exp(u) - 1`",
    "sinh": "write `(exp(u) - exp(-u)) / 2`",
    "cosh": "write `(exp(u) + exp(-u)) / 2`",
}
_TABLE = {name.replace("_", ""): name for name in ALL_FUNCTIONS}


def function_meant(name: str) -> str | None:
    """The function of the language that has another name elsewhere: ``ReLU``,
    ``hardtanh``, ``swish``."""
    plain = _plain(name)
    return _OTHER_NAMES.get(plain) or _TABLE.get(plain)


def advice_about(name: str) -> str | None:
    """What to write instead of a function that the language does not have."""
    return _ADVICE.get(_plain(name))


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
