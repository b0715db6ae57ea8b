/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing: rooms, refusals, what is left behind; and, under memcheck, that no branch and no address depends on what is sealed.
 * Known answers are in tests/crypto/test_store_key.py. */
#include <openssl/err.h>

#include "check.h"
#include "secmod.h"
#include "secrets.h"
#include "vault.h"

static const uint8_t context[] = {'h', 'e', 'r', 'e'};

static uint64_t store_made(secmod_vault *vault) {
    uint64_t handle = 0;
    CHECK(secmod_store_key_generate(vault, &handle) == SECMOD_OK && handle != 0);
    return handle;
}

/* What lives under a handle becomes secret. */
static void poison(secmod_vault *vault, uint64_t handle) {
    struct private_key *key = vault_take(vault, handle);
    struct password *password = key != NULL ? NULL : vault_take_secret(vault, handle, SECRET_PASSWORD);
    if (key != NULL) SECRET(key->scalar, sizeof key->scalar);
    if (password != NULL) SECRET(password, sizeof *password);
    CHECK(key != NULL || password != NULL);
    vault_give_back(vault, handle);
}

/* Sealed into room of exactly the length that it takes; an overrun shows under ASan and valgrind. */
static void test_room(secmod_vault *vault, uint64_t store, uint64_t secret, size_t expected) {
    uint8_t *blob = malloc(expected);
    size_t length = expected - 1;
    struct secmod_unsealed out = {.handle = 7};
    memset(blob, 0xEE, expected);
    CHECK(secmod_seal(vault, store, secret, context, sizeof context, blob, &length) == SECMOD_E_ARGUMENT);
    CHECK(length == expected - 1 && check_filled(blob, expected, 0xEE));
    length = expected;
    CHECK(secmod_seal(vault, store, secret, context, sizeof context, blob, &length) == SECMOD_OK && length == expected);
    CHECK(secmod_unseal(vault, store, blob, length, context, sizeof context - 1, &out) == SECMOD_E_SEAL && out.handle == 7);
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *exact = malloc(cut == 0 ? 1 : cut);
        memcpy(exact, blob, cut);
        CHECK(secmod_unseal(vault, store, exact, cut, context, sizeof context, &out) == SECMOD_E_SEAL);
        free(exact);
    }
    CHECK(secmod_unseal(vault, store, blob, length, context, sizeof context, &out) == SECMOD_OK);
    poison(vault, out.handle);
    length = expected; /* once more, from a secret that memcheck watches */
    CHECK(secmod_seal(vault, store, out.handle, context, sizeof context, blob, &length) == SECMOD_OK);
    CHECK(secmod_secret_release(vault, out.handle) == SECMOD_OK);
    free(blob);
}

static void test_kinds(secmod_vault *vault) {
    const uint8_t value[SECMOD_MAX_PASSWORD] = {'1'};
    uint64_t store = store_made(vault), secret = 0;
    for (int curve = 0; curve < secmod_curve_count(); curve++) {
        struct secmod_curve facts;
        CHECK(secmod_curve_get(curve, &facts) == SECMOD_OK);
        CHECK(secmod_key_generate(vault, curve, &secret) == SECMOD_OK);
        test_room(vault, store, secret, 3 + (size_t)facts.oid_length + 12 + (size_t)facts.field_bytes + 16);
        CHECK(secmod_secret_release(vault, secret) == SECMOD_OK);
    }
    for (size_t length = 1; length <= sizeof value; length += 31) {
        CHECK(secmod_password_store(vault, value, length, &secret) == SECMOD_OK);
        test_room(vault, store, secret, 3 + 12 + 33 + 16);
        CHECK(secmod_secret_release(vault, secret) == SECMOD_OK);
    }
    CHECK(secmod_secret_release(vault, store) == SECMOD_OK);
}

static void test_wrap(secmod_vault *vault) {
    uint64_t store = store_made(vault), other = store_made(vault), again = 0;
    uint8_t blob[SECMOD_MAX_SEALED], moved[SECMOD_MAX_SEALED], tag[32];
    size_t length = sizeof blob, moved_length = sizeof moved;
    struct secmod_unsealed out = {.handle = 7};
    struct store_key *key = vault_take_secret(vault, other, SECRET_STORE_KEY);
    SECRET(key, sizeof *key);
    PUBLIC(key->wrap, sizeof key->wrap); /* libcrypto branches on whether a cryptogram is right, which all may see */
    vault_give_back(vault, other);
    CHECK(secmod_wrap(vault, store, other, context, sizeof context, blob, &length) == SECMOD_OK && length == 3 + 12 + 32 + 16);
    CHECK(secmod_unseal(vault, store, blob, length, context, sizeof context, &out) == SECMOD_E_SEAL && out.handle == 7);
    CHECK(secmod_reseal(vault, store, blob, length, context, sizeof context, other, context, 1, moved, &moved_length) == SECMOD_OK);
    CHECK(secmod_unwrap(vault, other, moved, moved_length, context, 1, &again) == SECMOD_OK);
    CHECK(secmod_store_tag(vault, other, blob, length, context, sizeof context, tag) == SECMOD_OK);
    CHECK(secmod_store_check(vault, again, tag, blob, length, context, sizeof context) == SECMOD_OK);
    tag[31] ^= 1;
    CHECK(secmod_store_check(vault, again, tag, blob, length, context, sizeof context) == SECMOD_E_SEAL);
    secmod_vault_clear(vault);
}

static void test_nothing_there(secmod_vault *vault) {
    uint8_t blob[SECMOD_MAX_SEALED] = {0}, tag[32] = {0};
    const uint8_t salt[16] = {0};
    size_t length = sizeof blob;
    uint64_t handle = 7;
    struct secmod_unsealed out = {.handle = 7};
    CHECK(secmod_store_key_generate(NULL, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_store_key_read(NULL, 0, &handle) == SECMOD_E_ARGUMENT && secmod_store_key_write(NULL, 1, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_store_key_derive(NULL, salt, 1, salt, 4, 8, 1, &handle) == SECMOD_E_ARGUMENT);
    CHECK(secmod_store_key_copy(NULL, 7, vault, &handle) == SECMOD_E_HANDLE);
    CHECK(secmod_store_key_copy(vault, 7, NULL, &handle) == SECMOD_E_ARGUMENT && handle == 7);
    for (int i = 0; i < 2; i++) {
        secmod_vault *at = i == 0 ? NULL : vault;
        CHECK(secmod_seal(at, 7, 7, context, 4, blob, &length) == SECMOD_E_HANDLE);
        CHECK(secmod_wrap(at, 7, 7, context, 4, blob, &length) == SECMOD_E_HANDLE);
        CHECK(secmod_unseal(at, 7, blob, length, context, 4, &out) == SECMOD_E_HANDLE);
        CHECK(secmod_unwrap(at, 7, blob, length, context, 4, &handle) == SECMOD_E_HANDLE);
        CHECK(secmod_reseal(at, 7, blob, length, context, 4, 7, context, 4, blob, &length) == SECMOD_E_HANDLE);
        CHECK(secmod_store_tag(at, 7, blob, length, context, 4, tag) == SECMOD_E_HANDLE);
        CHECK(secmod_store_check(at, 7, tag, blob, length, context, 4) == SECMOD_E_HANDLE);
    }
    CHECK(length == sizeof blob && handle == 7 && out.handle == 7);
}

int main(void) {
    secmod_vault *vault = NULL;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK);
    test_kinds(vault);
    test_wrap(vault);
    test_nothing_there(vault);
    CHECK(secmod_vault_live(vault) == 0);
    secmod_vault_free(vault);
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
