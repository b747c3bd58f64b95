// Sums of all numbers of an array. Added in double and always in the same order: the same result every time.

const int THREADS = 256;

// The sum of every thread's number, known to thread 0.
__device__ double sum_of_block(double mine) {
    __shared__ double sums[THREADS];
    sums[threadIdx.x] = mine;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    return sums[0];
}

// share * sum x, by one block
extern "C" __global__ void mean(const T *x, long long n, double share, T *y) {
    double sum = 0;
    for (long long i = threadIdx.x; i < n; i += THREADS) sum += x[i];
    sum = sum_of_block(sum);
    if (threadIdx.x == 0) *y = (T)(share * sum);
}

// share * sum s(x), by one block
extern "C" __global__ void mean_sigmoid(const T *x, long long n, double share, T *y) {
    double sum = 0;
    for (long long i = threadIdx.x; i < n; i += THREADS) {
        T e = exp(x[i] < -x[i] ? x[i] : -x[i]);
        sum += (x[i] >= 0 ? 1 : e) / (1 + e);
    }
    sum = sum_of_block(sum);
    if (threadIdx.x == 0) *y = (T)(share * sum);
}

// sum x^2, one part a block
extern "C" __global__ void squares(const T *x, long long n, double *parts) {
    double sum = 0;
    for (long long i = (long long)blockIdx.x * THREADS + threadIdx.x; i < n; i += (long long)gridDim.x * THREADS)
        sum += (double)x[i] * x[i];
    sum = sum_of_block(sum);
    if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// sqrt(sum parts), by one block
extern "C" __global__ void root_of_sum(const double *parts, long long n, T *y) {
    double sum = 0;
    for (long long i = threadIdx.x; i < n; i += THREADS) sum += parts[i];
    sum = sum_of_block(sum);
    if (threadIdx.x == 0) *y = (T)sqrt(sum);
}
