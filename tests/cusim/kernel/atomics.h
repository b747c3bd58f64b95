// Atomic operations. Threads change at barriers only: to read, compute and write is atomic as it stands.
#pragma once

#define CUSIM_ATOMIC(NAME, T, NEW)                                                                                   \
  static inline T NAME(T *address, T value) {                                                                        \
    T old = *address;                                                                                                \
    *address = NEW;                                                                                                  \
    return old;                                                                                                      \
  }

#define CUSIM_ATOMIC_CAS(T)                                                                                          \
  static inline T atomicCAS(T *address, T compare, T value) {                                                        \
    T old = *address;                                                                                                \
    if (old == compare) *address = value;                                                                            \
    return old;                                                                                                      \
  }

#define CUSIM_ATOMICS_OF_BITS(T)                                                                                     \
  CUSIM_ATOMIC(atomicMax, T, value > old ? value : old)                                                              \
  CUSIM_ATOMIC(atomicMin, T, value < old ? value : old)                                                              \
  CUSIM_ATOMIC(atomicAnd, T, old & value)                                                                            \
  CUSIM_ATOMIC(atomicOr, T, old | value)                                                                             \
  CUSIM_ATOMIC(atomicXor, T, old ^ value)

#define CUSIM_ATOMICS(T)                                                                                             \
  CUSIM_ATOMIC(atomicAdd, T, old + value)                                                                            \
  CUSIM_ATOMIC(atomicExch, T, value)                                                                                 \
  CUSIM_ATOMIC_CAS(T)                                                                                                \
  CUSIM_ATOMICS_OF_BITS(T)

CUSIM_ATOMICS(int)
CUSIM_ATOMICS(unsigned)
CUSIM_ATOMICS(unsigned long long)
CUSIM_ATOMICS_OF_BITS(long long)
CUSIM_ATOMIC(atomicAdd, float, old + value)
CUSIM_ATOMIC(atomicAdd, double, old + value)
CUSIM_ATOMIC(atomicExch, float, value)
CUSIM_ATOMIC(atomicSub, int, old - value)
CUSIM_ATOMIC(atomicSub, unsigned, old - value)
