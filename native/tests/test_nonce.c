/* SPDX-License-Identifier: Apache-2.0 */
/* Nonces and signatures with known answers, and nonces of secret scalars. */
#include <openssl/bn.h>
#include <openssl/evp.h>

#include "check.h"
#include "nonce.h"
#include "secrets.h"

struct ecdsa_case {
    const char *curve, *hash, *msg, *private, *k, *signature_plain_rs;
};

#include "ecdsa_vectors.h"

static int curve_named(const char *name) {
    int curve = 0;
    while (curve_at(curve) != NULL && strcmp(curve_at(curve)->facts.name, name) != 0) curve++;
    return curve;
}

/* The leftmost bits of a hash mod n: what nonces take, in field_bytes. */
static void reduce(const struct curve *curve, const uint8_t *hash, size_t length, uint8_t *out) {
    int field = curve->facts.field_bytes;
    BIGNUM *n = BN_bin2bn(curve->order, field, NULL), *e = BN_bin2bn(hash, length < (size_t)field ? (int)length : field, NULL);
    BN_CTX *scratch = BN_CTX_new();
    CHECK(BN_mod(e, e, n, scratch) == 1 && BN_bn2binpad(e, out, field) == field);
    BN_CTX_free(scratch);
    BN_free(n);
    BN_free(e);
}

static void derive(const struct curve *curve, const uint8_t *scalar, const uint8_t *hash, size_t length,
                   uint8_t *k) {
    uint8_t reduced[SECMOD_MAX_FIELD];
    struct nonce nonce;
    reduce(curve, hash, length, reduced);
    CHECK(nonce_begin(&nonce, length, curve, scalar, reduced, NULL, 0) == SECMOD_OK);
    CHECK(nonce_next(&nonce, k) == SECMOD_OK);
    nonce_end(&nonce);
    CHECK(check_filled((const uint8_t *)&nonce, sizeof nonce, 0));
}

/* The signature with the nonce of the case, or the derived one; and, for the hashes that a vault knows, as a vault makes it. */
static void test_case(const struct ecdsa_case *test) {
    uint8_t message[256], scalar[64], k[64], hash[64], expected[SECMOD_MAX_SIGNATURE], signature[SECMOD_MAX_SIGNATURE];
    size_t message_length = check_unhex(test->msg, message), field = check_unhex(test->private, scalar);
    size_t k_length = check_unhex(test->k, k), hash_length = 0, expected_length = check_unhex(test->signature_plain_rs, expected);
    int curve = curve_named(test->curve);
    CHECK(EVP_Q_digest(NULL, test->hash, NULL, message, message_length, hash, &hash_length) == 1);
    if (k_length == 0 && hash_length < 32) return; /* nonces are not made by SHA-1 and SHA-224 */
    if (k_length == 0) derive(curve_at(curve), scalar, hash, hash_length, k);
    size_t length = sizeof signature;
    CHECK(secmod_ecdsa_sign_known(curve, scalar, field, k, field, hash, hash_length, signature, &length) == SECMOD_OK);
    CHECK(length == expected_length && memcmp(signature, expected, length) == 0);
    if (k_length != 0 || hash_length < 32) return;
    length = sizeof signature;
    CHECK(secmod_ecdsa_sign_known(curve, scalar, field, NULL, 0, hash, hash_length, signature, &length) == SECMOD_OK);
    CHECK(memcmp(signature, expected, length) == 0);
    secmod_vault *vault = NULL;
    uint64_t key = 0;
    CHECK(secmod_vault_new_deterministic(&vault, scalar, field) == SECMOD_OK);
    CHECK(secmod_key_import(vault, curve, scalar, field, &key) == SECMOD_OK);
    CHECK(secmod_ecdsa_sign(vault, key, hash, hash_length, signature, &length) == SECMOD_OK);
    CHECK(memcmp(signature, expected, length) == 0);
    secmod_vault_free(vault);
}

/* Under memcheck: neither the scalar nor the fresh bytes decide a branch or an address, and what comes out depends on them. */
static void test_secret(const struct curve *curve, size_t hash_bytes) {
    uint8_t scalar[SECMOD_MAX_FIELD], extra[32], hash[SECMOD_MAX_FIELD] = {9}, open[3][SECMOD_MAX_FIELD], out[SECMOD_MAX_FIELD];
    size_t field = curve_field_bytes(curve);
    struct nonce nonce;
    memset(scalar, 0x35, sizeof scalar);
    memset(extra, 0x53, sizeof extra);
    for (int secret = 0; secret < 2; secret++) {
        if (secret) SECRET(scalar, sizeof scalar);
        if (secret) SECRET(extra, sizeof extra);
        CHECK(nonce_begin(&nonce, hash_bytes, curve, scalar, hash, extra, sizeof extra) == SECMOD_OK);
        for (int i = 0; i < 3; i++) {
            CHECK(nonce_next(&nonce, out) == SECMOD_OK);
            PUBLIC(out, sizeof out);
            if (secret) CHECK(memcmp(out, open[i], field) == 0);
            memcpy(open[i], out, field);
        }
        nonce_end(&nonce);
    }
    CHECK(memcmp(open[0], open[1], field) != 0 && memcmp(open[1], open[2], field) != 0);
}

static void test_refuses(void) {
    uint8_t bytes[SECMOD_MAX_FIELD] = {1}, extra[NONCE_EXTRA_MAX + 1] = {0};
    struct nonce nonce;
    CHECK(nonce_begin(&nonce, 32, curve_at(0), bytes, bytes, extra, sizeof extra) == SECMOD_E_ARGUMENT);
    CHECK(nonce_begin(&nonce, 0, curve_at(0), bytes, bytes, extra, 0) == SECMOD_E_ARGUMENT);
    uint8_t signature[SECMOD_MAX_SIGNATURE] = {0};
    size_t length = 63;
    CHECK(secmod_ecdsa_sign_known(0, bytes, 32, NULL, 0, bytes, 32, signature, &length) == SECMOD_E_ARGUMENT && length == 63);
    CHECK(secmod_ecdsa_sign_known(99, bytes, 32, NULL, 0, bytes, 32, signature, &length) == SECMOD_E_ARGUMENT);
    CHECK(check_filled(signature, sizeof signature, 0));
}

int main(void) {
    CHECK(sizeof CASES / sizeof CASES[0] == 35);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) test_case(&CASES[i]);
    for (int i = 0; i < secmod_curve_count(); i++) {
        test_secret(curve_at(i), 32);
        test_secret(curve_at(i), 48);
        test_secret(curve_at(i), 64);
    }
    test_refuses();
    return check_end();
}
