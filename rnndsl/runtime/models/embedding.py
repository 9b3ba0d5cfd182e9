"""Embeddings whose vectors are given."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnndsl.runtime.checks import check_tensor
from rnndsl.runtime.errors import DtypeError, ShapeError


def given_embedding(
    table: Tensor,
    num_embeddings: int,
    embedding_dim: int,
    *,
    padding_idx: int | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> nn.Embedding:
    """An embedding that starts at a copy of ``table`` (num_embeddings, embedding_dim).

    The vector of ``padding_idx`` is zero, whatever the table says. Raises
    ArgumentTypeError for what is no tensor, DtypeError for one of whole numbers and
    ShapeError for another shape.
    """
    table = check_tensor("embedding", table)
    if not table.is_floating_point():
        raise DtypeError(
            f"embedding: expected a floating-point dtype, got {table.dtype}"
        )
    if table.shape != (num_embeddings, embedding_dim):
        raise ShapeError(
            f"embedding: expected size ({num_embeddings}, {embedding_dim}), a vector "
            f"for each token, got {tuple(table.shape)}"
        )
    embedding = nn.Embedding(
        num_embeddings,
        embedding_dim,
        padding_idx=padding_idx,
        device=device,
        dtype=dtype,
    )
    with torch.no_grad():
        embedding.weight.copy_(table)
        if padding_idx is not None:
            embedding.weight[padding_idx] = 0
    return embedding
