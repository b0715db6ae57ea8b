/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of every contender in C: reads "SAMPLES ITERATIONS" from standard input, does the operation so often, and writes
 * the nanoseconds of each sample (uint64, native order).  Says "ready" first; ends with its input. */
#ifndef SECMOD_BENCH_BLOCK_H
#define SECMOD_BENCH_BLOCK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline bool measure(bool (*once)(void *), void *state, size_t samples, size_t iterations, uint64_t *out)
{
    for (size_t i = 0; i < samples; i++) {
        const uint64_t start = nanoseconds();
        for (size_t j = 0; j < iterations; j++)
            if (!once(state))
                return false;
        out[i] = nanoseconds() - start;
    }
    return true;
}

/* The exit code. */
static inline int serve_blocks(bool (*once)(void *), void *state)
{
    size_t samples, iterations;
    puts("ready");
    fflush(stdout);
    while (scanf("%zu %zu", &samples, &iterations) == 2) {
        uint64_t *out = calloc(samples, sizeof *out);
        const bool done = out != NULL && measure(once, state, samples, iterations, out) &&
                          fwrite(out, sizeof *out, samples, stdout) == samples && fflush(stdout) == 0;
        free(out);
        if (!done) {
            fputs("the operation failed\n", stderr);
            return 1;
        }
    }
    return 0;
}

/* The bytes that a hexadecimal text stands for; 0 if it is none or does not fit. */
static inline size_t from_hex(const char *text, uint8_t *out, size_t room)
{
    size_t length = 0;
    for (; text[0] != '\0' && text[1] != '\0'; text += 2) {
        unsigned byte;
        if (length == room || sscanf(text, "%2x", &byte) != 1)
            return 0;
        out[length++] = (uint8_t)byte;
    }
    return *text == '\0' ? length : 0;
}

#endif
