// CUDA's functions of numbers that C++ has not, or has under another name.
#pragma once

// --- bits --------------------------------------------------------------------------------------------

template <class To, class From> static inline To cusim_bits(From value) {
  static_assert(sizeof(To) == sizeof(From), "the same bits");
  To bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
static inline int __float_as_int(float x) { return cusim_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return cusim_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return cusim_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return cusim_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return cusim_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return cusim_bits<double>(x); }
static inline int __double2hiint(double x) { return int(cusim_bits<unsigned long long>(x) >> 32); }
static inline int __double2loint(double x) { return int(cusim_bits<unsigned long long>(x)); }
static inline double __hiloint2double(int high, int low) {
  return cusim_bits<double>((unsigned long long)unsigned(high) << 32 | unsigned(low));
}

static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline unsigned __umulhi(unsigned x, unsigned y) { return ((unsigned long long)x * y) >> 32; }
static inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return (unsigned long long)(((unsigned __int128)x * y) >> 64);
}

template <class T> static inline T __ldg(const T *pointer) { return *pointer; }

// --- floating point: those that are quick and rough on a GPU are exact here ----------------------------

static inline float __expf(float x) { return expf(x); }
static inline float __logf(float x) { return logf(x); }
static inline float __log2f(float x) { return log2f(x); }
static inline float __powf(float x, float y) { return powf(x, y); }
static inline float __sinf(float x) { return sinf(x); }
static inline float __cosf(float x) { return cosf(x); }
static inline float __fdividef(float x, float y) { return x / y; }
static inline float fdividef(float x, float y) { return x / y; }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline float rsqrt(float x) { return rsqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static inline float __frsqrt_rn(float x) { return rsqrtf(x); }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __frcp_rn(float x) { return 1.0f / x; }
static inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
static inline float __fadd_rn(float x, float y) { return x + y; }
static inline float __fmul_rn(float x, float y) { return x * y; }
static inline float __saturatef(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
static inline double normcdf(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }
static inline float normcdff(float x) { return float(normcdf(double(x))); }

// --- max and min of any two numbers --------------------------------------------------------------------

#define CUSIM_OF_TWO(NAME, FLOATING, COMPARE)                                                                        \
  template <class A, class B,                                                                                        \
            class = typename std::enable_if<std::is_arithmetic<A>::value && std::is_arithmetic<B>::value>::type>     \
  static inline typename std::common_type<A, B>::type NAME(A a, B b) {                                               \
    typedef typename std::common_type<A, B>::type C;                                                                 \
    if constexpr (std::is_floating_point<C>::value) return FLOATING(C(a), C(b));                                     \
    return C(a) COMPARE C(b) ? C(a) : C(b);                                                                          \
  }
CUSIM_OF_TWO(max, fmax, >)
CUSIM_OF_TWO(min, fmin, <)
