// libcublas.so.13: matrix products, column-major as cuBLAS has them. NumPy's OpenBLAS computes those in float and
// double, where set_blas() was given it; loops compute the rest.
#include <immintrin.h>

#include <complex>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <vector>

#include "host.h"

namespace {

enum cublasStatus { SUCCESS = 0, NOT_SUPPORTED = 15 };
enum cudaDataType { R_32F = 0, R_64F = 1, R_16F = 2, C_32F = 4, C_64F = 5, R_16BF = 14 };
enum cublasOperation { AS_IT_IS = 0, TRANSPOSED = 1, CONJUGATE_TRANSPOSED = 2 };

long products = 0;

// C = alpha op(A) op(B) + beta C, where op(A) is m × k and op(B) k × n.
template <class T> struct Product {
  int op_a, op_b;
  long m, n, k;
  T alpha;
  const T *a;
  long lda;
  const T *b;
  long ldb;
  T beta;
  T *c;
  long ldc;
};

template <class T>
using Gemm = void (*)(const char *, const char *, const long *, const long *, const long *, const T *, const T *,
                      const long *, const T *, const long *, const T *, T *, const long *);
template <class T> Gemm<T> openblas = nullptr;  // NumPy's function for T

float conjugate(float x) { return x; }
double conjugate(double x) { return x; }
template <class R> std::complex<R> conjugate(std::complex<R> x) { return std::conj(x); }

// The element (i, j) of op(X).
template <class T> T element(const T *x, long ld, int op, long i, long j) {
  if (op == AS_IT_IS) return x[i + j * ld];
  return op == TRANSPOSED ? x[j + i * ld] : conjugate(x[j + i * ld]);
}

template <class T> void by_loops(const Product<T> &p) {
  using Sum = std::conditional_t<std::is_floating_point<T>::value, double, T>;
  for (long j = 0; j < p.n; j++) {
    for (long i = 0; i < p.m; i++) {
      Sum sum = 0;
      for (long l = 0; l < p.k; l++)
        sum += static_cast<Sum>(element(p.a, p.lda, p.op_a, i, l)) * static_cast<Sum>(element(p.b, p.ldb, p.op_b, l, j));
      T &c = p.c[i + j * p.ldc];  // which may hold NaN where beta is 0: it is not read then
      c = p.alpha * static_cast<T>(sum) + (p.beta == T(0) ? T(0) : p.beta * c);
    }
  }
}

template <class T> int compute(const Product<T> &p) {
  ++products;
  if constexpr (std::is_floating_point<T>::value) {
    if (openblas<T>) {
      char op_a = "NTC"[p.op_a], op_b = "NTC"[p.op_b];
      openblas<T>(&op_a, &op_b, &p.m, &p.n, &p.k, &p.alpha, p.a, &p.lda, p.b, &p.ldb, &p.beta, p.c, &p.ldc);
      return SUCCESS;
    }
  }
  by_loops(p);
  return SUCCESS;
}

// --- products whose types are told by numbers --------------------------------------------------------

using Half = unsigned short;  // the bits of a float16 or a bfloat16

float to_float(Half bits, int type) {
  if (type == R_16F) return _cvtsh_ss(bits);
  unsigned wide = static_cast<unsigned>(bits) << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}
Half to_half(float value, int type) {
  if (type == R_16F) return _cvtss_sh(value, 0);
  if (value != value) return 0x7fff;
  unsigned wide;
  memcpy(&wide, &value, sizeof wide);
  return (wide + 0x7fff + ((wide >> 16) & 1)) >> 16;  // to nearest, ties to even
}

size_t size_of(int type) {
  switch (type) {
    case R_32F: return 4;
    case R_64F:
    case C_32F: return 8;
    case C_64F: return 16;
    default: return 2;
  }
}

struct TypedProduct {
  int op_a, op_b;
  long m, n, k;
  const void *alpha, *a;
  int type_a;
  long lda;
  const void *b;
  int type_b;
  long ldb;
  const void *beta;
  void *c;
  int type_c;
  long ldc;
};

template <class T> int compute_as(const TypedProduct &p) {
  return compute<T>({p.op_a, p.op_b, p.m, p.n, p.k, *static_cast<const T *>(p.alpha), static_cast<const T *>(p.a), p.lda,
                     static_cast<const T *>(p.b), p.ldb, *static_cast<const T *>(p.beta), static_cast<T *>(p.c), p.ldc});
}

std::vector<float> widened(const void *matrix, int type, long rows, long columns, long ld) {
  std::vector<float> wide(ld * columns, 0.f);
  for (long j = 0; j < columns; j++)
    for (long i = 0; i < rows; i++) wide[i + j * ld] = to_float(static_cast<const Half *>(matrix)[i + j * ld], type);
  return wide;
}

// Of two matrices in 16 bits, computed in float32 and rounded to C's type.
int compute_halves(const TypedProduct &p) {
  float alpha = *static_cast<const float *>(p.alpha), beta = *static_cast<const float *>(p.beta);
  bool narrow = p.type_c != R_32F;
  auto a = p.op_a ? widened(p.a, p.type_a, p.k, p.m, p.lda) : widened(p.a, p.type_a, p.m, p.k, p.lda);
  auto b = p.op_b ? widened(p.b, p.type_b, p.n, p.k, p.ldb) : widened(p.b, p.type_b, p.k, p.n, p.ldb);
  if (!narrow)
    return compute<float>({p.op_a, p.op_b, p.m, p.n, p.k, alpha, a.data(), p.lda, b.data(), p.ldb, beta,
                           static_cast<float *>(p.c), p.ldc});
  auto c = beta ? widened(p.c, p.type_c, p.m, p.n, p.ldc) : std::vector<float>(p.ldc * p.n, 0.f);
  compute<float>({p.op_a, p.op_b, p.m, p.n, p.k, alpha, a.data(), p.lda, b.data(), p.ldb, beta, c.data(), p.ldc});
  for (long j = 0; j < p.n; j++)
    for (long i = 0; i < p.m; i++) static_cast<Half *>(p.c)[i + j * p.ldc] = to_half(c[i + j * p.ldc], p.type_c);
  return SUCCESS;
}

int compute_typed(const TypedProduct &p) {
  bool alike = p.type_b == p.type_a, all_alike = alike && p.type_c == p.type_a;
  switch (p.type_a) {
    case R_32F:
      if (all_alike) return compute_as<float>(p);
      break;
    case R_64F:
      if (all_alike) return compute_as<double>(p);
      break;
    case C_32F:
      if (all_alike) return compute_as<std::complex<float>>(p);
      break;
    case C_64F:
      if (all_alike) return compute_as<std::complex<double>>(p);
      break;
    case R_16F:
    case R_16BF:
      if (all_alike || (alike && p.type_c == R_32F)) return compute_halves(p);
      break;
  }
  fprintf(stderr, "cusim: no product of the types %d, %d and %d\n", p.type_a, p.type_b, p.type_c);
  return NOT_SUPPORTED;
}

}  // namespace

EXPORT void cusim_set_blas(void *sgemm, void *dgemm) {
  openblas<float> = reinterpret_cast<Gemm<float>>(sgemm);
  openblas<double> = reinterpret_cast<Gemm<double>>(dgemm);
}
EXPORT long cusim_products() { return products; }

// --- the handle --------------------------------------------------------------------------------------

static int pointer_mode = 0;  // where alpha and beta lie: all the same to us

EXPORT int cublasCreate_v2(void **handle) {
  *handle = reinterpret_cast<void *>(0xB1A5);
  return SUCCESS;
}
EXPORT int cublasDestroy_v2(void *) { return SUCCESS; }
EXPORT int cublasGetVersion_v2(void *, int *version) {
  *version = 10 * cusim::VERSION;
  return SUCCESS;
}
EXPORT int cublasSetStream_v2(void *, void *) { return SUCCESS; }
EXPORT int cublasGetStream_v2(void *, void **stream) {
  *stream = nullptr;
  return SUCCESS;
}
EXPORT int cublasSetMathMode(void *, int) { return SUCCESS; }
EXPORT int cublasGetMathMode(void *, int *mode) {
  *mode = 0;
  return SUCCESS;
}
EXPORT int cublasSetPointerMode_v2(void *, int mode) {
  pointer_mode = mode;
  return SUCCESS;
}
EXPORT int cublasGetPointerMode_v2(void *, int *mode) {
  *mode = pointer_mode;
  return SUCCESS;
}

// --- products ----------------------------------------------------------------------------------------

#define ONE(NAME, T)                                                                                                 \
  EXPORT int NAME(void *, int op_a, int op_b, int m, int n, int k, const T *alpha, const T *a, int lda, const T *b,  \
                  int ldb, const T *beta, T *c, int ldc) {                                                           \
    return compute<T>({op_a, op_b, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc});                                 \
  }
ONE(cublasSgemm_v2, float)
ONE(cublasDgemm_v2, double)
ONE(cublasCgemm_v2, std::complex<float>)
ONE(cublasZgemm_v2, std::complex<double>)

#define ARRAYS(NAME, T)                                                                                              \
  EXPORT int NAME(void *, int op_a, int op_b, int m, int n, int k, const T *alpha, const T **a, int lda,             \
                  const T **b, int ldb, const T *beta, T **c, int ldc, int count) {                                  \
    for (int i = 0; i < count; i++)                                                                                  \
      compute<T>({op_a, op_b, m, n, k, *alpha, a[i], lda, b[i], ldb, *beta, c[i], ldc});                             \
    return SUCCESS;                                                                                                  \
  }
ARRAYS(cublasSgemmBatched, float)
ARRAYS(cublasDgemmBatched, double)
ARRAYS(cublasCgemmBatched, std::complex<float>)
ARRAYS(cublasZgemmBatched, std::complex<double>)

#define STRIDES(NAME, T)                                                                                             \
  EXPORT int NAME(void *, int op_a, int op_b, int m, int n, int k, const T *alpha, const T *a, int lda,              \
                  long long stride_a, const T *b, int ldb, long long stride_b, const T *beta, T *c, int ldc,         \
                  long long stride_c, int count) {                                                                   \
    for (int i = 0; i < count; i++)                                                                                  \
      compute<T>({op_a, op_b, m, n, k, *alpha, a + i * stride_a, lda, b + i * stride_b, ldb, *beta,                  \
                  c + i * stride_c, ldc});                                                                           \
    return SUCCESS;                                                                                                  \
  }
STRIDES(cublasSgemmStridedBatched, float)
STRIDES(cublasDgemmStridedBatched, double)
STRIDES(cublasCgemmStridedBatched, std::complex<float>)
STRIDES(cublasZgemmStridedBatched, std::complex<double>)

EXPORT int cublasSgemmEx(void *, int op_a, int op_b, int m, int n, int k, const float *alpha, const void *a, int type_a,
                         int lda, const void *b, int type_b, int ldb, const float *beta, void *c, int type_c, int ldc) {
  return compute_typed({op_a, op_b, m, n, k, alpha, a, type_a, lda, b, type_b, ldb, beta, c, type_c, ldc});
}
EXPORT int cublasGemmEx(void *, int op_a, int op_b, int m, int n, int k, const void *alpha, const void *a, int type_a,
                        int lda, const void *b, int type_b, int ldb, const void *beta, void *c, int type_c, int ldc,
                        int, int) {
  return compute_typed({op_a, op_b, m, n, k, alpha, a, type_a, lda, b, type_b, ldb, beta, c, type_c, ldc});
}
EXPORT int cublasGemmStridedBatchedEx(void *, int op_a, int op_b, int m, int n, int k, const void *alpha, const void *a,
                                      int type_a, int lda, long long stride_a, const void *b, int type_b, int ldb,
                                      long long stride_b, const void *beta, void *c, int type_c, int ldc,
                                      long long stride_c, int count, int, int) {
  for (int i = 0; i < count; i++) {
    auto *a_i = static_cast<const char *>(a) + i * stride_a * size_of(type_a);
    auto *b_i = static_cast<const char *>(b) + i * stride_b * size_of(type_b);
    auto *c_i = static_cast<char *>(c) + i * stride_c * size_of(type_c);
    int error = compute_typed({op_a, op_b, m, n, k, alpha, a_i, type_a, lda, b_i, type_b, ldb, beta, c_i, type_c, ldc});
    if (error) return error;
  }
  return SUCCESS;
}
