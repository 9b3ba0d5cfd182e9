"""The CUDA C++ of functions over the features of a row: all threads of a block together
compute one row."""

from __future__ import annotations

ROW_THREADS = 512  # of a block that has a row, at most

_ROW_FUNCTIONS = """
// Adds up what the threads of a block have, always in the same order, or takes the
// largest.
__device__ inline real row_fold(real own, bool adds) {
    __shared__ real parts[most_threads];
    const unsigned thread = threadIdx.x;
    parts[thread] = own;
    __syncthreads();
    for (unsigned width = blockDim.x; width > 1;) {
        const unsigned half = (width + 1) / 2;
        if (thread + half < width) {
            const real other = parts[thread + half];
            parts[thread] = adds ? parts[thread] + other : larger(parts[thread], other);
        }
        width = half;
        __syncthreads();
    }
    const real folded = parts[0];
    __syncthreads();
    return folded;
}
__device__ inline real row_total(real own) { return row_fold(own, true); }

// Each of these writes y, or the gradient du at u, when all threads have read; a row of
// one entry is written by one of them. d is the gradient that arrives at y.
#define each_feature (Index k = threadIdx.x; k < width; k += blockDim.x)
__device__ inline void row_put(scalar* y, real value) {
    if (threadIdx.x == 0) {
        store(y, 0, value);
    }
}
__device__ inline real total_of(const scalar* u, Index width) {
    real own = 0;
    for each_feature own += load(u, k);
    return row_total(own);
}
__device__ inline real mean_of_square(const scalar* u, Index width, real less) {
    real own = 0;
    for each_feature own += square(load(u, k) - less);
    return row_total(own) / width;
}
__device__ inline real total_of_product(const scalar* u, const scalar* v, Index width) {
    real own = 0;
    for each_feature own += load(u, k) * load(v, k);
    return row_total(own);
}
__device__ inline real largest_of(const scalar* u, Index width, real sign) {
    real own = -infinity();
    for each_feature own = larger(own, sign * load(u, k));
    return sign * row_fold(own, false);
}
__device__ inline real total_of_exp(const scalar* u, Index width, real less) {
    real own = 0;
    for each_feature own += exp(load(u, k) - less);
    return row_total(own);
}

__device__ inline void row_sum(const scalar* u, Index width, scalar* y) {
    row_put(y, total_of(u, width));
}
__device__ inline void row_mean(const scalar* u, Index width, scalar* y) {
    row_put(y, total_of(u, width) / width);
}
__device__ inline void row_largest(const scalar* u, Index width, scalar* y) {
    row_put(y, largest_of(u, width, 1));
}
__device__ inline void row_smallest(const scalar* u, Index width, scalar* y) {
    row_put(y, largest_of(u, width, -1));
}
__device__ inline void row_softmax(const scalar* u, Index width, scalar* y) {
    const real top = largest_of(u, width, 1), total = total_of_exp(u, width, top);
    for each_feature store(y, k, exp(load(u, k) - top) / total);
}
__device__ inline void row_log_softmax(const scalar* u, Index width, scalar* y) {
    const real top = largest_of(u, width, 1);
    const real size = log(total_of_exp(u, width, top));
    for each_feature store(y, k, load(u, k) - top - size);
}
__device__ inline void row_layer_norm(
    const scalar* u, Index width, real epsilon, scalar* y
) {
    const real mean = total_of(u, width) / width;
    const real deviation = sqrt(mean_of_square(u, width, mean) + epsilon);
    for each_feature store(y, k, (load(u, k) - mean) / deviation);
}
__device__ inline void row_rms_norm(
    const scalar* u, Index width, real epsilon, scalar* y
) {
    const real root = sqrt(mean_of_square(u, width, 0) + epsilon);
    for each_feature store(y, k, load(u, k) / root);
}

__device__ inline void row_sum_backward(const scalar* d, Index width, scalar* du) {
    const real part = load(d, 0);
    for each_feature store(du, k, part);
}
__device__ inline void row_mean_backward(const scalar* d, Index width, scalar* du) {
    const real part = load(d, 0) / width;
    for each_feature store(du, k, part);
}
__device__ inline void row_extreme_backward(
    const scalar* d, const scalar* y, const scalar* u, Index width, scalar* du
) {
    const real extreme = load(y, 0);
    real own = 0;
    for each_feature own += load(u, k) == extreme;
    const real part = load(d, 0) / row_total(own);
    for each_feature store(du, k, (load(u, k) == extreme) * part);
}
__device__ inline void row_softmax_backward(
    const scalar* d, const scalar* y, Index width, scalar* du
) {
    const real along = total_of_product(d, y, width);
    for each_feature store(du, k, load(y, k) * (load(d, k) - along));
}
__device__ inline void row_log_softmax_backward(
    const scalar* d, const scalar* y, Index width, scalar* du
) {
    const real total = total_of(d, width);
    for each_feature store(du, k, load(d, k) - exp(load(y, k)) * total);
}
__device__ inline void row_layer_norm_backward(
    const scalar* d, const scalar* y, const scalar* u, Index width, real epsilon,
    scalar* du
) {
    const real mean = total_of(u, width) / width;
    const real deviation = sqrt(mean_of_square(u, width, mean) + epsilon);
    const real even = total_of(d, width) / width;
    const real along = total_of_product(d, y, width) / width;
    for each_feature store(du, k, (load(d, k) - even - load(y, k) * along) / deviation);
}
__device__ inline void row_rms_norm_backward(
    const scalar* d, const scalar* y, const scalar* u, Index width, real epsilon,
    scalar* du
) {
    const real root = sqrt(mean_of_square(u, width, 0) + epsilon);
    const real along = total_of_product(d, y, width) / width;
    for each_feature store(du, k, (load(d, k) - load(y, k) * along) / root);
}
"""

ROW_SOURCE = f"const unsigned most_threads = {ROW_THREADS};\n{_ROW_FUNCTIONS}"
