// float16, in the place of CUDA's own header.
#pragma once
#include <immintrin.h>

struct __half_raw { unsigned short x; };

struct half {
  unsigned short bits;
  half() = default;
  half(float x) : bits(_cvtss_sh(x, 0)) {}
  explicit half(const __half_raw &raw) : bits(raw.x) {}
  explicit half(bool x) : half(float(x)) {}
  explicit half(int x) : half(float(x)) {}
  explicit half(unsigned x) : half(float(x)) {}
  explicit half(long long x) : half(float(x)) {}
  explicit half(unsigned long long x) : half(float(x)) {}
  explicit half(double x) : half(float(x)) {}
  operator float() const { return _cvtsh_ss(bits); }
  operator __half_raw() const { return {bits}; }
};
typedef half __half;

static inline unsigned short __half_as_ushort(half x) { return x.bits; }
static inline half __ushort_as_half(unsigned short bits) { return half(__half_raw{bits}); }
static inline float __half2float(half x) { return float(x); }
static inline half __float2half(float x) { return half(x); }
static inline half __float2half_rn(float x) { return half(x); }
