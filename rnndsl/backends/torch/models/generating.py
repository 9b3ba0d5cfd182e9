"""The method of a model that reads its own outputs."""

from __future__ import annotations

from rnndsl.analysis.model import Generation, Model, TokenInput
from rnndsl.backends.torch.docstring import docstring
from rnndsl.backends.torch.layout import Nest, call, nested
from rnndsl.backends.torch.models.conditioning import is_conditioned
from rnndsl.backends.torch.models.decoding import (
    given_arguments,
    source_options,
    start_call,
)
from rnndsl.backends.torch.models.methods import signature
from rnndsl.backends.torch.models.names import ModelNames
from rnndsl.backends.torch.models.stage import INDENT, commented
from rnndsl.backends.torch.models.text import filled, once_text
from rnndsl.backends.torch.view import MethodView

_BODY = INDENT + 4
_PRIMES = ("prime: Tensor | None = None", "prime_lengths: Tensor | None = None")


def generate_method(
    model: Model, generation: Generation, names: ModelNames
) -> MethodView:
    """``generate``: of tokens with a strategy of search, of vectors without."""
    if isinstance(model.inputs[0], TokenInput):
        return _of_tokens(model, generation, names)
    return _of_vectors(model, generation, names)


def generating_runtime(model: Model) -> tuple[str, ...]:
    """What the method needs of the runtime."""
    if model.generation is None:
        return ()
    if not isinstance(model.inputs[0], TokenInput):
        return ("continue_series",)
    rows = () if is_conditioned(model) else ("rows_to_generate",)
    return ("GeneratedSequences", "SearchOptions", "Strategy", "generate_tokens", *rows)


def _of_tokens(model: Model, generation: Generation, names: ModelNames) -> MethodView:
    options = ["*", "max_length: int", *source_options(model, names), *_PRIMES]
    options.append('strategy: Strategy = "greedy"')
    lines = ["with torch.no_grad():"]
    if is_conditioned(model):
        start = start_call(model, names, "state = ", _BODY)
        lines += [f"    {line}" for line in start]
    else:
        options.append("batch: int | None = None")
        lines.append("    rows = rows_to_generate(self, prime, batch)")
        lines.append("    state = self.initial_state(rows)")
    arguments = (
        "self",
        "state",
        f"start={generation.start}",
        f"stop={generation.stop}",
        "max_length=max_length",
        "prime=prime",
        "prime_lengths=prime_lengths",
        "strategy=strategy",
        "search=search",
    )
    run = nested(Nest("return generate_tokens", arguments), indent=_BODY)
    lines += [f"    {line}" for line in run]
    return MethodView(
        signature=signature(
            "generate",
            [
                *given_arguments(model, names),
                *options,
                "**search: Unpack[SearchOptions]",
            ],
            " -> GeneratedSequences:",
        ),
        docstring=_tokens_docstring(model, generation),
        lines=tuple(commented([(generation.span, lines)])),
    )


def _tokens_docstring(model: Model, generation: Generation) -> tuple[str, ...]:
    start, stop = generation.start, generation.stop
    parts = []
    if is_conditioned(model):
        parts.append(f"Inputs: {once_text(model)}.")
    ends = "" if stop is None else ", a stop symbol counted"
    parts.append(f"max_length: the most tokens of a sequence{ends}.")
    needed = "" if start is not None else "; needed, since no symbol starts them"
    parts.append(
        "prime: (P, B), the first tokens of the sequences, of which row b has "
        f"prime_lengths[b]{needed}. Batch before time with ``batch_first``."
    )
    parts.append(
        'strategy: "greedy", the most probable token at each step; "sample", with the '
        'options temperature, top_k, top_p and generator; or "beam", with the '
        "options width and length_penalty."
    )
    if not is_conditioned(model):
        parts.append("batch: how many sequences, where no prime says it.")
    parts.append("Returns the sequences: their tokens, (L, B), and lengths, (B,).")
    first = "Writes sequences, reading its own tokens"
    if start is not None:
        first += f" from {start} on"
    if stop is not None:
        first += f" until {stop}"
    return docstring(f"{first}.", "\n".join(filled(part, INDENT) for part in parts))


def _of_vectors(model: Model, generation: Generation, names: ModelNames) -> MethodView:
    given = [*given_arguments(model, names), "prime: Tensor"]
    axis = "0 if self.batch_first else 1"
    begin = [f"state = self.initial_state(prime.shape[{axis}])"]
    if is_conditioned(model):
        begin = start_call(model, names, "state = ", _BODY)
    run = call(
        "return continue_series",
        ["self", "state", "prime", "steps=steps", "lengths=lengths"],
        indent=_BODY,
    )
    lines = ["with torch.no_grad():", *(f"    {line}" for line in (*begin, *run))]
    order = "; batch before time with ``batch_first``"
    width = model.output_width
    parts = []
    if is_conditioned(model):
        parts.append(f"Inputs: {once_text(model)}.")
    parts += [
        f"prime: the series so far, (P, B, {width}), of which row b has lengths[b] "
        f"steps{order}.",
        f"Returns the next steps, (steps, B, {width}).",
    ]
    return MethodView(
        signature=signature(
            "generate",
            [
                *given,
                "*",
                "steps: int",
                *source_options(model, names),
                "lengths: Tensor | None = None",
            ],
            " -> Tensor:",
        ),
        docstring=docstring(
            "Continues a series, reading its own outputs.",
            "\n".join(filled(part, INDENT) for part in parts),
        ),
        lines=tuple(commented([(generation.span, lines)])),
    )
