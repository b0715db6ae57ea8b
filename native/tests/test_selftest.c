/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>

#include "check.h"
#include "secmod.h"

static void test_known_answers(void) {
    int failed = -1;
    CHECK(secmod_self_test(SECMOD_TEST_ALL, 0, &failed) == SECMOD_OK && failed == 0);
    for (int test = 1; test < SECMOD_TEST_ALL; test *= 2) CHECK(secmod_self_test(test, 0, &failed) == SECMOD_OK && failed == 0);
    CHECK(secmod_self_test(0, SECMOD_TEST_ALL, &failed) == SECMOD_OK && failed == 0);
    CHECK(secmod_self_test(SECMOD_TEST_ALL + 1, 0, &failed) == SECMOD_E_ARGUMENT);
    CHECK(secmod_self_test(SECMOD_TEST_ALL, SECMOD_TEST_ALL + 1, &failed) == SECMOD_E_ARGUMENT);
}

static void test_broken(void) {
    int failed = 0;
    for (int test = 1; test < SECMOD_TEST_ALL; test *= 2) {
        CHECK(secmod_self_test(SECMOD_TEST_ALL, test, &failed) == SECMOD_E_SELF_TEST && failed == test);
        CHECK(secmod_self_test(SECMOD_TEST_ALL & ~test, test, &failed) == SECMOD_OK && failed == 0);
    }
    CHECK(secmod_self_test(SECMOD_TEST_ALL, SECMOD_TEST_ALL, &failed) == SECMOD_E_SELF_TEST && failed == SECMOD_TEST_ALL);
}

static void test_hash(void) {
    uint8_t digest[64];
    CHECK(secmod_hash(0, digest, 1, digest) == SECMOD_E_ARGUMENT && secmod_hash(4, digest, 1, digest) == SECMOD_E_ARGUMENT);
    CHECK(secmod_hash(SECMOD_SHA256, NULL, 0, digest) == SECMOD_OK && digest[0] == 0xE3 && digest[31] == 0x55);
}

int main(void) {
    test_known_answers();
    test_broken();
    test_hash();
    CHECK(strncmp(secmod_libcrypto_version(), "OpenSSL ", 8) == 0);
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
