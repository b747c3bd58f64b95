// libcuda.so.1: modules of kernels, and their launches. A "module" is what ../kernels.py compiles: a shared library
// with a table of its kernels.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "../kernel/launch.h"
#include "host.h"

namespace {

// cuda.h's numbers, without its names: they change from one version of CUDA to the next.
enum CUresult {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  NO_DEVICE = 100,
  INVALID_IMAGE = 200,
  NOT_FOUND = 500,
  LAUNCH_FAILED = 719,
  NOT_SUPPORTED = 801,
};

using cusim::Kernel, cusim::Launch;

struct Module {
  void *library;
  std::map<std::string, Kernel *> kernels;
};

// What ../kernels.py puts before the shared library.
struct Header {
  char magic[8];
  uint64_t size;
};
constexpr char MAGIC[8] = {'C', 'U', 'S', 'I', 'M', '1', 0, 0};

const bool trace = getenv("CUSIM_TRACE") != nullptr;

// dlopen takes a file only: one that is gone again once it is loaded.
void *load(const char *bytes, size_t size) {
  const char *folder = getenv("TMPDIR");
  std::string name = std::string(folder ? folder : P_tmpdir) + "/cusim_XXXXXX";
  int file = mkstemp(&name[0]);
  if (file < 0) return nullptr;
  bool written = write(file, bytes, size) == static_cast<ssize_t>(size);
  close(file);
  void *library = written ? dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (written && !library) fprintf(stderr, "cusim: %s\n", dlerror());
  unlink(name.c_str());
  return library;
}

}  // namespace

EXPORT int cuInit(unsigned) { return NO_DEVICE; }  // CuPy goes by way of the runtime; whatever else asks gets none
EXPORT int cuGetExportTable(const void **table, const void *) {
  *table = nullptr;
  return NOT_FOUND;
}
EXPORT int cuDriverGetVersion(int *version) {
  *version = cusim::VERSION;
  return SUCCESS;
}
EXPORT int cuGetErrorName(int error, const char **name) {
  switch (error) {
    case INVALID_IMAGE: *name = "CUDA_ERROR_INVALID_IMAGE"; break;
    case NOT_FOUND: *name = "CUDA_ERROR_NOT_FOUND"; break;
    case LAUNCH_FAILED: *name = "CUDA_ERROR_LAUNCH_FAILED"; break;
    default: *name = "CUDA_ERROR(cusim)";
  }
  return SUCCESS;
}
EXPORT int cuGetErrorString(int, const char **text) {
  *text = "cusim error";
  return SUCCESS;
}

// --- the one context -------------------------------------------------------------------------------

static void *const CONTEXT = reinterpret_cast<void *>(1);

EXPORT int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
EXPORT int cuCtxGetCurrent(void **context) {
  *context = CONTEXT;
  return SUCCESS;
}
EXPORT int cuCtxSetCurrent(void *) { return SUCCESS; }
EXPORT int cuCtxGetDevice(int *device) {
  *device = 0;
  return SUCCESS;
}
EXPORT int cuStreamGetCtx(void *, void **context) {
  *context = CONTEXT;
  return SUCCESS;
}

// --- modules ---------------------------------------------------------------------------------------

EXPORT int cuModuleLoadData(Module **module, const void *image) {
  Header header;
  memcpy(&header, image, sizeof header);
  if (memcmp(header.magic, MAGIC, sizeof MAGIC)) return INVALID_IMAGE;
  void *library = load(static_cast<const char *>(image) + sizeof header, header.size);
  if (!library) return INVALID_IMAGE;
  *module = new Module{library, {}};
  auto *kernel = static_cast<Kernel *>(dlsym(library, "cusim_kernels"));
  for (; kernel && kernel->name; ++kernel) (*module)->kernels[kernel->name] = kernel;
  return SUCCESS;
}
EXPORT int cuModuleLoad(void **, const char *) { return NOT_SUPPORTED; }
EXPORT int cuModuleUnload(Module *) { return SUCCESS; }
EXPORT int cuModuleGetFunction(Kernel **kernel, Module *module, const char *name) {
  auto found = module->kernels.find(name);
  if (found == module->kernels.end()) {
    fprintf(stderr, "cusim: no kernel %s\n", name);
    return NOT_FOUND;
  }
  *kernel = found->second;
  return SUCCESS;
}
EXPORT int cuModuleGetGlobal_v2(void **pointer, size_t *size, Module *module, const char *name) {
  void *symbol = dlsym(module->library, name);
  if (!symbol) return NOT_FOUND;
  *pointer = symbol;
  *size = 0;
  return SUCCESS;
}

// --- launches: one at a time, done when the call returns --------------------------------------------

EXPORT int cuLaunchKernel(Kernel *kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                          unsigned block_y, unsigned block_z, unsigned shared_memory, void *, void **arguments,
                          void **) {
  static std::recursive_mutex one_at_a_time;
  std::lock_guard<std::recursive_mutex> lock(one_at_a_time);
  ++cusim::counters[cusim::LAUNCH];
  if (trace)
    fprintf(stderr, "cusim: launch %s <<<(%u,%u,%u),(%u,%u,%u),%u>>>\n", kernel->name, grid_x, grid_y, grid_z, block_x,
            block_y, block_z, shared_memory);
  size_t threads = static_cast<size_t>(block_x) * block_y * block_z;
  if (threads == 0 || threads > cusim::MAX_THREADS || shared_memory > cusim::MAX_SHARED_MEMORY) return INVALID_VALUE;
  if (!grid_x || !grid_y || !grid_z || grid_y > cusim::MAX_GRID_YZ || grid_z > cusim::MAX_GRID_YZ) return INVALID_VALUE;
  Launch launch = {{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared_memory};
  return kernel->run(&launch, arguments);
}
EXPORT int cuLaunchCooperativeKernel(Kernel *kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                                     unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_memory,
                                     void *stream, void **arguments) {
  return cuLaunchKernel(kernel, grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_memory, stream, arguments,
                        nullptr);
}

EXPORT int cuFuncGetAttribute(int *value, int attribute, void *) {
  switch (attribute) {
    case 0: *value = cusim::MAX_THREADS; break;  // CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK
    case 4: *value = 32; break;                  // CU_FUNC_ATTRIBUTE_NUM_REGS
    default: *value = 0;
  }
  return SUCCESS;
}
EXPORT int cuFuncSetAttribute(void *, int, int) { return SUCCESS; }
EXPORT int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *, int, size_t) {
  *blocks = 2;
  return SUCCESS;
}
EXPORT int cuOccupancyMaxPotentialBlockSize(int *grid, int *block, void *, void *, size_t, int) {
  *block = 256;
  *grid = 2 * cusim::MULTIPROCESSORS;
  return SUCCESS;
}
