// Sums of all numbers of an array. Added in double and always in the same order: the same result every time.

// The sum of every thread's number, known to thread 0. Once in a kernel.
__device__ double sum_of_block(double mine) {
    __shared__ double sums[BLOCK];
    sums[threadIdx.x] = mine;
    for (int half = BLOCK / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    return sums[threadIdx.x];  // its own: the others' may still be written to
}

__device__ double itself(T x) { return x; }
__device__ double sigmoid(T x) { return sigma(x); }
__device__ double square(T x) { return (double)x * x; }
__device__ double part(double x) { return x; }

// The sum that this block has of f(x).
template <typename X, double f(X)> __device__ double sum_of(const X *x, long long n) {
    double sum = 0;
    for (long long i = place(); i < n; i += (long long)gridDim.x * BLOCK) sum += f(x[i]);
    return sum_of_block(sum);
}

// y = share * sum x. By many blocks: one part each, if there is room for parts.
extern "C" __global__ void mean(const T *x, long long n, double *parts, double share, T *y) {
    double sum = sum_of<T, itself>(x, n);
    if (threadIdx.x) return;
    if (parts) parts[blockIdx.x] = sum; else *y = share * sum;
}

// y = share * sum s(x), likewise
extern "C" __global__ void mean_sigmoid(const T *x, long long n, double *parts, double share, T *y) {
    double sum = sum_of<T, sigmoid>(x, n);
    if (threadIdx.x) return;
    if (parts) parts[blockIdx.x] = sum; else *y = share * sum;
}

// sum x^2, one part a block
extern "C" __global__ void squares(const T *x, long long n, double *parts) {
    double sum = sum_of<T, square>(x, n);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// share * sum parts, by one block
extern "C" __global__ void share_of_sum(const double *parts, long long n, double share, T *y) {
    double sum = sum_of<double, part>(parts, n);
    if (threadIdx.x == 0) *y = share * sum;
}

// sqrt(sum parts), by one block
extern "C" __global__ void root_of_sum(const double *parts, long long n, T *y) {
    double sum = sum_of<double, part>(parts, n);
    if (threadIdx.x == 0) *y = sqrt(sum);
}
