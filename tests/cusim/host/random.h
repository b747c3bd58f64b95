// Random numbers: a GPU's distributions, but not its values.
#pragma once
#include <cmath>
#include <random>

namespace cusim {

using Generator = std::mt19937_64;

// (0, 1], as cuRAND has it.
template <class T> T uniform(Generator &generator) {
  if (sizeof(T) == 4) return static_cast<T>(((generator() >> 40) + 1) * 0x1p-24);
  return static_cast<T>(((generator() >> 11) + 1) * 0x1p-53);
}

// Box and Muller's.
template <class T> T normal(Generator &generator) {
  double radius = std::sqrt(-2 * std::log(uniform<double>(generator)));
  return static_cast<T>(radius * std::cos(6.283185307179586 * uniform<double>(generator)));
}

}  // namespace cusim
