/* SPDX-License-Identifier: Apache-2.0 */
#include "curves.h"

static const struct curve curves[CURVE_COUNT] = {CURVE_ROWS};

const struct curve *curve_at(int curve) { return curve >= 0 && curve < CURVE_COUNT ? &curves[curve] : NULL; }

int secmod_curve_count(void) { return CURVE_COUNT; }

int secmod_curve_get(int curve, struct secmod_curve *out) {
    const struct curve *row = curve_at(curve);
    if (row == NULL) return SECMOD_E_ARGUMENT;
    *out = row->facts;
    return SECMOD_OK;
}
