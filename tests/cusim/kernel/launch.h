// A launch and a kernel, as the stand-in for CUDA's driver (../host/driver.cpp) and a compiled kernel (threads.h) see them.
#pragma once

#include <cstddef>

namespace cusim {

struct Launch {
  unsigned grid[3], block[3];
  size_t shared_memory;
};
struct Kernel {
  const char *name;
  int (*run)(const Launch *, void **arguments);
};

}  // namespace cusim
