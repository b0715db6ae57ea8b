/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>

#include "check.h"
#include "secmod.h"

struct party {
    secmod_vault *vault;
    uint64_t key;
    int curve;
    uint8_t point[SECMOD_MAX_POINT];
    size_t point_length, signature_length;
};

static struct party party_made(int curve) {
    struct secmod_curve facts;
    struct party made = {.curve = curve, .point_length = SECMOD_MAX_POINT};
    CHECK(secmod_curve_get(curve, &facts) == SECMOD_OK);
    CHECK(secmod_vault_new(&made.vault) == SECMOD_OK);
    CHECK(secmod_key_generate(made.vault, curve, &made.key) == SECMOD_OK);
    CHECK(secmod_key_public(made.vault, made.key, made.point, &made.point_length) == SECMOD_OK);
    made.signature_length = 2 * (size_t)facts.field_bytes;
    return made;
}

static int verify(const struct party *party, const uint8_t *hash, size_t hash_length, const uint8_t *signature) {
    return secmod_ecdsa_verify(party->curve, party->point, party->point_length, hash, hash_length, signature,
                               party->signature_length);
}

/* A good signature with a byte more or less, in buffers of exact size. */
static void test_lengths(const struct party *party, const uint8_t hash[32], const uint8_t *signature) {
    for (size_t length = party->signature_length - 1; length <= party->signature_length + 1; length += 2) {
        uint8_t *other = calloc(1, length);
        memcpy(other, signature, length < party->signature_length ? length : party->signature_length);
        int result = secmod_ecdsa_verify(party->curve, party->point, party->point_length, hash, 32, other, length);
        CHECK(result == SECMOD_E_SIGNATURE);
        free(other);
    }
}

/* Every hash length, and every bit of the signature, in buffers of exact size. */
static void test_round(const struct party *party) {
    uint8_t *signature = malloc(party->signature_length);
    for (size_t hash_length = 1; hash_length <= 64; hash_length += 9) {
        uint8_t *hash = malloc(hash_length);
        memset(hash, 0x5A, hash_length);
        size_t length = party->signature_length;
        CHECK(secmod_ecdsa_sign(party->vault, party->key, hash, hash_length, signature, &length) == SECMOD_OK);
        CHECK(length == party->signature_length && verify(party, hash, hash_length, signature) == SECMOD_OK);
        hash[0] ^= 1;
        CHECK(verify(party, hash, hash_length, signature) == SECMOD_E_SIGNATURE);
        free(hash);
    }
    const uint8_t hash[32] = {3};
    size_t length = party->signature_length;
    CHECK(secmod_ecdsa_sign(party->vault, party->key, hash, 32, signature, &length) == SECMOD_OK);
    test_lengths(party, hash, signature);
    for (size_t i = 0; i < length; i++) {
        signature[i] ^= 0x10;
        CHECK(verify(party, hash, 32, signature) == SECMOD_E_SIGNATURE);
        signature[i] ^= 0x10;
    }
    free(signature);
}

static void test_sign_refuses(const struct party *party) {
    uint8_t hash[65] = {0}, signature[SECMOD_MAX_SIGNATURE] = {0};
    size_t length = sizeof signature, small = party->signature_length - 1;
    CHECK(secmod_ecdsa_sign(party->vault, party->key, hash, 0, signature, &length) == SECMOD_E_ARGUMENT);
    CHECK(secmod_ecdsa_sign(party->vault, party->key, hash, 65, signature, &length) == SECMOD_E_ARGUMENT);
    CHECK(secmod_ecdsa_sign(party->vault, party->key, hash, 32, signature, &small) == SECMOD_E_ARGUMENT);
    CHECK(secmod_ecdsa_sign(party->vault, party->key + 1, hash, 32, signature, &length) == SECMOD_E_HANDLE);
    CHECK(check_filled(signature, sizeof signature, 0) && length == sizeof signature && small == party->signature_length - 1);
}

static void test_verify_refuses(const struct party *party) {
    uint8_t hash[65] = {0}, zero[SECMOD_MAX_SIGNATURE] = {0}, ones[SECMOD_MAX_SIGNATURE], point[SECMOD_MAX_POINT];
    size_t size = party->signature_length, point_length = party->point_length;
    memset(ones, 0xFF, sizeof ones);
    memcpy(point, party->point, sizeof point);
    CHECK(verify(party, hash, 0, ones) == SECMOD_E_ARGUMENT && verify(party, hash, 65, ones) == SECMOD_E_ARGUMENT);
    CHECK(verify(party, hash, 32, zero) == SECMOD_E_SIGNATURE && verify(party, hash, 32, ones) == SECMOD_E_SIGNATURE);
    for (size_t wrong = 0; wrong < SECMOD_MAX_SIGNATURE; wrong++) {
        if (wrong == size) continue;
        CHECK(secmod_ecdsa_verify(party->curve, point, point_length, hash, 32, ones, wrong) == SECMOD_E_SIGNATURE);
    }
    CHECK(secmod_ecdsa_verify(-1, point, point_length, hash, 32, ones, size) == SECMOD_E_ARGUMENT);
    CHECK(secmod_ecdsa_verify(party->curve, point, point_length - 1, hash, 32, ones, size) == SECMOD_E_POINT);
    point[point_length / 2] ^= 1;
    CHECK(secmod_ecdsa_verify(party->curve, point, point_length, hash, 32, ones, size) == SECMOD_E_POINT);
}

int main(void) {
    for (int curve = 0; curve < secmod_curve_count(); curve++) {
        struct party party = party_made(curve);
        test_round(&party);
        test_sign_refuses(&party);
        test_verify_refuses(&party);
        secmod_vault_free(party.vault);
    }
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
