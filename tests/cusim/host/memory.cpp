// The device's memory. It lies in the host's, but each block is known by its address, so that a pointer to the host
// is told from one to the device, and a copy in the wrong direction is refused.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include <cuda_runtime_api.h>

#include "host.h"

namespace {

constexpr size_t ALIGNMENT = 512;  // as CUDA's

std::mutex mutex;
std::map<uintptr_t, size_t> blocks;  // address: size
size_t used = 0;

size_t rounded(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

bool on_device(const void *pointer) {
  std::lock_guard<std::mutex> lock(mutex);
  uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
  auto next = blocks.upper_bound(address);
  if (next == blocks.begin()) return false;
  auto [start, size] = *--next;
  return address < start + size;
}

cudaError_t copy(void *to, const void *from, size_t size, int kind, bool waits) {
  if (size == 0) return cudaSuccess;
  bool to_device = on_device(to), from_device = on_device(from), allowed = true;
  if (kind == cudaMemcpyDefault)
    kind = to_device ? (from_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice)
                     : (from_device ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost);
  switch (kind) {
    case cudaMemcpyHostToDevice:
      ++cusim::counters[cusim::HOST_TO_DEVICE];
      allowed = to_device && !from_device;
      break;
    case cudaMemcpyDeviceToHost:
      ++cusim::counters[cusim::DEVICE_TO_HOST];
      if (waits) ++cusim::counters[cusim::SYNCHRONISATION];
      allowed = !to_device && from_device;
      break;
    case cudaMemcpyDeviceToDevice:
      ++cusim::counters[cusim::ON_DEVICE];
      allowed = to_device && from_device;
      break;
  }
  if (!allowed) {
    fprintf(stderr, "cusim: a copy of kind %d from the %s to the %s\n", kind, from_device ? "device" : "host",
            to_device ? "device" : "host");
    return cudaErrorInvalidValue;
  }
  memmove(to, from, size);
  return cudaSuccess;
}

}  // namespace

// Fresh memory holds 0xff bytes: NaN as floating point, so that what reads it unwritten shows.
EXPORT cudaError_t sim_cudaMalloc(void **pointer, size_t size) {
  *pointer = nullptr;
  if (size == 0) return cudaSuccess;
  size = rounded(size, ALIGNMENT);
  std::lock_guard<std::mutex> lock(mutex);
  if (used + size > cusim::TOTAL_MEMORY) return cudaErrorMemoryAllocation;
  // A gap after each block: the address one past its end belongs to no other.
  *pointer = aligned_alloc(ALIGNMENT, size + ALIGNMENT);
  if (!*pointer) return cudaErrorMemoryAllocation;
  memset(*pointer, 0xff, size);
  blocks[reinterpret_cast<uintptr_t>(*pointer)] = size;
  used += size;
  ++cusim::counters[cusim::MALLOC];
  return cudaSuccess;
}

EXPORT cudaError_t sim_cudaFree(void *pointer) {
  if (!pointer) return cudaSuccess;
  std::lock_guard<std::mutex> lock(mutex);
  auto found = blocks.find(reinterpret_cast<uintptr_t>(pointer));
  if (found == blocks.end()) return cudaErrorInvalidValue;
  used -= found->second;
  blocks.erase(found);
  free(pointer);
  return cudaSuccess;
}

EXPORT cudaError_t sim_cudaMallocAsync(void **pointer, size_t size, cudaStream_t) {
  return sim_cudaMalloc(pointer, size);
}
EXPORT cudaError_t sim_cudaFreeAsync(void *pointer, cudaStream_t) { return sim_cudaFree(pointer); }
EXPORT cudaError_t sim_cudaMallocManaged(void **pointer, size_t size, unsigned) {
  return sim_cudaMalloc(pointer, size);
}

EXPORT cudaError_t sim_cudaHostAlloc(void **pointer, size_t size, unsigned) {
  constexpr size_t page = 4096;
  *pointer = aligned_alloc(page, rounded(size, page));
  return *pointer || size == 0 ? cudaSuccess : cudaErrorMemoryAllocation;
}
EXPORT cudaError_t sim_cudaFreeHost(void *pointer) {
  free(pointer);
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaHostRegister(void *, size_t, unsigned) { return cudaSuccess; }
EXPORT cudaError_t sim_cudaHostUnregister(void *) { return cudaSuccess; }

EXPORT cudaError_t sim_cudaMemGetInfo(size_t *available, size_t *total) {
  *total = cusim::TOTAL_MEMORY;
  *available = *total - used;
  return cudaSuccess;
}

EXPORT cudaError_t sim_cudaMemcpy(void *to, const void *from, size_t size, int kind) {
  return copy(to, from, size, kind, true);
}
EXPORT cudaError_t sim_cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, cudaStream_t) {
  return copy(to, from, size, kind, false);
}

EXPORT cudaError_t sim_cudaMemset(void *pointer, int value, size_t size) {
  if (size && !on_device(pointer)) return cudaErrorInvalidValue;
  memset(pointer, value, size);
  return cudaSuccess;
}
EXPORT cudaError_t sim_cudaMemsetAsync(void *pointer, int value, size_t size, cudaStream_t) {
  return sim_cudaMemset(pointer, value, size);
}

EXPORT cudaError_t sim_cudaPointerGetAttributes(cudaPointerAttributes *attributes, const void *pointer) {
  memset(attributes, 0, sizeof *attributes);
  attributes->type = cudaMemoryTypeUnregistered;
  if (on_device(pointer)) {
    attributes->type = cudaMemoryTypeDevice;
    attributes->devicePointer = const_cast<void *>(pointer);
  }
  return cudaSuccess;
}
