/* SPDX-License-Identifier: Apache-2.0 */
/* The code paths, for those tests that run each one the CPU has, and whether this is memcheck or an emulator, which
 * take their time. */
#ifndef SECMOD_TESTS_PATHS_H
#define SECMOD_TESTS_PATHS_H

#include "check.h"
#include "curve_ops.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif
#ifdef EMULATED
#define RUNNING_SLOWLY 1
#else
#define RUNNING_SLOWLY RUNNING_ON_VALGRIND
#endif

static const char *const path_names[] = {"portable", "adx", "lanes"};
#define PATHS (sizeof path_names / sizeof path_names[0])

#endif
