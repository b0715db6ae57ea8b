/* SPDX-License-Identifier: Apache-2.0 */
#include "curve_ops.h"

#include <stdlib.h>
#include <string.h>

extern const struct curve_ops curve_ops_4_portable, curve_ops_6_portable, curve_ops_8_portable;

static const struct curve_ops *const portable[] = {&curve_ops_4_portable, &curve_ops_6_portable, &curve_ops_8_portable};

/* By the number of 64-bit words: 4, 6, 8. */
static size_t width_of(const struct curve *c) { return (curve_field_bytes(c) / 8 - 4) / 2; }

const struct curve_ops *curve_ops_of_path(const struct curve *c, const char *path) {
    if (strcmp(path, "portable") == 0) return portable[width_of(c)];
    return NULL;
}

const struct curve_ops *curve_ops_of(const struct curve *c) {
    return portable[width_of(c)];
}
