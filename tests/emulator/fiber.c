#define _GNU_SOURCE // MAP_ANONYMOUS
#include "tests/emulator/fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/sanitizer.h"
#if HAS_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

enum { STACK_BYTES = 256 << 10, GUARD_BYTES = 64 << 10 };

struct context {
#if defined(__x86_64__)
    void *stack_pointer;
#else
    ucontext_t registers;
#endif
};

struct fiber {
    struct context context;
    void (*body)(void);
    char *memory, *stack; // memory: a page that faults, then the stack
    void *fake_stack;     // the sanitizer's
};

static struct context main_context;
static struct fiber *starting; // whose body begins with the next switch
#if HAS_ADDRESS_SANITIZER
static void *main_fake_stack;
static const void *main_stack;
static size_t main_stack_bytes;
#endif

#if defined(__x86_64__)
// swapcontext would ask the kernel for the signal mask each time, which costs more than everything
// else that an emulated barrier does. Callee-saved registers are those of the System V ABI.
void emulator_switch_stacks(void **save, void *load);
__asm__(".text\n"
        ".globl emulator_switch_stacks\n"
        ".type emulator_switch_stacks, @function\n"
        "emulator_switch_stacks:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size emulator_switch_stacks, . - emulator_switch_stacks\n");

static void switch_context(struct context *from, struct context *to)
{
    emulator_switch_stacks(&from->stack_pointer, to->stack_pointer);
}

static void prepare_context(struct fiber *fiber, void (*entry)(void))
{
    enum { SAVED_REGISTERS = 6 };
    // As after a call: the return address lies 8 bytes below a multiple of 16.
    void **top = (void **)(void *)(fiber->stack + STACK_BYTES);
    *--top = NULL;
    *--top = (void *)(uintptr_t)entry;
    for (int i = 0; i < SAVED_REGISTERS; i++) *--top = NULL;
    fiber->context.stack_pointer = top;
}
#else
static void switch_context(struct context *from, struct context *to)
{
    (void)swapcontext(&from->registers, &to->registers);
}

static void prepare_context(struct fiber *fiber, void (*entry)(void))
{
    (void)getcontext(&fiber->context.registers);
    fiber->context.registers.uc_stack.ss_sp = fiber->stack;
    fiber->context.registers.uc_stack.ss_size = STACK_BYTES;
    fiber->context.registers.uc_link = NULL;
    makecontext(&fiber->context.registers, entry, 0);
}
#endif

static void begin(void)
{
#if HAS_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(NULL, &main_stack, &main_stack_bytes);
#endif
    starting->body();
    abort(); // a body does not return
}

struct fiber *fiber_create(void (*body)(void))
{
    struct fiber *fiber = calloc(1, sizeof *fiber);
    if (!fiber) return NULL;
    fiber->body = body;
    fiber->memory = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fiber->memory == MAP_FAILED || mprotect(fiber->memory, GUARD_BYTES, PROT_NONE) != 0) {
        if (fiber->memory != MAP_FAILED) munmap(fiber->memory, GUARD_BYTES + STACK_BYTES);
        free(fiber);
        return NULL;
    }
    fiber->stack = fiber->memory + GUARD_BYTES;
    fiber_restart(fiber);
    return fiber;
}

void fiber_free(struct fiber *fiber)
{
    if (!fiber) return;
#if HAS_ADDRESS_SANITIZER
    __asan_unpoison_memory_region(fiber->stack, STACK_BYTES);
#endif
    munmap(fiber->memory, GUARD_BYTES + STACK_BYTES);
    free(fiber);
}

void fiber_restart(struct fiber *fiber)
{
#if HAS_ADDRESS_SANITIZER
    // Frames that were left without a return are still marked.
    __asan_unpoison_memory_region(fiber->stack, STACK_BYTES);
    fiber->fake_stack = NULL;
#endif
    prepare_context(fiber, begin);
}

void fiber_run(struct fiber *fiber)
{
    starting = fiber;
#if HAS_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&main_fake_stack, fiber->stack, STACK_BYTES);
#endif
    switch_context(&main_context, &fiber->context);
#if HAS_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(main_fake_stack, NULL, NULL);
#endif
}

void fiber_to_main(struct fiber *self)
{
#if HAS_ADDRESS_SANITIZER
    __sanitizer_start_switch_fiber(&self->fake_stack, main_stack, main_stack_bytes);
#endif
    switch_context(&self->context, &main_context);
#if HAS_ADDRESS_SANITIZER
    __sanitizer_finish_switch_fiber(self->fake_stack, &main_stack, &main_stack_bytes);
#endif
}
