/* SPDX-License-Identifier: Apache-2.0 */
#include "curve_ops.h"

#include "lanes.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const struct curve_ops *const portable[] = {&curve_ops_4_portable, &curve_ops_6_portable, &curve_ops_8_portable};

#if defined(__x86_64__)
static const struct curve_ops *const adx[] = {&curve_ops_4_adx, &curve_ops_6_adx, &curve_ops_8_adx};
static const struct curve_ops *const lanes[] = {&curve_ops_4_lanes, &curve_ops_6_lanes, &curve_ops_8_lanes};

/* memcheck's CPU denies it, and does it all the same */
#ifdef SECMOD_CHECK_CT
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

static int cpu_has_adx(void) {
    if (RUNNING_ON_VALGRIND) return 1;
    unsigned int a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_ADX) != 0 && (b & bit_BMI2) != 0 && __builtin_cpu_supports("avx2");
}
#else
static const struct curve_ops *const *const adx = NULL, *const *const lanes = NULL;
static int cpu_has_adx(void) { return 0; }
#endif

/* The functions of each width, in the order 4, 6, 8 words, or NULL. */
static const struct curve_ops *const *path_named(const char *path) {
    if (strcmp(path, "portable") == 0) return portable;
    if (strcmp(path, "adx") == 0 && cpu_has_adx()) return adx;
    if (strcmp(path, "lanes") == 0 && cpu_has_adx() && lanes_available()) return lanes;
    return NULL;
}

static const struct curve_ops *const *chosen;
static pthread_once_t choice = PTHREAD_ONCE_INIT;

static void choose(void) {
    const char *wanted = getenv("SECMOD_CORE");
    chosen = wanted != NULL ? path_named(wanted) : NULL;
    if (chosen == NULL) chosen = path_named("lanes");
    if (chosen == NULL) chosen = path_named("adx");
    if (chosen == NULL) chosen = portable;
}

static size_t width_of(const struct curve *c) { return (curve_field_bytes(c) / 8 - 4) / 2; }

const struct curve_ops *curve_ops_of_path(const struct curve *c, const char *path) {
    const struct curve_ops *const *functions = path_named(path);
    return functions != NULL ? functions[width_of(c)] : NULL;
}

const struct curve_ops *curve_ops_of(const struct curve *c) {
    (void)pthread_once(&choice, choose);
    return chosen[width_of(c)];
}

const char *secmod_core(void) { return curve_ops_of(curve_at(0))->path; }
