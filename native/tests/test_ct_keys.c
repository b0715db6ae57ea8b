/* SPDX-License-Identifier: Apache-2.0 */
/* Under memcheck: no branch and no address in the vault's operations depends on a private scalar, on a nonce or on Z.  The scalars
 * are given, or random. */
#include "check.h"
#include "secmod.h"
#include "secrets.h"

static void test_key(secmod_vault *vault, int curve) {
    struct secmod_curve facts;
    CHECK(secmod_curve_get(curve, &facts) == SECMOD_OK);
    const size_t field = (size_t)facts.field_bytes;
    uint8_t scalar[SECMOD_MAX_FIELD], hash[64] = {5}, signature[SECMOD_MAX_SIGNATURE], z[2][SECMOD_MAX_FIELD];
    uint8_t points[2][SECMOD_MAX_POINT];
    uint64_t keys[2];
    for (size_t i = 0; i < field; i++) scalar[i] = (uint8_t)(0x31 + 5 * i + (size_t)curve);
    SECRET(scalar, field);
    CHECK(secmod_key_import(vault, curve, scalar, field, &keys[0]) == SECMOD_OK);
    CHECK(secmod_key_generate(vault, curve, &keys[1]) == SECMOD_OK);
    for (int i = 0; i < 2; i++) {
        size_t length = sizeof points[i];
        CHECK(secmod_key_public(vault, keys[i], points[i], &length) == SECMOD_OK && length == 1 + 2 * field);
    }
    for (int i = 0; i < 2; i++) {
        size_t length = sizeof signature;
        CHECK(secmod_ecdsa_sign(vault, keys[i], hash, field, signature, &length) == SECMOD_OK);
        CHECK(secmod_ecdsa_verify(curve, points[i], 1 + 2 * field, hash, field, signature, length) == SECMOD_OK);
        length = sizeof z[i];
        CHECK(secmod_ecka_agree(vault, keys[i], points[1 - i], 1 + 2 * field, z[i], &length) == SECMOD_OK);
    }
    size_t length = sizeof signature;
    CHECK(secmod_ecdsa_sign_known(curve, scalar, field, NULL, 0, hash, field, signature, &length) == SECMOD_OK);
    CHECK(secmod_ecdsa_verify(curve, points[0], 1 + 2 * field, hash, field, signature, length) == SECMOD_OK);
    PUBLIC(z, sizeof z);
    CHECK(memcmp(z[0], z[1], field) == 0);
    for (int i = 0; i < 2; i++) CHECK(secmod_secret_release(vault, keys[i]) == SECMOD_OK);
}

/* The same in batches, of keys that were imported and keys that were made. */
static void test_batch(secmod_vault *vault, int curve) {
    struct secmod_generate_job made[3];
    struct secmod_sign_job signs[4];
    struct secmod_agree_job agrees[4];
    struct secmod_verify_job checks[4];
    for (int i = 0; i < 3; i++) made[i] = (struct secmod_generate_job){.vault = vault, .curve = curve};
    secmod_key_generate_many(made, 3);
    for (int i = 0; i < 3; i++) CHECK(made[i].result == SECMOD_OK);
    struct secmod_curve facts;
    CHECK(secmod_curve_get(curve, &facts) == SECMOD_OK);
    for (int i = 0; i < 4; i++) {
        const struct secmod_generate_job *own = &made[i % 3], *other = &made[(i + 1) % 3];
        signs[i] = (struct secmod_sign_job){.vault = vault, .key = own->key, .hash_length = 32, .hash = {(uint8_t)i}};
        agrees[i] = (struct secmod_agree_job){.vault = vault, .key = own->key, .point_length = 1 + 2 * facts.field_bytes};
        memcpy(agrees[i].point, other->point, sizeof other->point);
    }
    secmod_ecdsa_sign_many(signs, 4);
    secmod_ecka_agree_many(agrees, 4);
    PUBLIC(agrees, sizeof agrees);
    for (int i = 0; i < 4; i++) {
        checks[i] = (struct secmod_verify_job){.curve = curve, .point_length = agrees[i].point_length, .hash_length = 32};
        checks[i].signature_length = 2 * facts.field_bytes;
        memcpy(checks[i].point, made[i % 3].point, sizeof made[i % 3].point);
        memcpy(checks[i].hash, signs[i].hash, sizeof signs[i].hash);
        memcpy(checks[i].signature, signs[i].signature, sizeof signs[i].signature);
        CHECK(signs[i].result == SECMOD_OK && agrees[i].result == SECMOD_OK);
    }
    secmod_ecdsa_verify_many(checks, 4);
    for (int i = 0; i < 4; i++) CHECK(checks[i].result == SECMOD_OK);
    CHECK(memcmp(agrees[0].z, agrees[3].z, SECMOD_MAX_FIELD) == 0);
    for (int i = 0; i < 3; i++) CHECK(secmod_secret_release(vault, made[i].key) == SECMOD_OK);
}

int main(void) {
    static const uint8_t seed[] = {7};
    secmod_vault *hedged = NULL, *deterministic = NULL;
    CHECK(secmod_vault_new(&hedged) == SECMOD_OK);
    CHECK(secmod_vault_new_deterministic(&deterministic, seed, sizeof seed) == SECMOD_OK);
    for (int curve = 0; curve < secmod_curve_count(); curve++) {
        test_key(hedged, curve);
        test_key(deterministic, curve); /* whose nonces are those of RFC 6979 */
        test_batch(hedged, curve);
    }
    secmod_vault_free(hedged);
    secmod_vault_free(deterministic);
    return check_end();
}
