// What every kernel is compiled after, compiled once: CUDA's part of C++, and CuPy's own headers.
#pragma once
#include <cusim_device.h>
// CUDA's part comes first: CuPy's headers are written in it.
#include <cupy/complex.cuh>
#include <cupy/carray.cuh>
#include <cupy/atomics.cuh>
#include <cupy/float16.cuh>
#include <cupy/math_constants.h>
