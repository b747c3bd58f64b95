// Cross-entropy with logits. A step of 0 reads one number again and again, one of 1 an array.

// y = max(l, 0) - l t + ln(1 + e^-|l|)
extern "C" __global__ void cross_entropy(const T *logits, const T *target, long long target_step, T *y, long long n) {
    long long i = place();
    if (i >= n) return;
    T l = logits[i];  // a NaN goes through its logarithm
    y[i] = (l > 0 ? l : T(0)) - l * target[i * target_step] + log1p(decayed(l));
}

// y = (s(l) - t) g
extern "C" __global__ void cross_entropy_slope(
    const T *g, long long g_step, const T *logits, const T *target, long long target_step, T *y, long long n) {
    long long i = place();
    if (i >= n) return;
    y[i] = (sigma(logits[i]) - target[i * target_step]) * g[i * g_step];
}
