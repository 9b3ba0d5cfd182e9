"""Names in CUDA C++ for the values of a plan."""

from __future__ import annotations

from rnndsl.backends.cuda.printer import ROW_FUNCTIONS

# fmt: off
_RESERVED = (
    # Words of the language.
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool",
    "break", "case", "catch", "char", "char16_t", "char32_t", "char8_t", "class",
    "compl", "concept", "const", "const_cast", "consteval", "constexpr", "constinit",
    "continue", "co_await", "co_return", "co_yield", "decltype", "default", "delete",
    "do", "double", "dynamic_cast", "else", "enum", "explicit", "export", "extern",
    "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "main",
    "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator",
    "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast",
    "requires", "return", "short", "signed", "sizeof", "static", "static_assert",
    "static_cast", "struct", "switch", "template", "this", "thread_local", "throw",
    "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using",
    "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
    # What CUDA defines.
    "blockDim", "blockIdx", "clock", "gridDim", "threadIdx", "warpSize",
    # What the source before the kernels defines, and what it uses.
    "In", "Index", "Mask", "Out", "all_threads", "clamp", "cos", "elu", "erf", "exp",
    "expm1", "fabs", "first_entry", "gelu", "gelu_backward", "hard_sigmoid",
    "hard_tanh", "infinity", "larger", "leaky_relu", "load", "log", "log1p",
    "log_sigmoid", "not_a_number", "pow", "real", "relu", "relu_backward", "scalar",
    "selu", "sigmoid", "sigmoid_backward", "sign_of", "silu", "silu_backward", "sin",
    "smaller", "softplus", "softsign", "sqrt", "square", "store", "tanh",
    "tanh_backward",
    "each_feature", "largest_of", "mean_of_square", "most_threads", "row_fold",
    "row_put", "row_total", "total_of", "total_of_exp", "total_of_product",
    *ROW_FUNCTIONS,
    # What every kernel has.
    "batch", "count", "entry", "is_live", "keep", "line", "mask", "n", "next", "now",
    "row", "steps", "t", "unit",
)
# fmt: on


class Identifiers:
    """Hands out a name for each thing of one kernel, always the same for the same."""

    def __init__(self) -> None:
        self._taken = dict.fromkeys(_RESERVED)
        self._given: dict[tuple[str, str], str] = {}

    def of(self, kind: str, name: str, wish: str | None = None) -> str:
        """The name of a thing; ``wish`` itself where that is free."""
        key = (kind, name)
        if key not in self._given:
            chosen = _ascii(name if wish is None else wish)
            while chosen in self._taken:
                chosen += "_"
            self._taken[chosen] = None
            self._given[key] = chosen
        return self._given[key]


def _ascii(name: str) -> str:
    return "".join(c if c.isascii() else f"u{ord(c):04x}" for c in name)
