/* SPDX-License-Identifier: Apache-2.0 */
/* The generator as the vault sets it up, against the CAVP vectors, and without entropy. */
#include <openssl/err.h>

#include "check.h"
#include "libcrypto.h"

struct drbg_case {
    const char *flow;
    const char *entropy_input, *nonce, *personalization;
    const char *entropy_input_reseed, *additional_input_reseed;
    const char *entropy_input_pr_1, *entropy_input_pr_2;
    const char *additional_input_1, *additional_input_2;
    const char *returned_bits;
};

#include "drbg_vectors.h"

static void source_set(EVP_RAND_CTX *source, const char *entropy_hex, const char *nonce_hex) {
    uint8_t entropy[64], nonce[64];
    size_t entropy_length = check_unhex(entropy_hex, entropy), nonce_length = check_unhex(nonce_hex, nonce);
    CHECK(fixed_source_set(source, entropy, entropy_length, nonce, nonce_length));
}

static EVP_RAND_CTX *source_made(const char *entropy_hex, const char *nonce_hex) {
    EVP_RAND_CTX *source = fixed_source_new();
    source_set(source, entropy_hex, nonce_hex);
    return source;
}

static void generate(EVP_RAND_CTX *drbg, uint8_t *out, size_t length, int fresh, const char *additional_hex) {
    uint8_t additional[64];
    size_t additional_length = check_unhex(additional_hex, additional);
    CHECK(EVP_RAND_generate(drbg, out, length, 256, fresh, additional, additional_length) == 1);
}

static void test_case(const struct drbg_case *test) {
    uint8_t out[64], expected[64], additional[64], personal[64];
    size_t length = check_unhex(test->returned_bits, expected), personal_length = check_unhex(test->personalization, personal);
    int fresh = strcmp(test->flow, "prediction_resistance") == 0;
    EVP_RAND_CTX *source = source_made(test->entropy_input, test->nonce);
    EVP_RAND_CTX *drbg = drbg_new(source, personal, personal_length);
    CHECK(drbg != NULL);
    for (int call = 0; call < 2; call++) {
        if (strcmp(test->flow, call == 0 ? "reseed_first" : "reseed_between") == 0) {
            source_set(source, test->entropy_input_reseed, test->nonce);
            size_t additional_length = check_unhex(test->additional_input_reseed, additional);
            CHECK(EVP_RAND_reseed(drbg, 0, NULL, 0, additional, additional_length) == 1);
        }
        if (fresh) source_set(source, call == 0 ? test->entropy_input_pr_1 : test->entropy_input_pr_2, test->nonce);
        generate(drbg, out, length, fresh, call == 0 ? test->additional_input_1 : test->additional_input_2);
    }
    CHECK(memcmp(out, expected, length) == 0);
    EVP_RAND_CTX_free(drbg);
    EVP_RAND_CTX_free(source);
}

static void test_vectors(void) {
    int tested = 0;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        test_case(&CASES[i]);
        tested++;
    }
    CHECK(tested >= 40);
}

/* Without entropy there is no generator; losing it later is the alarm state, and no old bytes come out. */
static void test_no_entropy(void) {
    const char *entropy = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const char *nonce = "00112233445566778899aabbccddeeff";
    uint8_t out[48];
    const uint8_t seed[64] = {1};
    EVP_RAND_CTX *source = source_made("", "");
    CHECK(drbg_new(source, NULL, 0) == NULL);
    source_set(source, entropy, nonce);
    EVP_RAND_CTX *drbg = drbg_new(source, NULL, 0);
    CHECK(drbg != NULL && drbg_reseed(drbg, seed, sizeof seed) == SECMOD_OK);
    CHECK(drbg_generate(drbg, out, sizeof out) == SECMOD_OK && !check_filled(out, sizeof out, 0));
    source_set(source, "", nonce);
    for (int tries = 0; tries < 3; tries++) {
        memset(out, 0xFF, sizeof out);
        CHECK(drbg_reseed(drbg, seed, sizeof seed) == SECMOD_E_RANDOM);
        CHECK(drbg_generate(drbg, out, sizeof out) == SECMOD_E_RANDOM && check_filled(out, sizeof out, 0));
    }
    EVP_RAND_CTX_free(drbg);
    EVP_RAND_CTX_free(source);
    ERR_clear_error(); /* the functions here are the core's inner ones, which leave the queue to their callers */
}

static void test_vault_random(void) {
    secmod_vault *vault = NULL;
    uint8_t *out = malloc(SECMOD_RANDOM_MAX), again[32];
    CHECK(secmod_vault_new(&vault) == SECMOD_OK);
    CHECK(secmod_random(vault, out, SECMOD_RANDOM_MAX) == SECMOD_OK && secmod_random(vault, again, 32) == SECMOD_OK);
    CHECK(memcmp(out, again, 32) != 0 && !check_filled(out + SECMOD_RANDOM_MAX - 32, 32, 0));
    CHECK(secmod_random(vault, out, 0) == SECMOD_OK);
    CHECK(secmod_random(vault, out, SECMOD_RANDOM_MAX + 1) == SECMOD_E_ARGUMENT);
    CHECK(secmod_random(NULL, out, 1) == SECMOD_E_ARGUMENT);
    free(out);
    secmod_vault_free(vault);
}

int main(void) {
    test_vectors();
    test_no_entropy();
    test_vault_random();
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
