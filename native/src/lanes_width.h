/* SPDX-License-Identifier: Apache-2.0 */
/* Between lanes.c and the widths: one table of functions for each number of limbs.  A call takes 1 .. 8 jobs. */
#ifndef SECMOD_LANES_WIDTH_H
#define SECMOD_LANES_WIDTH_H

#include "lanes.h"
#include "lanes_curve.h"
#include "lanes_target.h"

struct lanes_width {
    size_t comb_bytes;
    void (*comb_make)(void *comb, const struct lanes_curve *c);
    void (*base_mul)(const struct lanes_curve *c, const void *comb, size_t bytes, struct base_job *jobs, size_t count);
    void (*point_mul)(const struct lanes_curve *c, size_t bytes, struct point_job *jobs, size_t count, int x_only);
    void (*sign)(const struct lanes_curve *c, const void *comb, size_t bytes, struct sign_job *jobs, size_t count);
    void (*verify)(const struct lanes_curve *c, const void *comb, size_t bytes, struct verify_job *jobs, size_t count);
    void (*base_mul_one)(const struct lanes_curve *c, const void *comb, size_t bytes, struct base_job *job);
    void (*sign_one)(const struct lanes_curve *c, const void *comb, size_t bytes, struct sign_job *job);
};

extern const struct lanes_width lanes_width5, lanes_width8, lanes_width10;

/* Table memory, kept from first use on. */
#define LANES_COMB5 (37 * 2 * 5 * 64 * 8)
#define LANES_COMB8 (64 * 2 * 8 * 32 * 8)
#define LANES_COMB10 (86 * 2 * 10 * 32 * 8)

#endif
