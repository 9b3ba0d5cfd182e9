"""The CUDA C++ that stands before the kernels of a cell: storage and functions.

``scalar`` is what tensors hold, ``real`` what kernels compute in: float for float, and
for the half types; double for double. No header is needed.
"""

from __future__ import annotations

import torch

from rnndsl.runtime.kernels.row_source import ROW_SOURCE

_TYPES = """typedef long long Index;
// What kernels read and write, of which nothing overlaps what is written.
typedef const bool* __restrict__ Mask;
typedef const scalar* __restrict__ In;
typedef scalar* __restrict__ Out;
"""

_PLAIN = """
__device__ inline real load(const scalar* from, Index at) { return from[at]; }
__device__ inline void store(scalar* to, Index at, real value) { to[at] = value; }
"""

# Rounded to the nearest, ties to even; a NaN stays one.
_BFLOAT16 = """
__device__ inline real load(const scalar* from, Index at) {
    return __uint_as_float((unsigned)from[at] << 16);
}
__device__ inline void store(scalar* to, Index at, real value) {
    const unsigned bits = __float_as_uint(value);
    const unsigned rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    to[at] = (scalar)(value != value ? 0x7fc0u : rounded);
}
"""

# A half has 5 bits of exponent and 10 of fraction, a float 8 and 23. Moved into the
# float's places, the exponent is 112 too small, which a product with 2**112 mends, for
# subnormal numbers too. Numbers below 2**-14 are rounded by adding 0.5, whose last
# place is the last of a half's.
_FLOAT16 = """
__device__ inline real load(const scalar* from, Index at) {
    const unsigned bits = from[at];
    const unsigned sign = (bits & 0x8000u) << 16;
    const unsigned rest = (bits & 0x7fffu) << 13;
    const bool is_finite = (bits & 0x7c00u) != 0x7c00u;
    const float size = __uint_as_float(rest) * 5.192296858534828e33f;
    const unsigned whole = is_finite ? __float_as_uint(size) : rest | 0x7f800000u;
    return __uint_as_float(sign | whole);
}
__device__ inline void store(scalar* to, Index at, real value) {
    const unsigned bits = __float_as_uint(value);
    const unsigned size = bits & 0x7fffffffu;
    unsigned half;
    if (size > 0x7f800000u) {
        half = 0x7e00u;
    } else if (size >= 0x47800000u) {
        half = 0x7c00u;
    } else if (size < 0x38800000u) {
        half = __float_as_uint(__uint_as_float(size) + 0.5f) - 0x3f000000u;
    } else {
        half = (size - 0x38000000u + 0xfffu + ((size >> 13) & 1u)) >> 13;
    }
    to[at] = (scalar)(half | ((bits >> 16) & 0x8000u));
}
"""

_STORAGE = {
    torch.float32: ("float", "float", _PLAIN),
    torch.float64: ("double", "double", _PLAIN),
    torch.bfloat16: ("unsigned short", "float", _BFLOAT16),
    torch.float16: ("unsigned short", "float", _FLOAT16),
}
KERNEL_DTYPES = tuple(_STORAGE)

_FUNCTIONS = """
// A thread has every entry whose number is its own, modulo the number of threads.
__device__ inline Index first_entry() {
    return blockIdx.x * (Index)blockDim.x + threadIdx.x;
}
__device__ inline Index all_threads() { return gridDim.x * (Index)blockDim.x; }

__device__ inline real infinity() { return __uint_as_float(0x7f800000u); }
__device__ inline real not_a_number() { return __uint_as_float(0x7fc00000u); }

// As in torch, what is not a number stays so.
__device__ inline real smaller(real u, real v) { return u < v || u != u ? u : v; }
__device__ inline real larger(real u, real v) { return u > v || u != u ? u : v; }
__device__ inline real clamp(real u, real low, real high) {
    return u < low ? low : (u > high ? high : u);
}
__device__ inline real relu(real u) { return u < 0 ? real(0) : u; }
__device__ inline real leaky_relu(real u, real slope) { return u > 0 ? u : u * slope; }
__device__ inline real sign_of(real u) { return real((u > 0) - (u < 0)); }

__device__ inline real square(real u) { return u * u; }
__device__ inline real sigmoid(real u) { return 1 / (1 + exp(-u)); }
__device__ inline real log_sigmoid(real u) {
    return smaller(u, real(0)) - log1p(exp(-fabs(u)));
}
__device__ inline real softplus(real u) { return -log_sigmoid(-u); }
__device__ inline real softsign(real u) { return u / (1 + fabs(u)); }
__device__ inline real silu(real u) { return u / (1 + exp(-u)); }
__device__ inline real gelu(real u) {
    return u * real(0.5) * (1 + erf(u * real(0.70710678118654752440)));
}
__device__ inline real elu(real u, real alpha) {
    return u > 0 ? u : alpha * expm1(u);
}
__device__ inline real selu(real u) {
    return real(1.0507009873554804934) * elu(u, real(1.6732632423543772848));
}
__device__ inline real hard_tanh(real u) { return clamp(u, -1, 1); }
__device__ inline real hard_sigmoid(real u) {
    return clamp(u / 6 + real(0.5), 0, 1);
}

// From d, the gradient of y = f(u), that of u.
__device__ inline real sigmoid_backward(real d, real y) { return d * y * (1 - y); }
__device__ inline real tanh_backward(real d, real y) { return d * (1 - y * y); }
__device__ inline real relu_backward(real d, real y) { return y <= 0 ? real(0) : d; }
__device__ inline real silu_backward(real d, real u) {
    const real s = sigmoid(u);
    return d * s * (1 + u * (1 - s));
}
__device__ inline real gelu_backward(real d, real u) {
    const real below = real(0.5) * (1 + erf(u * real(0.70710678118654752440)));
    const real density = exp(real(-0.5) * u * u) * real(0.39894228040143267794);
    return d * (below + u * density);
}
"""


def kernel_source(kernels: str, dtype: torch.dtype) -> str:
    """A whole source, to be compiled, for tensors of one of ``KERNEL_DTYPES``."""
    scalar, real, storage = _STORAGE[dtype]
    types = f"typedef {scalar} scalar;\ntypedef {real} real;\n"
    return f"{types}{_TYPES}{storage}{_FUNCTIONS}{ROW_SOURCE}{kernels}"
