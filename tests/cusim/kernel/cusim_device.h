// Enough of CUDA C++ to compile a kernel for the host's CPU.
#pragma once
// Before the words below become macros, which these headers use in their own ways.
#include <assert.h>
#include <float.h>
#include <immintrin.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static  // blocks run one after the other
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#define __grid_constant__
#define __CUDACC_VER_MAJOR__ 13
#define __CUDACC_VER_MINOR__ 0

#include "vector_types.h"
// Each needs those before it.
#include "threads.h"
#include "warp.h"
#include "atomics.h"
#include "intrinsics.h"
