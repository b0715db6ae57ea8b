/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzzers share.  Under libFuzzer, LLVMFuzzerTestOneInput is called by it; with -DFUZZ_MAIN, by the main that stands here,
 * for as many seconds as its argument says, with what fuzz_input makes, in a heap block of exactly its size. */
#ifndef SECMOD_TESTS_FUZZ_H
#define SECMOD_TESTS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "secmod.h"

#define FUZZ_MAX 1024 /* bytes of an input of fuzz_input */

#define REQUIRE(condition)                                                       \
    do {                                                                         \
        if (!(condition)) {                                                      \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);      \
            abort();                                                             \
        }                                                                        \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

#ifdef FUZZ_MAIN
/* Fills the bytes, of which there are FUZZ_MAX, and returns how many count. */
size_t fuzz_input(uint8_t *bytes);

static uint32_t fuzz_next(uint32_t bound) { /* xorshift64* */
    static uint64_t state = 0x9E3779B97F4A7C15u;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)(state * 0x2545F4914F6CDD1Du >> 32) % bound;
}

int main(int argc, char **argv) {
    const time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
    unsigned long runs = 0;
    while (runs % 64 != 0 || time(NULL) < end) {
        uint8_t bytes[FUZZ_MAX] = {0};
        const size_t length = fuzz_input(bytes);
        uint8_t *data = malloc(length == 0 ? 1 : length);
        if (data == NULL) abort();
        memcpy(data, bytes, length);
        LLVMFuzzerTestOneInput(data, length);
        free(data);
        runs++;
    }
    printf("%lu runs\n", runs);
    return 0;
}
#endif

#endif
