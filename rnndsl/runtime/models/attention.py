"""Attention of a decoder over the outputs of an encoder.

Each query q_t is compared with every step s of a sequence: an energy e_ts, weights
a_ts = softmax over s of e_ts, and the context c_t = sum over s of a_ts * value_s.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor, nn

# Keys (S, B, A), values (S, B, K) and mask (S, B), True where a step counts.
AttentionMemory: TypeAlias = tuple[Tensor, Tensor, Tensor]


class SequenceAttention(nn.Module):
    """What the kinds of attention share. A kind gives ``keys`` and ``energies``."""

    query_size: int
    memory_size: int

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        for name, size in (("query_size", query_size), ("memory_size", memory_size)):
            if size < 1:
                raise ValueError(f"{name}: expected at least 1, got {size}")
        self.query_size = query_size
        self.memory_size = memory_size

    def keys(self, values: Tensor) -> Tensor:
        """What of a sequence (S, B, K) needs no query: (S, B, A)."""
        raise NotImplementedError

    def energies(self, query: Tensor, keys: Tensor) -> Tensor:
        """How well queries (T, B, Q) and keys (S, B, A) agree: (T, B, S)."""
        raise NotImplementedError

    def prepare(self, values: Tensor, mask: Tensor | None = None) -> AttentionMemory:
        """Computes, once for a sequence, what all queries share.

        values: (S, B, K). mask: (S, B), bool, False in padding, whose values, NaN
        included, then reach nothing. Raises ValueError for other shapes and dtypes.
        """
        if values.dim() != 3 or values.shape[2] != self.memory_size:
            raise ValueError(
                f"values: expected size (S, B, {self.memory_size}), got "
                f"{tuple(values.shape)}"
            )
        if mask is None:
            mask = values.new_ones(values.shape[:2], dtype=torch.bool)
        elif mask.shape != values.shape[:2] or mask.dtype != torch.bool:
            raise ValueError(
                f"mask: expected size {tuple(values.shape[:2])} of torch.bool, got "
                f"{tuple(mask.shape)} of {mask.dtype}"
            )
        else:
            values = torch.where(mask.unsqueeze(2), values, 0)
        return self.keys(values), values, mask

    def forward(self, query: Tensor, memory: AttentionMemory) -> tuple[Tensor, Tensor]:
        """Attends to a prepared sequence.

        query: (B, Q), or (T, B, Q) for many steps at once. Returns the context (B, K)
        and the weights (B, S), or (T, B, K) and (T, B, S). Weights of a row sum to 1;
        in a row of no steps, context and weights are zero. Raises ValueError for
        queries of other shapes.
        """
        keys, values, mask = memory
        batch = values.shape[1]
        size = (batch, self.query_size)
        if query.dim() not in (2, 3) or query.shape[-2:] != size:
            raise ValueError(
                f"query: expected size {size} or (T, {batch}, {self.query_size}), got "
                f"{tuple(query.shape)}"
            )
        counts = mask.t()
        energies = self.energies(query if query.dim() == 3 else query[None], keys)
        # A finite number where -inf would do: a row of no steps then stays finite.
        lowest = torch.finfo(energies.dtype).min
        weights = torch.where(counts, energies, lowest).softmax(-1)
        weights = torch.where(counts, weights, 0)
        context = torch.einsum("tbs,sbk->tbk", weights.to(values.dtype), values)
        if query.dim() == 2:
            return context.squeeze(0), weights.squeeze(0)
        return context, weights

    def extra_repr(self) -> str:
        return f"{self.query_size}, {self.memory_size}"


class DotAttention(SequenceAttention):
    """e_ts = q_t . k_s, of widths that agree (Luong et al. 2015, equation 8, dot)."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        if query_size != memory_size:
            raise ValueError(
                "dot attention: expected queries and values of one width, got "
                f"{query_size} and {memory_size}"
            )
        super().__init__(query_size, memory_size)

    def keys(self, values: Tensor) -> Tensor:
        return values

    def energies(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.einsum("tbq,sbq->tbs", query, keys)


class GeneralAttention(SequenceAttention):
    """e_ts = q_t . (W k_s), W (Q, K) (Luong et al. 2015, equation 8, general)."""

    def __init__(
        self,
        query_size: int,
        memory_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(query_size, memory_size)
        self.key = nn.Linear(
            memory_size, query_size, bias=False, device=device, dtype=dtype
        )

    def keys(self, values: Tensor) -> Tensor:
        projected: Tensor = self.key(values)
        return projected

    def energies(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.einsum("tbq,sbq->tbs", query, keys)


class AdditiveAttention(SequenceAttention):
    """e_ts = v . tanh(W q_t + U k_s), W (A, Q), U (A, K), v (A).

    Bahdanau et al. 2015, appendix A.1.2. Many queries at once take T * S * B * A
    numbers.
    """

    attention_size: int

    def __init__(
        self,
        query_size: int,
        memory_size: int,
        attention_size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(query_size, memory_size)
        if attention_size < 1:
            raise ValueError(
                f"attention_size: expected at least 1, got {attention_size}"
            )
        self.attention_size = attention_size
        self.query = nn.Linear(
            query_size, attention_size, bias=False, device=device, dtype=dtype
        )
        self.key = nn.Linear(
            memory_size, attention_size, bias=False, device=device, dtype=dtype
        )
        self.energy = nn.Linear(
            attention_size, 1, bias=False, device=device, dtype=dtype
        )

    def keys(self, values: Tensor) -> Tensor:
        projected: Tensor = self.key(values)
        return projected

    def energies(self, query: Tensor, keys: Tensor) -> Tensor:
        pairs = torch.tanh(self.query(query).unsqueeze(1) + keys)
        energies: Tensor = self.energy(pairs).squeeze(3).transpose(1, 2)
        return energies

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, {self.attention_size}"
