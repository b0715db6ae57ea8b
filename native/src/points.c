/* SPDX-License-Identifier: Apache-2.0 */
#include "points.h"

#include <openssl/bn.h>
#include <openssl/ec.h>

#include "keys.h"

static EC_POINT *decode(const EC_GROUP *group, const struct curve *curve, const uint8_t *bytes) {
    EC_POINT *point = EC_POINT_new(group);
    if (point == NULL || bytes[0] != POINT_CONVERSION_UNCOMPRESSED ||
        EC_POINT_oct2point(group, point, bytes, curve_point_bytes(curve), NULL) != 1) { /* checks range and equation */
        EC_POINT_clear_free(point);
        return NULL;
    }
    return point;
}

static int encode(const EC_GROUP *group, const struct curve *curve, const EC_POINT *point, uint8_t *bytes) {
    const size_t length = curve_point_bytes(curve);
    if (EC_POINT_is_at_infinity(group, point)) return SECMOD_E_POINT;
    return EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes, length, NULL) == length ? SECMOD_OK
                                                                                                            : SECMOD_E_LIBRARY;
}

static BIGNUM *secret_number(const uint8_t *bytes, size_t length) {
    BIGNUM *number = BN_secure_new();
    if (number == NULL) return NULL;
    BN_set_flags(number, BN_FLG_CONSTTIME);
    if (BN_bin2bn(bytes, (int)length, number) != NULL) return number;
    BN_clear_free(number);
    return NULL;
}

/* libcrypto's ladder, with blinded coordinates and a number of steps that does not depend on the scalar; NULL on failure. */
static EC_POINT *multiply(const EC_GROUP *group, const uint8_t *scalar, size_t length, const EC_POINT *base) {
    BIGNUM *number = secret_number(scalar, length);
    EC_POINT *product = EC_POINT_new(group);
    int done = number != NULL && product != NULL &&
               EC_POINT_mul(group, product, base == NULL ? number : NULL, base, base == NULL ? NULL : number, NULL) == 1;
    BN_clear_free(number);
    if (done) return product;
    EC_POINT_clear_free(product);
    return NULL;
}

int point_multiply(const struct curve *curve, const uint8_t *scalar, const uint8_t *base, uint8_t *product) {
    const EC_GROUP *group = curve_group(curve);
    if (group == NULL) return SECMOD_E_LIBRARY;
    EC_POINT *factor = base == NULL ? NULL : decode(group, curve, base);
    if (base != NULL && factor == NULL) return SECMOD_E_POINT;
    EC_POINT *point = multiply(group, scalar, curve_field_bytes(curve), factor);
    int result = point == NULL ? SECMOD_E_LIBRARY : encode(group, curve, point, product);
    EC_POINT_clear_free(factor);
    EC_POINT_clear_free(point);
    return result;
}

/* Is the point G or -G?  It has the same x then. */
static int is_base(const EC_GROUP *group, EC_POINT *point) {
    const EC_POINT *base = EC_GROUP_get0_generator(group);
    if (EC_POINT_cmp(group, point, base, NULL) == 0) return 1;
    return EC_POINT_invert(group, point, NULL) == 1 && EC_POINT_cmp(group, point, base, NULL) == 0;
}

int point_map(const struct curve *curve, const uint8_t s[16], const uint8_t *h, uint8_t *mapped) {
    const EC_GROUP *group = curve_group(curve);
    if (group == NULL) return SECMOD_E_LIBRARY;
    EC_POINT *shared = decode(group, curve, h);
    if (shared == NULL) return SECMOD_E_POINT;
    EC_POINT *sum = multiply(group, s, 16, NULL);
    int result = SECMOD_E_LIBRARY;
    if (sum != NULL && EC_POINT_add(group, sum, sum, shared, NULL) == 1) result = encode(group, curve, sum, mapped);
    if (result == SECMOD_OK && is_base(group, sum)) result = SECMOD_E_POINT;
    EC_POINT_clear_free(sum);
    EC_POINT_clear_free(shared);
    return result;
}
