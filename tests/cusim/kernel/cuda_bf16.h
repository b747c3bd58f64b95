// bfloat16, in the place of CUDA's own header.
#pragma once
#include <string.h>

struct __nv_bfloat16_raw { unsigned short x; };

struct __nv_bfloat16 {
  unsigned short bits;
  __nv_bfloat16() = default;
  __nv_bfloat16(float x) : bits(rounded(x)) {}
  explicit __nv_bfloat16(const __nv_bfloat16_raw &raw) : bits(raw.x) {}
  explicit __nv_bfloat16(bool x) : __nv_bfloat16(float(x)) {}
  explicit __nv_bfloat16(int x) : __nv_bfloat16(float(x)) {}
  explicit __nv_bfloat16(unsigned x) : __nv_bfloat16(float(x)) {}
  explicit __nv_bfloat16(long long x) : __nv_bfloat16(float(x)) {}
  explicit __nv_bfloat16(unsigned long long x) : __nv_bfloat16(float(x)) {}
  explicit __nv_bfloat16(double x) : __nv_bfloat16(float(x)) {}
  operator float() const {
    unsigned wide = unsigned(bits) << 16;
    float x;
    memcpy(&x, &wide, sizeof x);
    return x;
  }
  operator __nv_bfloat16_raw() const { return {bits}; }

 private:
  // To nearest, ties to even.
  static unsigned short rounded(float x) {
    if (x != x) return 0x7fff;
    unsigned wide;
    memcpy(&wide, &x, sizeof wide);
    return (wide + 0x7fff + (wide >> 16 & 1)) >> 16;
  }
};
typedef __nv_bfloat16 nv_bfloat16;

static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x) { return x.bits; }
static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
  return __nv_bfloat16(__nv_bfloat16_raw{bits});
}
