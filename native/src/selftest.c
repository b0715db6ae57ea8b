/* SPDX-License-Identifier: Apache-2.0 */
/* Known-answer tests, as a module runs them at power-on.  Each function returns 1 if the answer is the known one;
 * `broken` makes it see another. */
#include <openssl/err.h>
#include <string.h>

#include "aes.h"
#include "ct.h"
#include "curves.h"

/* The bytes of a hexadecimal text, of which there are as many as `out` has room for. */
static void from_hex(const char *hex, uint8_t *out, size_t length) {
    for (size_t i = 0; i < 2 * length; i++) {
        uint8_t digit = (uint8_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
}

/* 1 if the result is the known one.  A test that is to fail sees another one: its first bit is turned. */
static int answers(uint8_t *result, const char *expected, size_t length, int broken) {
    uint8_t known[64];
    from_hex(expected, known, length);
    if (broken) result[0] ^= 0x80;
    return ct_equal(result, known, length) != 0;
}

/* ---- AES: FIPS 197 appendix C, SP 800-38A appendix F.2 -------------------------------------------------------------------- */

static int test_block(size_t key_bytes, const char *expected, int broken) {
    uint8_t key[32], in[16], out[16], back[16];
    from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", key, 32);
    from_hex("00112233445566778899aabbccddeeff", in, 16);
    return aes_block(AES_ENCRYPT_DIRECTION, key, key_bytes, in, out) == SECMOD_OK && answers(out, expected, 16, broken) &&
           aes_block(AES_DECRYPT_DIRECTION, key, key_bytes, out, back) == SECMOD_OK && ct_equal(back, in, 16);
}

static int cbc(enum aes_direction direction, const uint8_t *key, size_t key_bytes, const uint8_t in[32], uint8_t out[32]) {
    uint8_t iv[16];
    from_hex("000102030405060708090a0b0c0d0e0f", iv, 16);
    EVP_CIPHER_CTX *context = aes_cbc_new(direction, key, key_bytes);
    int done = context != NULL && aes_cbc_start(context, iv) == SECMOD_OK && aes_cbc_blocks(context, in, 32, out) == SECMOD_OK;
    EVP_CIPHER_CTX_free(context);
    return done;
}

static int test_cbc(size_t key_bytes, const char *key_hex, const char *expected, int broken) {
    uint8_t key[32], in[32], out[32], back[32];
    from_hex(key_hex, key, key_bytes);
    from_hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51", in, 32);
    return cbc(AES_ENCRYPT_DIRECTION, key, key_bytes, in, out) && answers(out, expected, 32, broken) &&
           cbc(AES_DECRYPT_DIRECTION, key, key_bytes, out, back) && ct_equal(back, in, 32);
}

static const char KEY_128[] = "2b7e151628aed2a6abf7158809cf4f3c";
static const char KEY_192[] = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b";
static const char KEY_256[] = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";

static int test_aes(int broken) {
    return test_block(16, "69c4e0d86a7b0430d8cdb78070b4c55a", broken) &&
           test_block(24, "dda97ca4864cdfe06eaf70a0ec0d7191", broken) &&
           test_block(32, "8ea2b7ca516745bfeafc49904b496089", broken) &&
           test_cbc(16, KEY_128, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2", broken) &&
           test_cbc(24, KEY_192, "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a", broken) &&
           test_cbc(32, KEY_256, "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d", broken);
}

/* ---- CMAC: SP 800-38B, the examples with no and with 40 bytes -------------------------------------------------------------- */

static int test_cmac_with(size_t key_bytes, const char *key_hex, const char *of_none, const char *of_message, int broken) {
    uint8_t key[32], message[40], mac[16];
    from_hex(key_hex, key, key_bytes);
    from_hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411", message, 40);
    return cmac_of(key, key_bytes, message, 0, mac) == SECMOD_OK && answers(mac, of_none, 16, broken) &&
           cmac_of(key, key_bytes, message, 40, mac) == SECMOD_OK && answers(mac, of_message, 16, broken);
}

static int test_cmac(int broken) {
    return test_cmac_with(16, KEY_128, "bb1d6929e95937287fa37d129b756746", "dfa66747de9ae63030ca32611497c827", broken) &&
           test_cmac_with(24, KEY_192, "d17ddf46adaacde531cac483de7a9367", "8a1de5be2eb31aad089a82e6ee908b0e", broken) &&
           test_cmac_with(32, KEY_256, "028962f61b7bf89efc6b551f4667d983", "aaf3d8f1de5640c232f5b169b9c911e6", broken);
}

/* ---- SHA: FIPS 180-4, message "abc" ---------------------------------------------------------------------------------------- */

/* Of use for the keys of PACE with AES-128 alone (TR-03110-3 A.2.3). */
static int test_sha1(int broken) {
    const uint8_t abc[3] = {'a', 'b', 'c'};
    uint8_t digest[20];
    return EVP_Q_digest(NULL, "SHA1", NULL, abc, sizeof abc, digest, NULL) == 1 &&
           answers(digest, "a9993e364706816aba3e25717850c26c9cd0d89d", sizeof digest, broken);
}

static int test_hash(int algorithm, size_t length, const char *expected, int broken) {
    const uint8_t abc[3] = {'a', 'b', 'c'};
    uint8_t digest[64];
    return secmod_hash(algorithm, abc, sizeof abc, digest) == SECMOD_OK && answers(digest, expected, length, broken);
}

static int test_sha(int broken) {
    return test_sha1(broken) &&
           test_hash(SECMOD_SHA256, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", broken) &&
           test_hash(SECMOD_SHA384, 48,
                     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
                     "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
                     broken) &&
           test_hash(SECMOD_SHA512, 64,
                     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
                     broken);
}

/* ---- DRBG: CAVS 14.3, CTR_DRBG AES-256 use df, no prediction resistance, count 0 ------------------------------------------- */

static int source_set(EVP_RAND_CTX *source, const char *entropy_hex, const char *nonce_hex) {
    uint8_t entropy[32], nonce[16];
    from_hex(entropy_hex, entropy, 32);
    from_hex(nonce_hex, nonce, 16);
    return fixed_source_set(source, entropy, sizeof entropy, nonce, sizeof nonce);
}

static int test_drbg_from(EVP_RAND_CTX *source, int broken) {
    const char *nonce = "0bf814b411f65ec4866be1abb59d3c32";
    if (!source_set(source, "2d4c9f46b981c6a0b2b5d8c69391e569ff13851437ebc0fc00d616340252fed5", nonce)) return 0;
    EVP_RAND_CTX *drbg = drbg_new(source, NULL, 0);
    uint8_t out[64];
    int right = drbg != NULL &&
                source_set(source, "93500fae4fa32b86033b7a7bac9d37e710dcc67ca266bc8607d665937766d207", nonce) &&
                EVP_RAND_reseed(drbg, 0, NULL, 0, NULL, 0) == 1 &&
                drbg_generate(drbg, out, sizeof out) == SECMOD_OK && /* discarded */
                drbg_generate(drbg, out, sizeof out) == SECMOD_OK &&
                answers(out,
                        "322dd28670e75c0ea638f3cb68d6a9d6e50ddfd052b772a7b1d78263a7b8978b"
                        "6740c2b65a9550c3a76325866fa97e16d74006bc96f26249b9f0a90d076f08e5",
                        64, broken);
    EVP_RAND_CTX_free(drbg);
    return right;
}

static int test_drbg(int broken) {
    EVP_RAND_CTX *source = fixed_source_new();
    int right = source != NULL && test_drbg_from(source, broken);
    EVP_RAND_CTX_free(source);
    return right;
}

/* ---- curves ---------------------------------------------------------------------------------------------------------------- */

static int curve_named(const char *name) {
    int curve = 0;
    while (curve_at(curve) != NULL && strcmp(curve_at(curve)->facts.name, name) != 0) curve++;
    return curve;
}

static const char ECKA_SCALAR[] = "81db1ee100150ff2ea338d708271be38300cb54241d79950f77b063039804f1d";

/* A signature of Wycheproof's ecdsa_brainpoolP256r1_sha256 file (tcId 2, message "Msg"), and the same with one bit changed. */
static int test_ecdsa_verify(void) {
    uint8_t point[65], hash[32], signature[64];
    const uint8_t message[3] = {'M', 's', 'g'};
    from_hex("042676bd1e3fd83f3328d1af941442c036760f09587729419053083eb61d1ed22c"
             "2cf769688a5ffd67da1899d243e66bcabe21f9e78335263bf5308b8e41a71b39",
             point, 65);
    from_hex("0ff9279a0775740b7db8bec07f9a0401b7903886cb198c1b18c46de0673b31c3"
             "8b3c8686bd1a1508b5b785e762fece8c6cf19b6156983e5c36b2bbe724d6c23e",
             signature, 64);
    int curve = curve_named("brainpoolP256r1");
    if (secmod_hash(SECMOD_SHA256, message, 3, hash) != SECMOD_OK) return 0;
    if (secmod_ecdsa_verify(curve, point, 65, hash, 32, signature, 64) != SECMOD_OK) return 0;
    signature[63] ^= 1;
    return secmod_ecdsa_verify(curve, point, 65, hash, 32, signature, 64) == SECMOD_E_SIGNATURE;
}

/* RFC 6979 A.2.5: message "sample", SHA-256. */
static int test_ecdsa_sign(int broken) {
    const uint8_t message[6] = {'s', 'a', 'm', 'p', 'l', 'e'};
    uint8_t scalar[32], hash[32], signature[64];
    size_t length = sizeof signature;
    from_hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721", scalar, 32);
    return secmod_hash(SECMOD_SHA256, message, sizeof message, hash) == SECMOD_OK &&
           secmod_ecdsa_sign_known(curve_named("secp256r1"), scalar, 32, NULL, 0, hash, 32, signature, &length) == SECMOD_OK &&
           answers(signature,
                   "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                   "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
                   64, broken);
}

/* A signature made in a vault verifies under the key's own public point. */
static int test_ecdsa_pairwise(secmod_vault *vault, int broken) {
    uint64_t key = 0;
    uint8_t scalar[32], point[SECMOD_MAX_POINT], hash[32] = {1}, signature[SECMOD_MAX_SIGNATURE];
    size_t point_length = sizeof point, length = sizeof signature;
    int curve = curve_named("brainpoolP256r1");
    from_hex(ECKA_SCALAR, scalar, sizeof scalar);
    if (secmod_key_import(vault, curve, scalar, sizeof scalar, &key) != SECMOD_OK) return 0;
    if (secmod_key_public(vault, key, point, &point_length) != SECMOD_OK) return 0;
    if (secmod_ecdsa_sign(vault, key, hash, sizeof hash, signature, &length) != SECMOD_OK) return 0;
    signature[0] ^= (uint8_t)(broken ? 0x80 : 0);
    return secmod_ecdsa_verify(curve, point, point_length, hash, sizeof hash, signature, length) == SECMOD_OK;
}

/* RFC 7027 appendix A.1: party A's key and party B's point. */
static int test_ecka_known(secmod_vault *vault, int broken) {
    uint64_t key = 0;
    uint8_t scalar[32], point[65], z[32];
    size_t length = sizeof z;
    from_hex(ECKA_SCALAR, scalar, sizeof scalar);
    from_hex("048d2d688c6cf93e1160ad04cc4429117dc2c41825e1e9fca0addd34e6f1b39f7b"
             "990c57520812be512641e47034832106bc7d3e8dd0e4c7f1136d7006547cec6a",
             point, 65);
    return secmod_key_import(vault, curve_named("brainpoolP256r1"), scalar, 32, &key) == SECMOD_OK &&
           secmod_ecka_agree(vault, key, point, 65, z, &length) == SECMOD_OK &&
           answers(z, "89afc39d41d3b327814b80940b042590f96556ec91e6ae7939bce31f3a18bf2b", 32, broken);
}

/* In a vault of its own; a deterministic one, which is there at once. */
static int in_vault(int (*test)(secmod_vault *, int), int broken) {
    const uint8_t seed[1] = {0};
    secmod_vault *vault = NULL;
    if (secmod_vault_new_deterministic(&vault, seed, sizeof seed) != SECMOD_OK) return 0;
    int right = test(vault, broken);
    secmod_vault_free(vault);
    return right;
}

static int test_ecdsa(int broken) {
    return test_ecdsa_verify() && test_ecdsa_sign(broken) && in_vault(test_ecdsa_pairwise, broken);
}

static int test_ecka(int broken) { return in_vault(test_ecka_known, broken); }

/* ---- all ------------------------------------------------------------------------------------------------------------------- */

static const struct {
    int mask;
    int (*run)(int broken);
} TESTS[] = {
    {SECMOD_TEST_AES, test_aes},   {SECMOD_TEST_CMAC, test_cmac},   {SECMOD_TEST_SHA, test_sha},
    {SECMOD_TEST_DRBG, test_drbg}, {SECMOD_TEST_ECDSA, test_ecdsa}, {SECMOD_TEST_ECKA, test_ecka},
};

int secmod_self_test(int tests, int broken, int *failed) {
    *failed = 0;
    if (((tests | broken) & ~SECMOD_TEST_ALL) != 0) return SECMOD_E_ARGUMENT;
    ERR_set_mark();
    for (size_t i = 0; i < sizeof TESTS / sizeof TESTS[0]; i++) {
        if ((tests & TESTS[i].mask) != 0 && !TESTS[i].run(broken & TESTS[i].mask)) *failed |= TESTS[i].mask;
    }
    ERR_pop_to_mark();
    return *failed == 0 ? SECMOD_OK : SECMOD_E_SELF_TEST;
}
