/* SPDX-License-Identifier: Apache-2.0 */
#include "curves.h"

#include "check.h"
#include "keys.h"
#include "secrets.h"

static void test_table(void) {
    struct secmod_curve facts;
    CHECK(secmod_curve_count() == 5);
    for (int i = 0; i < secmod_curve_count(); i++) {
        CHECK(secmod_curve_get(i, &facts) == SECMOD_OK);
        CHECK(facts.field_bytes <= SECMOD_MAX_FIELD && facts.oid_length > 0 && facts.oid_length <= SECMOD_MAX_OID);
        CHECK(curve_at(i)->number == i && curve_at(i)->order[0] >= 0x80 && facts.bits == 8 * facts.field_bytes);
    }
    CHECK(secmod_curve_get(-1, &facts) == SECMOD_E_ARGUMENT);
    CHECK(secmod_curve_get(secmod_curve_count(), &facts) == SECMOD_E_ARGUMENT);
}

static int in_range(const struct curve *curve, const uint8_t *scalar) {
    uint8_t secret[SECMOD_MAX_FIELD];
    memcpy(secret, scalar, sizeof secret);
    SECRET(secret, sizeof secret);
    uint32_t mask = scalar_in_range(curve, secret);
    PUBLIC(&mask, sizeof mask);
    CHECK(mask == 0 || mask == 0xFFFFFFFFU);
    return mask != 0;
}

static void test_range(const struct curve *curve) {
    size_t last = curve_field_bytes(curve) - 1;
    uint8_t scalar[SECMOD_MAX_FIELD] = {0};
    CHECK(!in_range(curve, scalar));
    scalar[last] = 1;
    CHECK(in_range(curve, scalar));
    memcpy(scalar, curve->order, sizeof scalar);
    CHECK(!in_range(curve, scalar));
    scalar[last]--; /* n is odd */
    CHECK(in_range(curve, scalar));
    scalar[last] = (uint8_t)(scalar[last] + 2);
    CHECK(!in_range(curve, scalar));
    memset(scalar, 0xFF, sizeof scalar);
    CHECK(!in_range(curve, scalar));
}

int main(void) {
    test_table();
    for (int i = 0; i < secmod_curve_count(); i++) test_range(curve_at(i));
    return check_end();
}
