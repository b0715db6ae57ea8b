/* SPDX-License-Identifier: Apache-2.0 */
/* What the C tests share: CHECK counts and goes on; check_end is the exit status of main. */
#ifndef SECMOD_TESTS_CHECK_H
#define SECMOD_TESTS_CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failures;

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            check_failures++;                                                         \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                             \
    } while (0)

static inline int check_end(void) { return check_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE; }

/* Decodes lower-case hexadecimal text and returns the number of bytes. */
static inline size_t check_unhex(const char *hex, uint8_t *out) {
    size_t length = strlen(hex) / 2;
    for (size_t i = 0; i < length; i++) {
        unsigned int byte = 0;
        (void)sscanf(hex + 2 * i, "%2x", &byte);
        out[i] = (uint8_t)byte;
    }
    return length;
}

/* 1 if all bytes are `value`. */
static inline int check_filled(const uint8_t *bytes, size_t length, uint8_t value) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != value) return 0;
    }
    return 1;
}

#endif
