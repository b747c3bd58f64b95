// What several files use: it is written before each of them, behind T and the constants.

// The number of this thread.
__device__ long long place() { return (long long)blockIdx.x * blockDim.x + threadIdx.x; }

// x where it is positive, 0 included in the rest; `slope * x` would make a NaN of 0 · −∞.
__device__ T leaky(T x, T slope) {
    if (x > 0) return x;
    return slope == 0 && x == x ? T(0) : slope * x;
}

// A gradient at a gate that is shut; `slope * x` would make a NaN of 0 · ∞.
__device__ T behind_gate(T x, T slope) { return slope == 0 ? T(0) : slope * x; }

// e^−|x|, which cannot overflow
__device__ T decayed(T x) { return exp(-fabs(x)); }

// 1 / (1 + e^−x)
__device__ T sigma(T x) {
    T e = decayed(x);
    return (x >= 0 ? T(1) : e) / (1 + e);
}

