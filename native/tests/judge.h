/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto as the judge of curve operations, and random numbers that are the same in every run. */
#ifndef SECMOD_TESTS_JUDGE_H
#define SECMOD_TESTS_JUDGE_H

#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY: a bare point and a bare signature */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>

#include "check.h"
#include "curves.h"

static uint64_t random_state = 0x9E3779B97F4A7C15U;
static inline uint8_t random_byte(void) { /* xorshift: the same in every run */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint8_t)(random_state >> 32);
}

struct judge {
    EC_GROUP *group;
    BN_CTX *context;
    BIGNUM *n, *p;
    int bytes;
};

static inline void judge_start(struct judge *j, const struct curve *c) {
    const char *name = strcmp(c->facts.name, "secp256r1") == 0 ? "prime256v1" : c->facts.name;
    j->group = EC_GROUP_new_by_curve_name(OBJ_sn2nid(name));
    j->context = BN_CTX_new();
    j->n = BN_dup(EC_GROUP_get0_order(j->group));
    j->p = BN_new();
    EC_GROUP_get_curve(j->group, j->p, NULL, NULL, j->context);
    j->bytes = c->facts.field_bytes;
}

static inline void judge_end(struct judge *j) {
    EC_GROUP_free(j->group);
    BN_CTX_free(j->context);
    BN_free(j->n);
    BN_free(j->p);
}

/* out := a G + b Q + R, NULL counting as 0; 0 for infinity. */
static inline int judge_sum(struct judge *j, const uint8_t *a, const uint8_t *b, const uint8_t *q, const uint8_t *r, uint8_t *out) {
    EC_POINT *sum = EC_POINT_new(j->group), *other = EC_POINT_new(j->group);
    BIGNUM *x = a ? BN_bin2bn(a, j->bytes, NULL) : NULL, *y = b ? BN_bin2bn(b, j->bytes, NULL) : NULL;
    size_t room = 1 + 2 * (size_t)j->bytes;
    EC_POINT_set_to_infinity(j->group, sum);
    if (x != NULL) EC_POINT_mul(j->group, sum, x, NULL, NULL, j->context);
    if (q != NULL) {
        CHECK(EC_POINT_oct2point(j->group, other, q, room, j->context) == 1);
        if (y != NULL) EC_POINT_mul(j->group, other, NULL, other, y, j->context);
        EC_POINT_add(j->group, sum, sum, other, j->context);
    }
    if (r != NULL) {
        CHECK(EC_POINT_oct2point(j->group, other, r, room, j->context) == 1);
        EC_POINT_add(j->group, sum, sum, other, j->context);
    }
    int finite = !EC_POINT_is_at_infinity(j->group, sum);
    memset(out, 0, room);
    if (finite) EC_POINT_point2oct(j->group, sum, POINT_CONVERSION_UNCOMPRESSED, out, room, j->context);
    EC_POINT_free(sum);
    EC_POINT_free(other);
    BN_free(x);
    BN_free(y);
    return finite;
}

/* r || s for kG; 0 if one of them is 0. */
static inline int judge_sign_at(struct judge *j, const uint8_t *kg, const uint8_t *d, const uint8_t *k, const uint8_t *hash,
                                size_t length, uint8_t *signature) {
    size_t used = length < (size_t)j->bytes ? length : (size_t)j->bytes;
    BIGNUM *r = BN_bin2bn(kg + 1, j->bytes, NULL), *s = BN_new(), *e = BN_bin2bn(hash, (int)used, NULL);
    BIGNUM *dn = BN_bin2bn(d, j->bytes, NULL), *kn = BN_bin2bn(k, j->bytes, NULL);
    BN_nnmod(r, r, j->n, j->context);
    BN_mod_mul(s, r, dn, j->n, j->context);
    BN_mod_add(s, s, e, j->n, j->context);
    BN_mod_inverse(kn, kn, j->n, j->context);
    BN_mod_mul(s, s, kn, j->n, j->context);
    int done = !BN_is_zero(r) && !BN_is_zero(s);
    memset(signature, 0, 2 * (size_t)j->bytes);
    if (done) {
        BN_bn2binpad(r, signature, j->bytes);
        BN_bn2binpad(s, signature + j->bytes, j->bytes);
    }
    BN_free(r);
    BN_free(s);
    BN_free(e);
    BN_free(dn);
    BN_free(kn);
    return done;
}

static inline int judge_sign(struct judge *j, const uint8_t *d, const uint8_t *k, const uint8_t *hash, size_t length,
                             uint8_t *signature) {
    uint8_t point[SECMOD_MAX_POINT];
    judge_sum(j, k, NULL, NULL, NULL, point);
    return judge_sign_at(j, point, d, k, hash, length, signature);
}

/* SECMOD_OK, SECMOD_E_POINT or SECMOD_E_SIGNATURE. */
static inline int judge_verify(struct judge *j, const uint8_t *point, const uint8_t *hash, size_t length, const uint8_t *signature) {
    EC_KEY *key = EC_KEY_new();
    EC_POINT *q = EC_POINT_new(j->group);
    int result = SECMOD_E_POINT;
    if (point[0] == 4 && EC_POINT_oct2point(j->group, q, point, 1 + 2 * (size_t)j->bytes, j->context) == 1) {
        ECDSA_SIG *both = ECDSA_SIG_new();
        CHECK(ECDSA_SIG_set0(both, BN_bin2bn(signature, j->bytes, NULL), BN_bin2bn(signature + j->bytes, j->bytes, NULL)) == 1);
        CHECK(EC_KEY_set_group(key, j->group) == 1 && EC_KEY_set_public_key(key, q) == 1);
        result = ECDSA_do_verify(hash, (int)length, both, key) == 1 ? SECMOD_OK : SECMOD_E_SIGNATURE;
        ECDSA_SIG_free(both);
    }
    EC_POINT_free(q);
    EC_KEY_free(key);
    return result;
}

static inline int judge_in_range(struct judge *j, const uint8_t *scalar) {
    BIGNUM *x = BN_bin2bn(scalar, j->bytes, NULL);
    int yes = !BN_is_zero(x) && BN_cmp(x, j->n) < 0;
    BN_free(x);
    return yes;
}

static inline void random_scalar(struct judge *j, uint8_t *scalar) {
    do {
        for (int i = 0; i < j->bytes; i++) scalar[i] = random_byte();
    } while (!judge_in_range(j, scalar));
}

#endif
