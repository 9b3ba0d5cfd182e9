"""Models of specs, verified, alone or with a change of what was generated."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

from rnndsl.compiler import Compilation
from rnndsl.diagnostics import Source
from rnndsl.verify import VerificationReport
from rnndsl.verify.models.verify import verify_model


def verified(
    text: str, change: Callable[[str], str] = str, seed: int = 0
) -> VerificationReport:
    """The report on the only model of a spec, whose module ``change`` may alter."""
    compilation = Compilation(Source("spec.rnn", text), None)
    module = ModuleType("verified_model")
    sys.modules[module.__name__] = module
    source = change(compilation.module_text)
    exec(compile(source, module.__name__, "exec"), vars(module))
    (model,) = compilation.program.models
    results = tuple(verify_model(model, module, seed=seed))
    return VerificationReport(seed=seed, results=results)


def replaced(old: str, new: str) -> Callable[[str], str]:
    """A change of one place of a module."""

    def change(text: str) -> str:
        assert text.count(old) == 1, f"{text.count(old)} times: {old!r}"
        return text.replace(old, new)

    return change
