// The threads of a block, and how a launch runs them.
//
// Blocks run one after the other. In a kernel that never waits so do its threads. In one that does, each thread has
// a stack of its own and runs until it waits at a barrier; then the next runs. Once all wait or have ended, those
// whose barrier is complete go on. If there are none, the kernel's barriers do not match, and the launch fails.
#pragma once

static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;
#include "launch.h"

static const int warpSize = 32;

namespace cusim {

enum { SUCCESS = 0, LAUNCH_FAILED = 719 };

alignas(128) static char dynamic_shared_memory[232448];

enum State : unsigned char { RUNS, WAITS_FOR_BLOCK, WAITS_FOR_WARP, ENDED };
struct Thread {
  void *stack_pointer;
  char *stack;
  State state;
  unsigned mask;  // WAITS_FOR_WARP: the threads of its warp that it waits for
  uint3 index;
};
static Thread threads[1024];  // those of the block that runs
static int thread_count, current;
static void *scheduler;  // its stack pointer, while a thread runs

static const size_t STACK = 256 * 1024;

// Keep the registers that a function must keep on this stack, and go on where the other stack was left.
extern "C" void cusim_switch(void **leave, void *enter) __asm__("cusim_switch_local");
__asm__(
    ".text\n.local cusim_switch_local\ncusim_switch_local:\n"
    " pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
    " movq %rsp,(%rdi)\n movq %rsi,%rsp\n"
    " popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");

// The current thread leaves: it waits, or has ended.
static void leave(State state, unsigned mask = 0) {
  Thread &thread = threads[current];
  thread.state = state;
  thread.mask = mask;
  cusim_switch(&thread.stack_pointer, scheduler);
  threadIdx = threads[current].index;
}

static void (*body)(void *);
static void *body_argument;
static void begin() {
  body(body_argument);
  leave(ENDED);
  abort();  // nobody goes on with a thread that has ended
}

static void prepare(Thread &thread, uint3 index) {
  if (!thread.stack) thread.stack = static_cast<char *>(aligned_alloc(64, STACK));
  // As if it had been left by cusim_switch when about to begin: six registers, and where to return to.
  void **top = reinterpret_cast<void **>(thread.stack + STACK);
  *--top = nullptr;
  *--top = reinterpret_cast<void *>(begin);
  for (int i = 0; i < 6; i++) *--top = nullptr;
  thread.stack_pointer = top;
  thread.state = RUNS;
  thread.index = index;
}

static void run_until_all_wait() {
  for (int i = 0; i < thread_count; i++) {
    if (threads[i].state != RUNS) continue;
    current = i;
    threadIdx = threads[i].index;
    cusim_switch(&scheduler, threads[i].stack_pointer);
  }
}

// Let a warp's threads go on if all that they wait for wait too, or have ended. Whether any does.
static bool release_warp(Thread *first, int count) {
  unsigned mask = 0;
  for (int lane = 0; lane < count; lane++)
    if (first[lane].state == WAITS_FOR_WARP) mask |= first[lane].mask;
  for (int lane = 0; lane < count; lane++) {
    State state = first[lane].state;
    if ((mask >> lane & 1) && state != WAITS_FOR_WARP && state != ENDED) return false;
  }
  bool any = false;
  for (int lane = 0; lane < count; lane++) {
    if (first[lane].state != WAITS_FOR_WARP) continue;
    first[lane].state = RUNS;
    any = true;
  }
  return any;
}

// The same for the block.
static bool release_block() {
  for (int i = 0; i < thread_count; i++)
    if (threads[i].state != WAITS_FOR_BLOCK && threads[i].state != ENDED) return false;
  for (int i = 0; i < thread_count; i++)
    if (threads[i].state == WAITS_FOR_BLOCK) threads[i].state = RUNS;
  return true;
}

static bool all_ended() {
  for (int i = 0; i < thread_count; i++)
    if (threads[i].state != ENDED) return false;
  return true;
}

static int run_block(void (*function)(void *), void *argument) {
  body = function;
  body_argument = argument;
  thread_count = 0;
  for (unsigned z = 0; z < blockDim.z; z++)
    for (unsigned y = 0; y < blockDim.y; y++)
      for (unsigned x = 0; x < blockDim.x; x++) prepare(threads[thread_count++], {x, y, z});
  for (;;) {
    run_until_all_wait();
    if (all_ended()) return SUCCESS;
    bool released = false;
    for (int i = 0; i < thread_count; i += warpSize) {
      int rest = thread_count - i;
      if (release_warp(threads + i, rest < warpSize ? rest : warpSize)) released = true;
    }
    if (!released && !release_block()) {
      fprintf(stderr, "cusim: threads wait for others that never come (divergent __syncthreads or __syncwarp)\n");
      return LAUNCH_FAILED;
    }
  }
}

template <class F> static void call(void *function) { (*static_cast<F *>(function))(); }

template <class... A, size_t... I>
static inline void call_with(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
  kernel(*reinterpret_cast<typename std::remove_reference<A>::type *>(arguments[I])...);
}

// Run a kernel. WAITS: it has barriers, or something else for which threads meet.
template <bool WAITS, class... A> static int run(void (*kernel)(A...), const Launch *launch, void **arguments) {
  gridDim = dim3(launch->grid[0], launch->grid[1], launch->grid[2]);
  blockDim = dim3(launch->block[0], launch->block[1], launch->block[2]);
  auto thread = [&] { call_with(kernel, arguments, std::index_sequence_for<A...>{}); };
  auto block = [&] {
    if (WAITS) return run_block(&call<decltype(thread)>, &thread);
    for (unsigned z = 0; z < blockDim.z; z++)
      for (unsigned y = 0; y < blockDim.y; y++)
        for (unsigned x = 0; x < blockDim.x; x++) {
          threadIdx = {x, y, z};
          thread();
        }
    return int(SUCCESS);
  };
  for (unsigned z = 0; z < gridDim.z; z++)
    for (unsigned y = 0; y < gridDim.y; y++)
      for (unsigned x = 0; x < gridDim.x; x++) {
        blockIdx = {x, y, z};
        if (int error = block()) return error;
      }
  return SUCCESS;
}

}  // namespace cusim

// --- a block's barriers ------------------------------------------------------------------------------

static inline void __syncthreads() { cusim::leave(cusim::WAITS_FOR_BLOCK); }
static inline int __syncthreads_count(int predicate) {
  static int count;
  if (predicate) count++;
  __syncthreads();
  int result = count;
  __syncthreads();
  count = 0;
  __syncthreads();
  return result;
}
static inline int __syncthreads_or(int predicate) { return __syncthreads_count(predicate) != 0; }
static inline int __syncthreads_and(int predicate) { return __syncthreads_count(!predicate) == 0; }

// Threads run one at a time: what one has written the next sees.
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}
