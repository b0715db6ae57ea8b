/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: what matches, and, under memcheck, that no branch and no address depends on a stored one, or on how long it is. */
#include <openssl/err.h>

#include "check.h"
#include "secmod.h"
#include "secrets.h"
#include "vault.h"

/* The stored password becomes secret, its length too. */
static uint64_t stored(secmod_vault *vault, const uint8_t *value, size_t length) {
    uint64_t handle = 0;
    CHECK(secmod_password_store(vault, value, length, &handle) == SECMOD_OK && handle != 0);
    struct password *password = vault_take_secret(vault, handle, SECRET_PASSWORD);
    SECRET(password, sizeof *password);
    vault_give_back(vault, handle);
    return handle;
}

static void test_compare(secmod_vault *vault, size_t length) {
    uint8_t value[2 * SECMOD_MAX_PASSWORD];
    for (size_t i = 0; i < sizeof value; i++) value[i] = (uint8_t)('0' + i % 10);
    uint64_t handle = stored(vault, value, length);
    for (size_t given = 0; given <= sizeof value; given++) {
        CHECK(secmod_password_compare(vault, handle, value, given) == (given == length ? SECMOD_OK : SECMOD_E_MISMATCH));
    }
    for (size_t i = 0; i < length; i++) {
        value[i] ^= 0x10;
        CHECK(secmod_password_compare(vault, handle, value, length) == SECMOD_E_MISMATCH);
        value[i] ^= 0x10;
    }
    uint8_t *exact = malloc(length); /* of exact size: an overrun shows under ASan and valgrind */
    memcpy(exact, value, length);
    CHECK(secmod_password_compare(vault, handle, exact, length) == SECMOD_OK);
    free(exact);
    CHECK(secmod_key_release(vault, handle) == SECMOD_OK);
    CHECK(secmod_password_compare(vault, handle, value, length) == SECMOD_E_HANDLE);
}

static void test_zeroes(secmod_vault *vault) {
    const uint8_t zeroes[SECMOD_MAX_PASSWORD + 1] = {0};
    uint64_t handle = stored(vault, zeroes, 3);
    for (size_t given = 0; given <= sizeof zeroes; given++) {
        CHECK(secmod_password_compare(vault, handle, zeroes, given) == (given == 3 ? SECMOD_OK : SECMOD_E_MISMATCH));
    }
    CHECK(secmod_key_release(vault, handle) == SECMOD_OK);
}

static void test_limits(secmod_vault *vault) {
    const uint8_t value[SECMOD_MAX_PASSWORD + 1] = {'1'};
    uint64_t handle = 7;
    CHECK(secmod_password_store(vault, value, 0, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_password_store(vault, value, sizeof value, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_password_store(NULL, value, 1, &handle) == SECMOD_E_ARGUMENT && handle == 7);
    CHECK(secmod_password_compare(NULL, handle, value, 1) == SECMOD_E_HANDLE);
}

/* A handle opens only what it is the handle of. */
static void test_kinds(secmod_vault *vault) {
    const uint8_t value[16] = {'1'}, hash[32] = {1}, z[16] = {0};
    uint8_t out[SECMOD_MAX_SIGNATURE];
    uint64_t password = 0, key = 0, session = 0, handshake = 0;
    size_t length = sizeof out;
    CHECK(secmod_password_store(vault, value, 10, &password) == SECMOD_OK);
    CHECK(secmod_key_generate(vault, 0, &key) == SECMOD_OK);
    CHECK(secmod_session_import(vault, value, value, 16, z, &session) == SECMOD_OK);
    CHECK(secmod_pace_new(vault, SECMOD_PACE_HOST, 0, 16, value, 10, password, &handshake) == SECMOD_OK);
    const uint64_t handles[] = {password, key, session, handshake};
    for (size_t i = 0; i < 4; i++) {
        uint64_t handle = handles[i];
        if (handle != password) {
            uint64_t more = 0;
            CHECK(secmod_password_compare(vault, handle, value, 10) == SECMOD_E_HANDLE);
            CHECK(secmod_pace_new(vault, SECMOD_PACE_HOST, 0, 16, value, 10, handle, &more) == SECMOD_E_HANDLE && more == 0);
        }
        if (handle != key) {
            CHECK(secmod_ecdsa_sign(vault, handle, hash, 32, out, &length) == SECMOD_E_HANDLE);
            CHECK(secmod_key_public(vault, handle, out, &length) == SECMOD_E_HANDLE);
        }
        if (handle != session) CHECK(secmod_protect_response(vault, handle, 0, z, 16, out, &length) == SECMOD_E_HANDLE);
        if (handle != handshake) CHECK(secmod_pace_set_nonce(vault, handle, z) == SECMOD_E_HANDLE);
    }
    CHECK(secmod_vault_live(vault) == 4);
    for (size_t i = 0; i < 4; i++) CHECK(secmod_key_release(vault, handles[i]) == SECMOD_OK);
}

int main(void) {
    secmod_vault *vault = NULL;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK);
    for (size_t length = 1; length <= SECMOD_MAX_PASSWORD; length++) test_compare(vault, length);
    test_zeroes(vault);
    test_limits(vault);
    test_kinds(vault);
    CHECK(secmod_vault_live(vault) == 0);
    secmod_vault_free(vault);
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
