"""Functions of other languages and libraries, and what to write in this one."""

from __future__ import annotations

from rnndsl.formulas.functions import FUNCTIONS

_ELEMENTWISE = (
    "the language has no reductions over features yet: "
    "every function works element by element"
)
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
    "clip": "clamp",
    "ln": "log",
    "lrelu": "leaky_relu",
    "sgn": "sign",
}
_ADVICE = {
    **dict.fromkeys(("softmax", "softmin", "logsoftmax", "sparsemax"), _ELEMENTWISE),
    **dict.fromkeys(("layernorm", "rmsnorm", "batchnorm", "groupnorm"), _ELEMENTWISE),
    **dict.fromkeys(("norm", "normalize", "normalise"), _ELEMENTWISE),
    **dict.fromkeys(("sum", "mean", "average", "avg", "prod"), _ELEMENTWISE),
    **dict.fromkeys(("var", "std", "cumsum", "logsumexp"), _ELEMENTWISE),
    **dict.fromkeys(("argmax", "argmin", "amax", "amin"), _ELEMENTWISE),
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
_TABLE = {name.replace("_", ""): name for name in FUNCTIONS}


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
