// The compiled kernels of cupy.random.Generator, which lie inside of one of CuPy's own libraries.
#include <sys/types.h>

#include <cstdint>
#include <map>

#include "host.h"
#include "random.h"

// The generator whose state CuPy keeps at this address.
static cusim::Generator &at(intptr_t state) {
  static std::map<intptr_t, cusim::Generator> generators;
  return generators[state];
}

template <class T, class Draw> static void fill(intptr_t state, intptr_t out, ssize_t size, Draw draw) {
  ++cusim::counters[cusim::LAUNCH];
  cusim::Generator &generator = at(state);
  for (ssize_t i = 0; i < size; i++) reinterpret_cast<T *>(out)[i] = draw(generator);
}

// Integers from 0 to `most`: those of the bits that `mask` lets through that are not above it.
template <class T> static void integers(intptr_t state, intptr_t out, ssize_t size, T most, T mask) {
  fill<T>(state, out, size, [=](auto &generator) {
    T value;
    do value = static_cast<T>(generator()) & mask;
    while (value > most);
    return value;
  });
}

EXPORT void sim_init_curand_generator(int, intptr_t state, uint64_t seed, ssize_t, intptr_t) { at(state).seed(seed); }
EXPORT void sim_random_uniform(int, intptr_t state, ssize_t, intptr_t out, ssize_t size, intptr_t) {
  fill<double>(state, out, size, [](auto &generator) { return (generator() >> 11) * 0x1p-53; });
}
EXPORT void sim_random_uniform_float(int, intptr_t state, ssize_t, intptr_t out, ssize_t size, intptr_t) {
  fill<float>(state, out, size, [](auto &generator) { return (generator() >> 40) * 0x1p-24f; });
}
EXPORT void sim_standard_normal(int, intptr_t state, ssize_t, intptr_t out, ssize_t size, intptr_t) {
  fill<double>(state, out, size, cusim::normal<double>);
}
EXPORT void sim_standard_normal_float(int, intptr_t state, ssize_t, intptr_t out, ssize_t size, intptr_t) {
  fill<float>(state, out, size, cusim::normal<float>);
}
EXPORT void sim_interval_32(int, intptr_t state, ssize_t, intptr_t out, ssize_t size, intptr_t, uint32_t most,
                            uint32_t mask) {
  integers<uint32_t>(state, out, size, most, mask);
}
EXPORT void sim_interval_64(int, intptr_t state, ssize_t, intptr_t out, ssize_t size, intptr_t, uint64_t most,
                            uint64_t mask) {
  integers<uint64_t>(state, out, size, most, mask);
}
