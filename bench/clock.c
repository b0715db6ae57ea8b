/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of the core, so that times can be had in cycles: an operation is a chain of 10,000 complements, each of which waits a
 * cycle for the one before.  (Some processors do a chain of additions at once.) */
#include "block.h"

#if defined(__x86_64__)
#define STEP "not %0\n\t"
#elif defined(__aarch64__)
#define STEP "mvn %0, %0\n\t"
#else
#error "no chain of one-cycle steps for this processor"
#endif
#define STEPS_10 STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP
#define STEPS_100 STEPS_10 STEPS_10 STEPS_10 STEPS_10 STEPS_10 STEPS_10 STEPS_10 STEPS_10 STEPS_10 STEPS_10

static bool tick(void *state)
{
    uint64_t *x = state;
    for (int i = 0; i < 100; i++)
        __asm__ volatile(STEPS_100 : "+r"(*x));
    return true;
}

int main(void)
{
    uint64_t x = 0;
    return serve_blocks(tick, &x);
}
