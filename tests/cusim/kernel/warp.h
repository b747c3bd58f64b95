// What the threads of a warp do together.
#pragma once

static inline void __syncwarp(unsigned mask = 0xffffffffu) { cusim::leave(cusim::WAITS_FOR_WARP, mask); }
static inline unsigned __activemask() { return 0xffffffffu; }

namespace cusim {

static unsigned long long offered[1024];  // by each thread to the others of its warp

static inline int lane() { return current & 31; }

// The value that the thread `source` of this warp offers; one's own if there is none.
template <class T> static inline T take_from(unsigned mask, T value, int source) {
  static_assert(sizeof(T) <= 8, "shuffles take values of at most 8 bytes");
  int first = current & ~31;
  unsigned long long bits = 0;
  memcpy(&bits, &value, sizeof(T));
  offered[current] = bits;
  __syncwarp(mask);
  if (source >= 0 && source < 32 && first + source < thread_count) bits = offered[first + source];
  __syncwarp(mask);
  T taken;
  memcpy(&taken, &bits, sizeof(T));
  return taken;
}

}  // namespace cusim

template <class T> static inline T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  int lane = cusim::lane();
  return cusim::take_from(mask, value, (lane & ~(width - 1)) | (source & (width - 1)));
}
template <class T> static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  int lane = cusim::lane();
  bool beyond = (lane & (width - 1)) + int(delta) >= width;
  return cusim::take_from(mask, value, beyond ? lane : lane + int(delta));
}
template <class T> static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  int lane = cusim::lane();
  bool beyond = (lane & (width - 1)) < int(delta);
  return cusim::take_from(mask, value, beyond ? lane : lane - int(delta));
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  int lane = cusim::lane(), source = lane ^ bits;
  bool beyond = (source & ~(width - 1)) != (lane & ~(width - 1));
  return cusim::take_from(mask, value, beyond ? lane : source);
}

static inline unsigned __ballot_sync(unsigned mask, int predicate) {
  using namespace cusim;
  int first = current & ~31;
  offered[current] = !!predicate;
  __syncwarp(mask);
  unsigned ballot = 0;
  for (int lane = 0; lane < 32 && first + lane < thread_count; lane++) {
    bool votes = (mask >> lane & 1) && threads[first + lane].state != ENDED;
    if (votes && offered[first + lane]) ballot |= 1u << lane;
  }
  __syncwarp(mask);
  return ballot;
}
static inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
static inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, !predicate) == 0; }
