/* SPDX-License-Identifier: Apache-2.0 */
/* The constant-time tools against plain ones, on secret inputs. */
#include "ct.h"

#include "check.h"
#include "secrets.h"

#define YES 0xFFFFFFFFU

static ct_mask revealed(ct_mask mask) {
    PUBLIC(&mask, sizeof mask);
    return mask;
}

static void compare(const uint8_t *a, const uint8_t *b, size_t length) {
    uint8_t x[4], y[4];
    memcpy(x, a, length);
    memcpy(y, b, length);
    SECRET(x, length);
    SECRET(y, length);
    ct_mask equal = revealed(ct_equal(x, y, length));
    ct_mask less = revealed(ct_less(x, y, length));
    ct_mask zero = revealed(ct_is_zero(x, length));
    CHECK(equal == (memcmp(a, b, length) == 0 ? YES : 0));
    CHECK(less == (memcmp(a, b, length) < 0 ? YES : 0)); /* big-endian numbers are ordered as their bytes */
    CHECK(zero == (check_filled(a, length, 0) ? YES : 0));
}

int main(void) {
    static const uint8_t edges[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};
    CHECK(ct_mask_of(1) == YES && ct_mask_of(0) == 0);
    for (unsigned int a = 0; a < 256; a++) {
        for (unsigned int b = 0; b < 256; b++) compare(&(uint8_t){(uint8_t)a}, &(uint8_t){(uint8_t)b}, 1);
    }
    for (unsigned int i = 0; i < 6 * 6 * 6 * 6; i++) { /* three bytes from the edges, against each other's neighbours */
        uint8_t a[3] = {edges[i % 6], edges[i / 6 % 6], edges[i / 36 % 6]};
        uint8_t b[3] = {edges[i / 36 % 6], edges[i / 216], edges[i % 6]};
        compare(a, b, 3);
        compare(a, a, 3);
    }
    CHECK(ct_is_zero(edges, 0) == YES && ct_equal(edges, edges, 0) == YES && ct_less(edges, edges, 0) == 0);
    return check_end();
}
