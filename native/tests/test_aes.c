/* SPDX-License-Identifier: Apache-2.0 */
/* AES: FIPS 197 appendix C, CBC of SP 800-38A appendix F.2, CMAC of SP 800-38B and all of Wycheproof's. */
#include "aes.h"

#include <openssl/err.h>

#include "check.h"

struct cmac_case {
    const char *key, *message, *tag;
    int valid;
};

#include "cmac_vectors.h"

static void test_block(const char *expected, size_t key_bytes) {
    uint8_t key[32], plain[16], known[16], out[16];
    for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof plain; i++) plain[i] = (uint8_t)(0x11 * i);
    check_unhex(expected, known);
    CHECK(aes_block(AES_ENCRYPT_DIRECTION, key, key_bytes, plain, out) == SECMOD_OK && memcmp(out, known, 16) == 0);
    CHECK(aes_block(AES_DECRYPT_DIRECTION, key, key_bytes, known, out) == SECMOD_OK && memcmp(out, plain, 16) == 0);
}

static void test_cbc(const char *key_hex, const char *expected) {
    uint8_t key[32], iv[16], plain[64], known[64], out[64];
    size_t key_bytes = check_unhex(key_hex, key);
    for (size_t i = 0; i < sizeof iv; i++) iv[i] = (uint8_t)i;
    check_unhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        plain);
    check_unhex(expected, known);
    EVP_CIPHER_CTX *encrypt = aes_cbc_new(AES_ENCRYPT_DIRECTION, key, key_bytes);
    EVP_CIPHER_CTX *decrypt = aes_cbc_new(AES_DECRYPT_DIRECTION, key, key_bytes);
    for (size_t first = 0; first <= 64; first += 16) { /* in two parts, started anew each time */
        CHECK(aes_cbc_start(encrypt, iv) == SECMOD_OK && aes_cbc_blocks(encrypt, plain, first, out) == SECMOD_OK);
        CHECK(aes_cbc_blocks(encrypt, plain + first, 64 - first, out + first) == SECMOD_OK && memcmp(out, known, 64) == 0);
        CHECK(aes_cbc_start(decrypt, iv) == SECMOD_OK && aes_cbc_blocks(decrypt, out, first, out) == SECMOD_OK);
        CHECK(aes_cbc_blocks(decrypt, out + first, 64 - first, out + first) == SECMOD_OK && memcmp(out, plain, 64) == 0);
    }
    EVP_CIPHER_CTX_free(encrypt);
    EVP_CIPHER_CTX_free(decrypt);
}

/* A message by itself, and as the second of a kept context, in parts. */
static void test_cmac_case(const struct cmac_case *test) {
    uint8_t key[64], message[512], tag[16], mac[16], again[16];
    size_t key_bytes = check_unhex(test->key, key), length = check_unhex(test->message, message);
    size_t tag_bytes = check_unhex(test->tag, tag);
    int result = cmac_of(key, key_bytes, message, length, mac);
    if (key_bytes != 16 && key_bytes != 24 && key_bytes != 32) {
        CHECK(result == SECMOD_E_ARGUMENT && !test->valid);
        return;
    }
    CHECK(result == SECMOD_OK && (memcmp(mac, tag, tag_bytes) == 0) == test->valid);
    struct cmac kept;
    size_t whole = length == 0 ? 0 : (length - 1) / 16 * 16, first = whole / 32 * 16;
    CHECK(cmac_new(key, key_bytes, &kept) == SECMOD_OK);
    for (int i = 0; i < 2; i++) {
        CHECK(cmac_start(&kept) == SECMOD_OK && cmac_blocks(&kept, message, first) == SECMOD_OK);
        CHECK(cmac_blocks(&kept, message + first, whole - first) == SECMOD_OK);
        CHECK(cmac_end(&kept, message + whole, length - whole, again) == SECMOD_OK && memcmp(again, mac, 16) == 0);
    }
    cmac_wipe(&kept);
}

static void test_subkeys(void) { /* RFC 4493 section 4 */
    uint8_t key[16], k1[16], k2[16];
    struct cmac kept;
    check_unhex("2b7e151628aed2a6abf7158809cf4f3c", key);
    check_unhex("fbeed618357133667c85e08f7236a8de", k1);
    check_unhex("f7ddac306ae266ccf90bc11ee46d513b", k2);
    CHECK(cmac_new(key, sizeof key, &kept) == SECMOD_OK);
    CHECK(memcmp(kept.k1, k1, 16) == 0 && memcmp(kept.k2, k2, 16) == 0);
    cmac_wipe(&kept);
    CHECK(kept.cbc == NULL && check_filled(kept.k1, 16, 0) && check_filled(kept.k2, 16, 0));
}

static void test_long_messages(void) { /* over the chunks in which output is thrown away, against libcrypto's own CMAC */
    static uint8_t message[3000];
    uint8_t key[32], mac[16], known[16];
    for (size_t i = 0; i < sizeof message; i++) message[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t)(i + 1);
    for (size_t length = 0; length <= sizeof message; length += 61) {
        size_t written = 0;
        CHECK(cmac_of(key, sizeof key, message, length, mac) == SECMOD_OK);
        CHECK(EVP_Q_mac(NULL, "CMAC", NULL, "AES-256-CBC", NULL, key, sizeof key, message, length, known, 16, &written) != NULL);
        CHECK(written == 16 && memcmp(mac, known, 16) == 0);
    }
}

int main(void) {
    uint8_t zeroes[33] = {0}, out[16];
    test_block("69c4e0d86a7b0430d8cdb78070b4c55a", 16);
    test_block("dda97ca4864cdfe06eaf70a0ec0d7191", 24);
    test_block("8ea2b7ca516745bfeafc49904b496089", 32);
    test_cbc("2b7e151628aed2a6abf7158809cf4f3c",
             "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
             "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7");
    test_cbc("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
             "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
             "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd");
    test_cbc("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
             "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
             "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b");
    test_subkeys();
    test_long_messages();
    CHECK(sizeof CASES / sizeof CASES[0] == CASE_COUNT && CASE_COUNT > 300);
    for (size_t i = 0; i < CASE_COUNT; i++) test_cmac_case(&CASES[i]);
    for (size_t length = 0; length <= sizeof zeroes; length++) {
        int known = length == 16 || length == 24 || length == 32;
        CHECK(aes_block(AES_ENCRYPT_DIRECTION, zeroes, length, zeroes, out) == (known ? SECMOD_OK : SECMOD_E_ARGUMENT));
        CHECK(cmac_of(zeroes, length, zeroes, 16, out) == (known ? SECMOD_OK : SECMOD_E_ARGUMENT));
        if (!known) CHECK(aes_cbc_new(AES_ENCRYPT_DIRECTION, zeroes, length) == NULL && aes_ecb_new(zeroes, length) == NULL);
    }
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
