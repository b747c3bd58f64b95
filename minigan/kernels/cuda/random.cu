// The numbers of NumPy's PCG64, each thread's reached by a jump: s -> a s + c, 128 bits wide, a power of two steps at once.

struct Wide { unsigned long long high, low; };

struct Jumps { Wide a[JUMPS], c[JUMPS]; };  // [k]: 2^k steps

__device__ Wide times(Wide x, Wide y) {  // mod 2^128
    unsigned long long half = 0xffffffffULL, x0 = x.low & half, x1 = x.low >> 32, y0 = y.low & half, y1 = y.low >> 32;
    unsigned long long middle = x1 * y0 + (x0 * y0 >> 32), other = x0 * y1 + (middle & half);
    Wide z;
    z.high = x1 * y1 + (middle >> 32) + (other >> 32) + x.high * y.low + x.low * y.high;
    z.low = x.low * y.low;
    return z;
}

__device__ Wide plus(Wide x, Wide y) {
    Wide z;
    z.low = x.low + y.low;
    z.high = x.high + y.high + (z.low < x.low);
    return z;
}

__device__ Wide jumped(Wide state, const Jumps &jumps, int k) { return plus(times(jumps.a[k], state), jumps.c[k]); }

__device__ unsigned long long drawn(Wide state) {  // XSL-RR
    unsigned long long x = state.high ^ state.low;
    int turn = (int)(state.high >> 58);
    return x >> turn | x << (-turn & 63);
}

// mask[i] = scale where the i-th number of 24 bits is `least` or more, else 0. One draw of 64 bits makes two numbers, the
// low half first; a thread makes DRAWS pairs, a block's threads' first ones lie side by side. pending: 1 if the first number is the half `left` over from before. state: after the first draw.
extern "C" __global__ void keep_mask(
    T *mask, long long n, Wide state, Jumps jumps, long long least, T scale, long long pending, long long left) {
    long long pair = (long long)blockIdx.x * (DRAWS << LOG2_BLOCK) + threadIdx.x;
    if (pair == 0 && pending) mask[0] = left >> 8 >= least ? scale : 0;
    for (int k = 0; k < JUMPS; k++)
        if (pair >> k & 1) state = jumped(state, jumps, k);
    for (int r = 0; r < DRAWS; r++) {
        long long i = pending + 2 * pair;
        if (i >= n) return;
        unsigned long long bits = drawn(state);
        mask[i] = ((unsigned int)bits >> 8) >= least ? scale : 0;
        if (i + 1 < n) mask[i + 1] = (long long)(bits >> 40) >= least ? scale : 0;
        state = jumped(state, jumps, LOG2_BLOCK);
        pair += BLOCK;
    }
}
