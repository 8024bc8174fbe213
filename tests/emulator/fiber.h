// Threads of control on one processor core, for the emulated threads of a block. A fiber runs until
// it switches back to main itself. Announced to the address sanitizer.
#ifndef TARN_TESTS_EMULATOR_FIBER_H
#define TARN_TESTS_EMULATOR_FIBER_H

#include <stddef.h>

struct fiber;

// NULL: no memory. body must never return.
struct fiber *fiber_create(void (*body)(void));
void fiber_free(struct fiber *fiber);

// From main: runs `fiber` until it calls fiber_to_main. The first time, and after fiber_restart,
// at the beginning of its body.
void fiber_run(struct fiber *fiber);
void fiber_to_main(struct fiber *self);
void fiber_restart(struct fiber *fiber); // whatever it was doing is forgotten

#endif
