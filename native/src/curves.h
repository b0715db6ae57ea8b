/* SPDX-License-Identifier: Apache-2.0 */
/* The table of curves, generated from native/curves.toml. */
#ifndef SECMOD_CURVES_H
#define SECMOD_CURVES_H

#include "curves_gen.h"
#include "secmod.h"

struct curve {
    int number; /* in the table, from 0 */
    struct secmod_curve facts;
    uint8_t order[SECMOD_MAX_FIELD]; /* n, big-endian, field_bytes long */
};

/* The row of a curve, or NULL if the number is none. */
const struct curve *curve_at(int curve);

static inline size_t curve_field_bytes(const struct curve *curve) { return (size_t)curve->facts.field_bytes; }
static inline size_t curve_point_bytes(const struct curve *curve) { return 1 + 2 * curve_field_bytes(curve); }
static inline size_t curve_signature_bytes(const struct curve *curve) { return 2 * curve_field_bytes(curve); }

#endif
