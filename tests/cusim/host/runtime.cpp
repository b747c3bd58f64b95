// The CUDA runtime beside memory: one device, whose streams and events do everything at once and in order.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <cuda_runtime_api.h>

#include "host.h"

namespace cusim {
long counters[COUNTERS];
}

EXPORT long *cusim_counters() { return cusim::counters; }

// --- the device ------------------------------------------------------------------------------------

EXPORT cudaError_t sim_cudaDriverGetVersion(int *version) {
  *version = cusim::VERSION;
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaRuntimeGetVersion(int *version) {
  *version = cusim::VERSION;
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaGetDevice(int *device) {
  *device = 0;
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }
EXPORT cudaError_t sim_cudaGetDeviceCount(int *count) {
  *count = 1;
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaGetLastError() { return cudaSuccess; }
EXPORT cudaError_t sim_cudaPeekAtLastError() { return cudaSuccess; }
EXPORT cudaError_t sim_cudaDeviceSynchronize() {
  ++cusim::counters[cusim::SYNCHRONISATION];
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaDeviceCanAccessPeer(int *can, int, int) {
  *can = 0;
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaDeviceGetLimit(size_t *value, int) {
  *value = 1024;
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaDeviceSetLimit(int, size_t) { return cudaSuccess; }
EXPORT cudaError_t sim_cudaDeviceGetPCIBusId(char *id, int size, int) {
  snprintf(id, size, "0000:00:00.0");
  return cudaSuccess;
}

static int attribute(int which) {
  switch (which) {
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY: return cusim::MAX_THREADS;
    case cudaDevAttrMaxBlockDimZ: return cusim::MAX_THREADS_Z;
    case cudaDevAttrMaxGridDimX: return cusim::MAX_GRID_X;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ: return cusim::MAX_GRID_YZ;
    case cudaDevAttrMaxSharedMemoryPerBlock: return cusim::SHARED_MEMORY;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: return cusim::MAX_SHARED_MEMORY;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: return cusim::SHARED_MEMORY_PER_MULTIPROCESSOR;
    case cudaDevAttrTotalConstantMemory: return 65536;
    case cudaDevAttrWarpSize: return cusim::WARP;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor: return cusim::REGISTERS;
    case cudaDevAttrClockRate: return 1755000;  // kHz
    case cudaDevAttrTextureAlignment: return cusim::TEXTURE_ALIGNMENT;
    case cudaDevAttrMultiProcessorCount: return cusim::MULTIPROCESSORS;
    case cudaDevAttrMaxThreadsPerMultiProcessor: return cusim::THREADS_PER_MULTIPROCESSOR;
    case cudaDevAttrMaxBlocksPerMultiprocessor: return 32;
    case cudaDevAttrComputeCapabilityMajor: return cusim::COMPUTE_CAPABILITY_MAJOR;
    case cudaDevAttrComputeCapabilityMinor: return cusim::COMPUTE_CAPABILITY_MINOR;
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrCooperativeLaunch: return 1;
    default: return 0;
  }
}

EXPORT cudaError_t sim_cudaDeviceGetAttribute(int *value, int which, int) {
  *value = attribute(which);
  return cudaSuccess;
}

EXPORT cudaError_t sim_cudaGetDeviceProperties(cudaDeviceProp *properties, int) {
  cudaDeviceProp &p = *properties;
  memset(&p, 0, sizeof p);
  strcpy(p.name, "cusim (CPU)");
  p.major = cusim::COMPUTE_CAPABILITY_MAJOR;
  p.minor = cusim::COMPUTE_CAPABILITY_MINOR;
  p.totalGlobalMem = cusim::TOTAL_MEMORY;
  p.sharedMemPerBlock = cusim::SHARED_MEMORY;
  p.sharedMemPerBlockOptin = cusim::MAX_SHARED_MEMORY;
  p.sharedMemPerMultiprocessor = cusim::SHARED_MEMORY_PER_MULTIPROCESSOR;
  p.regsPerBlock = cusim::REGISTERS;
  p.warpSize = cusim::WARP;
  p.maxThreadsPerBlock = p.maxThreadsDim[0] = p.maxThreadsDim[1] = cusim::MAX_THREADS;
  p.maxThreadsDim[2] = cusim::MAX_THREADS_Z;
  p.maxGridSize[0] = cusim::MAX_GRID_X;
  p.maxGridSize[1] = p.maxGridSize[2] = cusim::MAX_GRID_YZ;
  p.multiProcessorCount = cusim::MULTIPROCESSORS;
  p.maxThreadsPerMultiProcessor = cusim::THREADS_PER_MULTIPROCESSOR;
  p.textureAlignment = cusim::TEXTURE_ALIGNMENT;
  p.l2CacheSize = 50 << 20;
  p.memoryBusWidth = 5120;
  p.unifiedAddressing = 1;
  return cudaSuccess;
}

// --- streams ---------------------------------------------------------------------------------------

EXPORT cudaError_t sim_cudaStreamCreate(void **stream) {
  static uintptr_t last = 0x1000;
  *stream = reinterpret_cast<void *>(last += 16);
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaStreamCreateWithFlags(void **stream, unsigned) { return sim_cudaStreamCreate(stream); }
EXPORT cudaError_t sim_cudaStreamCreateWithPriority(void **stream, unsigned, int) {
  return sim_cudaStreamCreate(stream);
}
EXPORT cudaError_t sim_cudaStreamGetFlags(void *, unsigned *flags) {
  *flags = cudaStreamNonBlocking;
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaStreamGetPriority(void *, int *priority) {
  *priority = 0;
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaStreamDestroy(void *) { return cudaSuccess; }
EXPORT cudaError_t sim_cudaStreamSynchronize(void *) {
  ++cusim::counters[cusim::SYNCHRONISATION];
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaStreamQuery(void *) { return cudaSuccess; }
EXPORT cudaError_t sim_cudaStreamWaitEvent(void *, void *, unsigned) { return cudaSuccess; }
EXPORT cudaError_t sim_cudaStreamIsCapturing(void *, int *status) {
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaLaunchHostFunc(void *, void (*function)(void *), void *argument) {
  function(argument);
  return cudaSuccess;
}

// --- events: the time at which each was recorded, in milliseconds -----------------------------------

EXPORT cudaError_t sim_cudaEventCreate(double **event) {
  *event = new double(0);
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaEventCreateWithFlags(double **event, unsigned) { return sim_cudaEventCreate(event); }
EXPORT cudaError_t sim_cudaEventDestroy(double *event) {
  delete event;
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaEventRecord(double *event, void *) {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  *event = std::chrono::duration<double, std::milli>(now).count();
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaEventSynchronize(double *) {
  ++cusim::counters[cusim::SYNCHRONISATION];
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaEventQuery(double *) { return cudaSuccess; }
EXPORT cudaError_t sim_cudaEventElapsedTime(float *milliseconds, double *start, double *end) {
  *milliseconds = static_cast<float>(*end - *start);
  return cudaSuccess;
}

EXPORT cudaError_t sim_cudaProfilerStart() { return cudaSuccess; }
EXPORT cudaError_t sim_cudaProfilerStop() { return cudaSuccess; }
