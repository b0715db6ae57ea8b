/* SPDX-License-Identifier: Apache-2.0 */
/* The code paths that a test can run: those of the CPU, and under memcheck, whose CPU denies ADX but has it, this one too. */
#ifndef SECMOD_TESTS_PATHS_H
#define SECMOD_TESTS_PATHS_H

#include "check.h"
#include "curve_ops.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

static const char *const path_names[] = {"portable", "adx", "lanes"};
#define PATHS (sizeof path_names / sizeof path_names[0])

static inline const struct curve_ops *ops_of_path(const struct curve *c, const char *path) {
    const struct curve_ops *ops = curve_ops_of_path(c, path);
#if defined(__x86_64__)
    if (ops == NULL && RUNNING_ON_VALGRIND && strcmp(path, "adx") == 0) {
        ops = c->facts.bits == 256 ? &curve_ops_4_adx : c->facts.bits == 384 ? &curve_ops_6_adx : &curve_ops_8_adx;
    }
#endif
    return ops;
}

#endif
