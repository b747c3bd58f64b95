// Batch normalisation of x (M, C): M rows of C channels, a channel's numbers C apart.
//
// A block stands over `lanes` neighbouring channels (a power of two, at most 32: what a warp reads at once) and
// blockDim / lanes rows, and goes down the rows together with the other blocks of its channels. A sum is made in two
// launches: each block adds up its own rows, then one block adds up the blocks'. The order is that of the shapes,
// never that of the moment, so the same numbers give the same sum to the bit.

const int BATCH = 8;  // so many rows are read at once and added up in T; their sums are added up in double

struct Place {
    long long channel, row, step;
    __device__ Place(int lanes, long long C) {
        long long groups = (C + lanes - 1) / lanes, blocks = gridDim.x / groups;
        int rows = blockDim.x / lanes;
        channel = blockIdx.x % groups * lanes + threadIdx.x % lanes;
        row = blockIdx.x / groups * rows + threadIdx.x / lanes;
        step = blocks * rows;
    }
};

// Both sums over the threads of each channel; true for the thread that has them.
__device__ bool add_up(double& a, double& b, int lanes) {
    __shared__ double sums[2][BLOCK];
    int i = threadIdx.x;
    sums[0][i] = a, sums[1][i] = b;
    for (int half = blockDim.x / 2; half >= lanes; half /= 2) {
        __syncthreads();
        if (i < half) sums[0][i] += sums[0][i + half], sums[1][i] += sums[1][i + half];
    }
    a = sums[0][i], b = sums[1][i];
    return i < lanes;
}

// What the blocks before have left in `sums` (blocks, 2, C), for each channel.
__device__ bool add_up_blocks(const double* sums, long long blocks, long long C, int lanes, long long& c, double& a,
                              double& b) {
    Place at(lanes, C);
    a = b = 0, c = at.channel;
    if (c < C)
        for (long long i = at.row; i < blocks; i += at.step) a += sums[2 * i * C + c], b += sums[(2 * i + 1) * C + c];
    return add_up(a, b, lanes) && c < C;
}

// --- forward ------------------------------------------------------------------------------------------------------

// Σ d and Σ d², d = x − the channel's first number: what offset x has is not in the sums. Eight numbers are summed in T
// as they lie about their own mean m, which float32 is good enough for, and the sums moved from m to the first in double.
extern "C" __global__ void sum_values(const T* __restrict__ x, double* sums, long long M, long long C,
                                      long long lanes) {
    Place at(lanes, C);
    double a = 0, b = 0;
    if (at.channel < C) {
        double first = x[at.channel];
        for (long long row = at.row; row < M;) {
            T values[BATCH], m = 0, r = 0, squares = 0;
            int n = 0;
#pragma unroll
            for (int k = 0; k < BATCH; k++, row += at.step) {
                values[k] = row < M ? x[row * C + at.channel] : T(0);
                m += values[k], n += row < M;
            }
            m /= n;
#pragma unroll
            for (int k = 0; k < BATCH; k++) {
                T d = k < n ? values[k] - m : T(0);
                r += d, squares += d * d;
            }
            double w = m - first;
            a += n * w + r, b += squares + 2 * w * r + n * w * w;
        }
    }
    if (add_up(a, b, lanes) && at.channel < C) {
        long long block = blockIdx.x / ((C + lanes - 1) / lanes);
        sums[2 * block * C + at.channel] = a, sums[(2 * block + 1) * C + at.channel] = b;
    }
}

// found (3, C): the mean, the variance and r = 1/√(variance + ε). by (3, C): scale, shift and
// mean, by which x becomes y = (x − mean) · scale + shift: an offset of x takes none of y's digits.
extern "C" __global__ void finish_statistics(const double* sums, const T* x, const T* gamma, const T* beta, T eps,
                                             T* found, T* by, long long blocks, long long M, long long C,
                                             long long lanes) {
    long long c;
    double a, b;
    if (!add_up_blocks(sums, blocks, C, lanes, c, a, b)) return;
    a /= M;
    double exact = x[c] + a;
    T mean = exact;
    double var = b / M - a * a;
    if (var < 0) var = 0;  // a NaN stays
    double r = 1 / sqrt(var + eps), scale = r * gamma[c];
    found[c] = mean, found[C + c] = var, found[2 * C + c] = r;
    by[c] = scale, by[C + c] = beta[c] - (exact - mean) * scale, by[2 * C + c] = mean;
}

extern "C" __global__ void write_y(const T* __restrict__ x, const T* by, T* __restrict__ y, T slope, long long M,
                                   long long C, long long lanes) {
    Place at(lanes, C);
    if (at.channel >= C) return;
    T scale = by[at.channel], shift = by[C + at.channel], mean = by[2 * C + at.channel];
#pragma unroll 4
    for (long long i = at.row * C + at.channel; i < M * C; i += at.step * C)
        y[i] = leaky(fma(x[i] - mean, scale, shift), slope);
}

// Where y was positive before its activation: by the very operation of `write_y`.
extern "C" __global__ void is_positive(const T* __restrict__ x, const T* by, bool* __restrict__ mask, long long M,
                                       long long C, long long lanes) {
    Place at(lanes, C);
    if (at.channel >= C) return;
    T scale = by[at.channel], shift = by[C + at.channel], mean = by[2 * C + at.channel];
#pragma unroll 4
    for (long long i = at.row * C + at.channel; i < M * C; i += at.step * C)
        mask[i] = fma(x[i] - mean, scale, shift) > 0;
}

extern "C" __global__ void update_running(T* running_mean, T* running_var, long long* batches, const T* mean,
                                          const T* var, T keep, T momentum, T correction, long long C) {
    long long c = place();
    if (c == 0 && batches) *batches += 1;
    if (c >= C) return;
    running_mean[c] = running_mean[c] * keep + mean[c] * momentum;
    running_var[c] = running_var[c] * keep + var[c] * correction * momentum;
}

// --- backward: g is dy behind the activation ----------------------------------------------------------------------

// Σg and Σ g (x − mean).
extern "C" __global__ void sum_gradients(const T* __restrict__ dy, const T* __restrict__ x, const T* means,
                                         const T* by, double* sums, T slope, long long M, long long C,
                                         long long lanes) {
    Place at(lanes, C);
    double a = 0, b = 0;
    if (at.channel < C) {
        T mean = means[at.channel], scale = by[at.channel], shift = by[C + at.channel];
        for (long long row = at.row; row < M;) {
            T part = 0, products = 0;
#pragma unroll
            for (int k = 0; k < BATCH; k++, row += at.step) {
                long long i = row * C + at.channel;
                T value = row < M ? x[i] : mean, g = row < M ? dy[i] : T(0);
                if (!(fma(value - mean, scale, shift) > 0)) g = behind_gate(g, slope);
                part += g, products += g * (value - mean);
            }
            a += part, b += products;
        }
    }
    if (add_up(a, b, lanes) && at.channel < C) {
        long long block = blockIdx.x / ((C + lanes - 1) / lanes);
        sums[2 * block * C + at.channel] = a, sums[(2 * block + 1) * C + at.channel] = b;
    }
}

// dγ, dβ, and the factors (3, C) of dx = u g + v (x − mean) + w.
extern "C" __global__ void finish_gradients(const double* sums, const T* gamma, const T* inv_std, T* dgammas, T* dbetas,
                                            T* factors, long long blocks, long long M, long long C, long long lanes) {
    long long c;
    double a, b;
    if (!add_up_blocks(sums, blocks, C, lanes, c, a, b)) return;
    double r = inv_std[c], dgamma = b * r, u = gamma[c] * r;
    dgammas[c] = dgamma, dbetas[c] = a;
    factors[c] = u, factors[C + c] = -u * r * dgamma / M, factors[2 * C + c] = -u * a / M;
}

extern "C" __global__ void write_dx(const T* __restrict__ dy, const T* __restrict__ x, const T* means, const T* by,
                                    const T* factors, T* __restrict__ dx, T slope, long long M, long long C,
                                    long long lanes) {
    Place at(lanes, C);
    long long c = at.channel;
    if (c >= C) return;
    T mean = means[c], scale = by[c], shift = by[C + c];
    T u = factors[c], v = factors[C + c], w = factors[2 * C + c];
#pragma unroll 4
    for (long long i = at.row * C + c; i < M * C; i += at.step * C) {
        T value = x[i], g = dy[i];
        if (!(fma(value - mean, scale, shift) > 0)) g = behind_gate(g, slope);
        dx[i] = u * g + (v * (value - mean) + w);
    }
}
