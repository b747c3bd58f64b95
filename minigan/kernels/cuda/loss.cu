// Cross-entropy with logits. A step of 0 reads one number again and again, one of 1 an array.

__device__ T decayed(T l) { return exp(l < -l ? l : -l); }  // e^-|l|, which cannot overflow

// y = max(l, 0) - l t + ln(1 + e^-|l|)
extern "C" __global__ void cross_entropy(const T *logits, const T *target, long long target_step, T *y, long long n) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    T l = logits[i];
    y[i] = (l > 0 ? l : 0 * l) - l * target[i * target_step] + log1p(decayed(l));
}

// y = (s(l) - t) g
extern "C" __global__ void cross_entropy_slope(
    const T *g, long long g_step, const T *logits, const T *target, long long target_step, T *y, long long n) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    T l = logits[i], e = decayed(l);
    y[i] = ((l >= 0 ? 1 : e) / (1 + e) - target[i * target_step]) * g[i * g_step];
}
