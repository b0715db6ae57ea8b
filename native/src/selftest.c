/* SPDX-License-Identifier: Apache-2.0 */
/* Known-answer tests, as a module runs them at power-on.  Each function returns 1 if the answer is the known one. */
#include <openssl/err.h>
#include <string.h>

#include "ct.h"
#include "curves.h"
#include "libcrypto.h"

/* The bytes of a hexadecimal text, of which there are as many as `out` has room for. */
static void from_hex(const char *hex, uint8_t *out, size_t length) {
    for (size_t i = 0; i < 2 * length; i++) {
        uint8_t digit = (uint8_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
}

static int answers(const uint8_t *result, const char *expected, size_t length) {
    uint8_t known[64];
    from_hex(expected, known, length);
    return ct_equal(result, known, length) != 0;
}

/* ---- AES: FIPS 197 appendix C.1 and C.3 ------------------------------------------------------------------------------------ */

static int test_aes(void) {
    uint8_t key[32], plain[16], out[16];
    from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", key, 32);
    from_hex("00112233445566778899aabbccddeeff", plain, 16);
    return aes_encrypt_block(key, 16, plain, out) == SECMOD_OK && answers(out, "69c4e0d86a7b0430d8cdb78070b4c55a", 16) &&
           aes_encrypt_block(key, 32, plain, out) == SECMOD_OK && answers(out, "8ea2b7ca516745bfeafc49904b496089", 16);
}

/* ---- CMAC: RFC 4493 section 4, examples 1 and 3 ---------------------------------------------------------------------------- */

static int test_cmac(void) {
    uint8_t key[16], message[40], mac[16];
    from_hex("2b7e151628aed2a6abf7158809cf4f3c", key, 16);
    from_hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411", message, 40);
    return cmac(key, message, 0, mac) == SECMOD_OK && answers(mac, "bb1d6929e95937287fa37d129b756746", 16) &&
           cmac(key, message, 40, mac) == SECMOD_OK && answers(mac, "dfa66747de9ae63030ca32611497c827", 16);
}

/* ---- SHA-2: FIPS 180-4, message "abc" -------------------------------------------------------------------------------------- */

static int test_sha(void) {
    const uint8_t abc[3] = {'a', 'b', 'c'};
    uint8_t digest[64];
    return secmod_hash(SECMOD_SHA256, abc, 3, digest) == SECMOD_OK &&
           answers(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 32) &&
           secmod_hash(SECMOD_SHA384, abc, 3, digest) == SECMOD_OK &&
           answers(digest,
                   "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
                   "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
                   48) &&
           secmod_hash(SECMOD_SHA512, abc, 3, digest) == SECMOD_OK &&
           answers(digest,
                   "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                   "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                   64);
}

/* ---- DRBG: CAVS 14.3, CTR_DRBG AES-256 use df, no prediction resistance, count 0 ------------------------------------------- */

static int source_set(EVP_RAND_CTX *source, const char *entropy_hex, const char *nonce_hex) {
    uint8_t entropy[32], nonce[16];
    from_hex(entropy_hex, entropy, 32);
    from_hex(nonce_hex, nonce, 16);
    return fixed_source_set(source, entropy, sizeof entropy, nonce, sizeof nonce);
}

static int test_drbg_from(EVP_RAND_CTX *source) {
    const char *nonce = "0bf814b411f65ec4866be1abb59d3c32";
    if (!source_set(source, "2d4c9f46b981c6a0b2b5d8c69391e569ff13851437ebc0fc00d616340252fed5", nonce)) return 0;
    EVP_RAND_CTX *drbg = drbg_new(source, NULL, 0);
    uint8_t out[64];
    int right = drbg != NULL &&
                source_set(source, "93500fae4fa32b86033b7a7bac9d37e710dcc67ca266bc8607d665937766d207", nonce) &&
                EVP_RAND_reseed(drbg, 0, NULL, 0, NULL, 0) == 1 &&
                drbg_generate(drbg, out, sizeof out, DRBG_AS_DUE) == SECMOD_OK && /* discarded */
                drbg_generate(drbg, out, sizeof out, DRBG_AS_DUE) == SECMOD_OK &&
                answers(out,
                        "322dd28670e75c0ea638f3cb68d6a9d6e50ddfd052b772a7b1d78263a7b8978b"
                        "6740c2b65a9550c3a76325866fa97e16d74006bc96f26249b9f0a90d076f08e5",
                        64);
    EVP_RAND_CTX_free(drbg);
    return right;
}

static int test_drbg(void) {
    EVP_RAND_CTX *source = fixed_source_new();
    int right = source != NULL && test_drbg_from(source);
    EVP_RAND_CTX_free(source);
    return right;
}

/* ---- curves ---------------------------------------------------------------------------------------------------------------- */

/* The number of brainpoolP256r1, to which the answers below belong. */
static int test_curve(void) {
    int curve = 0;
    while (curve_at(curve) != NULL && strcmp(curve_at(curve)->facts.name, "brainpoolP256r1") != 0) curve++;
    return curve;
}

/* A signature of Wycheproof's ecdsa_brainpoolP256r1_sha256 file (tcId 2, message "Msg"), and the same with one bit changed. */
static int test_ecdsa_known(void) {
    uint8_t point[65], hash[32], signature[64];
    const uint8_t message[3] = {'M', 's', 'g'};
    from_hex("042676bd1e3fd83f3328d1af941442c036760f09587729419053083eb61d1ed22c"
             "2cf769688a5ffd67da1899d243e66bcabe21f9e78335263bf5308b8e41a71b39",
             point, 65);
    from_hex("0ff9279a0775740b7db8bec07f9a0401b7903886cb198c1b18c46de0673b31c3"
             "8b3c8686bd1a1508b5b785e762fece8c6cf19b6156983e5c36b2bbe724d6c23e",
             signature, 64);
    int curve = test_curve();
    if (secmod_hash(SECMOD_SHA256, message, 3, hash) != SECMOD_OK) return 0;
    if (secmod_ecdsa_verify(curve, point, 65, hash, 32, signature, 64) != SECMOD_OK) return 0;
    signature[63] ^= 1;
    return secmod_ecdsa_verify(curve, point, 65, hash, 32, signature, 64) == SECMOD_E_SIGNATURE;
}

/* A fresh key's signature verifies under its own public point, and not for another hash. */
static int test_ecdsa_pairwise(secmod_vault *vault) {
    uint64_t key = 0;
    uint8_t point[SECMOD_MAX_POINT], hash[32] = {1}, signature[SECMOD_MAX_SIGNATURE];
    size_t point_length = sizeof point, length = sizeof signature;
    int curve = test_curve();
    if (secmod_key_generate(vault, curve, &key) != SECMOD_OK) return 0;
    if (secmod_key_public(vault, key, point, &point_length) != SECMOD_OK) return 0;
    if (secmod_ecdsa_sign(vault, key, hash, 32, signature, &length) != SECMOD_OK) return 0;
    if (secmod_ecdsa_verify(curve, point, point_length, hash, 32, signature, length) != SECMOD_OK) return 0;
    hash[0] ^= 1;
    return secmod_ecdsa_verify(curve, point, point_length, hash, 32, signature, length) == SECMOD_E_SIGNATURE;
}

/* RFC 7027 appendix A.1: party A's key and party B's point. */
static int test_ecka_known(secmod_vault *vault) {
    uint64_t key = 0;
    uint8_t scalar[32], point[65], z[32];
    size_t length = sizeof z;
    from_hex("81db1ee100150ff2ea338d708271be38300cb54241d79950f77b063039804f1d", scalar, 32);
    from_hex("048d2d688c6cf93e1160ad04cc4429117dc2c41825e1e9fca0addd34e6f1b39f7b"
             "990c57520812be512641e47034832106bc7d3e8dd0e4c7f1136d7006547cec6a",
             point, 65);
    return secmod_key_import(vault, test_curve(), scalar, 32, &key) == SECMOD_OK &&
           secmod_ecka_agree(vault, key, point, 65, z, &length) == SECMOD_OK &&
           answers(z, "89afc39d41d3b327814b80940b042590f96556ec91e6ae7939bce31f3a18bf2b", 32);
}

static int in_vault(int (*test)(secmod_vault *)) {
    secmod_vault *vault = NULL;
    if (secmod_vault_new(&vault) != SECMOD_OK) return 0;
    int right = test(vault);
    secmod_vault_free(vault);
    return right;
}

static int test_ecdsa(void) { return test_ecdsa_known() && in_vault(test_ecdsa_pairwise); }

static int test_ecka(void) { return in_vault(test_ecka_known); }

/* ---- all ------------------------------------------------------------------------------------------------------------------- */

static const struct {
    int mask;
    int (*run)(void);
} TESTS[] = {
    {SECMOD_TEST_AES, test_aes},   {SECMOD_TEST_CMAC, test_cmac},   {SECMOD_TEST_SHA, test_sha},
    {SECMOD_TEST_DRBG, test_drbg}, {SECMOD_TEST_ECDSA, test_ecdsa}, {SECMOD_TEST_ECKA, test_ecka},
};

int secmod_self_test(int tests, int *failed) {
    *failed = 0;
    if ((tests & ~SECMOD_TEST_ALL) != 0) return SECMOD_E_ARGUMENT;
    ERR_set_mark();
    for (size_t i = 0; i < sizeof TESTS / sizeof TESTS[0]; i++) {
        if ((tests & TESTS[i].mask) != 0 && !TESTS[i].run()) *failed |= TESTS[i].mask;
    }
    ERR_pop_to_mark();
    return *failed == 0 ? SECMOD_OK : SECMOD_E_SELF_TEST;
}
