// Activations: a thread for each of n numbers, which lie in memory in any order, inputs and outputs in the same.

extern "C" __global__ void leaky_relu(const T* x, T* y, bool* positive, T slope, long long n) {
    long long i = place();
    if (i >= n) return;
    T value = x[i];
    y[i] = leaky(value, slope);
    if (positive) positive[i] = value > 0;
}

extern "C" __global__ void leaky_relu_backward(const T* x, const bool* mask, T* y, T slope, long long n) {
    long long i = place();
    if (i < n) y[i] = mask[i] ? x[i] : behind_gate(x[i], slope);
}

extern "C" __global__ void tanh_backward(const T* g, const T* t, T* y, long long n) {
    long long i = place();
    if (i < n) y[i] = (1 - t[i] * t[i]) * g[i];
}

extern "C" __global__ void sigmoid(const T* x, T* y, long long n) {
    long long i = place();
    if (i < n) y[i] = sigma(x[i]);
}

extern "C" __global__ void softplus(const T* x, T* y, long long n) {
    long long i = place();
    if (i < n) y[i] = (x[i] > 0 ? x[i] : T(0)) + log1p(decayed(x[i]));
}
