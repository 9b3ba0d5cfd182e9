"""What a product starts from: it is added where that lies, or beside it in a kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rnndsl.backends.cuda.lower import plain_shape
from rnndsl.backends.cuda.operations import Assign, Operation, Product, made, reads
from rnndsl.backends.cuda.places import Place, Rows
from rnndsl.formulas.formula import Symbol
from rnndsl.ir.naming import Names
from rnndsl.plan.shapes import Axes


def accumulate(
    operations: list[Operation], readers: Mapping[str, int], owned: Iterable[str]
) -> dict[str, str]:
    """Marks the products that are added to what they start from, where nothing else
    needs that. Returns, for each value of such a chain, what its place starts as."""
    roots: dict[str, str] = {}
    for index, operation in enumerate(operations):
        if not isinstance(operation, Product) or operation.base is None:
            continue
        base = operation.base
        if not _is_in_place(operation, operations, readers, owned):
            continue
        operations[index] = replace(operation, in_place=True)
        root = roots.get(base, base)
        if base not in owned:
            roots[base] = root
        roots[operation.target] = root
    return roots


def add_in_kernels(
    operations: list[Operation],
    readers: Mapping[str, int],
    owned: Iterable[str],
    *,
    shapes: dict[str, Axes],
    given: Mapping[str, Place],
    names: Names,
) -> None:
    """Products that start from what is read elsewhere too, or is a part of something,
    would have to copy it: they start from nothing, and the kernel behind them adds it.

    A bias stays, which torch's product takes in. Adds what it names to ``shapes``.
    """
    for first in list(operations):
        if not isinstance(first, Product) or first.base is None:
            continue
        base, is_plain = (
            first.base,
            all(len(axis) == 1 for axis in shapes[first.target]),
        )
        is_fixed = base in given and given[base].rows is Rows.FIXED
        if is_fixed or not is_plain or _is_in_place(first, operations, readers, owned):
            continue
        operations[operations.index(first)] = replace(first, base=None)
        # All products of a chain are added up before.
        last = first.target
        while following := _follower(last, operations, readers, owned):
            last = following.target
        part = names.take(f"{last}_part")
        shapes[part] = shapes[last]
        index = next(i for i, o in enumerate(operations) if made(o) == last)
        product = operations[index]
        assert isinstance(product, Product)
        operations[index] = replace(product, target=part)
        added = Assign(
            target=last,
            shape=plain_shape(shapes[last]),
            formula=Symbol(part) + Symbol(base),
            equation=_equation(last, operations),
        )
        operations.insert(index + 1, added)


def _is_in_place(
    product: Product,
    operations: Iterable[Operation],
    readers: Mapping[str, int],
    owned: Iterable[str],
) -> bool:
    makers = {made(operation): operation for operation in operations}
    base = str(product.base)
    is_made_here = isinstance(makers.get(base), Assign | Product)
    is_free = readers[base] == 1 and (is_made_here or base in owned)
    return product.in_place or is_free


def _follower(
    name: str,
    operations: Iterable[Operation],
    readers: Mapping[str, int],
    owned: Iterable[str],
) -> Product | None:
    """The product that is added to this one."""
    for operation in operations:
        if isinstance(operation, Product) and operation.base == name:
            is_added = _is_in_place(operation, operations, readers, owned)
            return operation if is_added else None
    return None


def _equation(name: str, operations: Iterable[Operation]) -> int | None:
    """The equation that a value is first read in."""
    for operation in operations:
        if isinstance(operation, Assign) and name in reads(operation):
            return operation.equation
    return None
