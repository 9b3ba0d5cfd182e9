// What CUDA C++ has and C++ has not, so that kernels run on a CPU: thread after thread,
// or, where they wait for one another, each in a thread of the system.
#include <cmath>
#include <cstring>
#include <pthread.h>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(threads)

using std::cos;
using std::erf;
using std::exp;
using std::expm1;
using std::fabs;
using std::log;
using std::log1p;
using std::pow;
using std::sin;
using std::sqrt;
using std::tanh;

struct Number {
    unsigned x;
};
static thread_local Number blockIdx, threadIdx, blockDim, gridDim;
static pthread_barrier_t meeting;

extern "C" void be_block(unsigned threads) {
    pthread_barrier_init(&meeting, nullptr, threads);
}

static inline void __syncthreads() { pthread_barrier_wait(&meeting); }

extern "C" void be_thread(unsigned block, unsigned thread, unsigned blocks, unsigned threads) {
    blockIdx.x = block;
    threadIdx.x = thread;
    gridDim.x = blocks;
    blockDim.x = threads;
}

static inline unsigned __float_as_uint(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float __uint_as_float(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
