// What the files of the stand-in for libcuda and the CUDA runtime share.
#pragma once
#include <cstddef>

// A function that CuPy calls. Those named sim_NAME take the place of NAME, which lies inside of CuPy's own libraries.
#define EXPORT extern "C" __attribute__((visibility("default")))

namespace cusim {

// What has been asked of the device so far, in the order in which counters() in ../__init__.py names it.
enum Counter { LAUNCH, HOST_TO_DEVICE, DEVICE_TO_HOST, ON_DEVICE, SYNCHRONISATION, MALLOC, COUNTERS };
extern long counters[COUNTERS];

// The device's properties: those of an H100, with less memory.
constexpr int COMPUTE_CAPABILITY_MAJOR = 9, COMPUTE_CAPABILITY_MINOR = 0;
constexpr int VERSION = 13000;  // of CUDA
constexpr size_t TOTAL_MEMORY = 8ull << 30;
constexpr int MULTIPROCESSORS = 132;
constexpr int WARP = 32;
constexpr int MAX_THREADS = 1024, MAX_THREADS_Z = 64;            // of a block
constexpr int MAX_GRID_X = 2147483647, MAX_GRID_YZ = 65535;      // blocks of a grid
constexpr int SHARED_MEMORY = 49152, MAX_SHARED_MEMORY = 232448; // of a block, as it is and when asked for
constexpr int REGISTERS = 65536;
constexpr int TEXTURE_ALIGNMENT = 512;
constexpr int THREADS_PER_MULTIPROCESSOR = 2048, SHARED_MEMORY_PER_MULTIPROCESSOR = 233472;

}  // namespace cusim
