/* SPDX-License-Identifier: Apache-2.0 */
/* Handles, slots, limits, threads. */
#include <openssl/err.h>
#include <pthread.h>

#include "check.h"
#include "secmod.h"

static secmod_vault *vault_made(void) {
    secmod_vault *vault = NULL;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK && vault != NULL);
    return vault;
}

static uint64_t key_made(secmod_vault *vault, int curve) {
    uint64_t key = 0;
    CHECK(secmod_key_generate(vault, curve, &key) == SECMOD_OK && key != 0);
    return key;
}

static int sign(secmod_vault *vault, uint64_t key) {
    const uint8_t hash[32] = {1};
    uint8_t signature[SECMOD_MAX_SIGNATURE];
    size_t length = sizeof signature;
    return secmod_ecdsa_sign(vault, key, hash, sizeof hash, signature, &length);
}

static void test_handles(void) {
    secmod_vault *vault = vault_made(), *other = vault_made();
    uint64_t first = key_made(vault, 0);
    uint64_t elsewhere = key_made(other, 0);
    CHECK(sign(vault, first) == SECMOD_OK);
    CHECK(sign(other, first) == SECMOD_E_HANDLE && sign(vault, elsewhere) == SECMOD_E_HANDLE);
    CHECK(secmod_secret_release(vault, elsewhere) == SECMOD_E_HANDLE && secmod_vault_live(vault) == 1);
    CHECK(secmod_secret_release(vault, first) == SECMOD_OK && secmod_vault_live(vault) == 0);
    CHECK(secmod_secret_release(vault, first) == SECMOD_E_HANDLE && sign(vault, first) == SECMOD_E_HANDLE);
    uint64_t second = key_made(vault, 0);
    CHECK(second != first && sign(vault, first) == SECMOD_E_HANDLE && sign(vault, second) == SECMOD_OK);
    secmod_vault_free(vault);
    secmod_vault_free(other);
    secmod_vault_free(NULL);
}

static void test_wrong_handles(void) {
    secmod_vault *vault = vault_made();
    uint64_t key = key_made(vault, 0);
    const uint64_t wrong[] = {0, 1, 255, key + 1, key - 1, key + 256, key ^ (1ULL << 63), UINT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK(sign(vault, wrong[i]) == SECMOD_E_HANDLE);
        CHECK(secmod_secret_release(vault, wrong[i]) == SECMOD_E_HANDLE);
    }
    CHECK(sign(NULL, key) == SECMOD_E_HANDLE && secmod_secret_release(NULL, key) == SECMOD_E_HANDLE);
    CHECK(secmod_vault_live(vault) == 1 && secmod_vault_live(NULL) == 0);
    secmod_vault_clear(NULL);
    secmod_vault_free(vault);
}

static void test_full(void) {
    secmod_vault *vault = vault_made();
    const uint8_t one[32] = {[31] = 1};
    uint64_t keys[SECMOD_VAULT_SLOTS], more = 0;
    for (int i = 0; i < SECMOD_VAULT_SLOTS; i++) CHECK(secmod_key_import(vault, 0, one, 32, &keys[i]) == SECMOD_OK);
    CHECK(secmod_key_import(vault, 0, one, 32, &more) == SECMOD_E_FULL && more == 0);
    CHECK(secmod_key_generate(vault, 0, &more) == SECMOD_E_FULL && more == 0);
    CHECK(secmod_secret_release(vault, keys[100]) == SECMOD_OK);
    CHECK(secmod_key_import(vault, 0, one, 32, &more) == SECMOD_OK && more != keys[100]);
    CHECK(secmod_vault_live(vault) == SECMOD_VAULT_SLOTS);
    secmod_vault_clear(vault);
    CHECK(secmod_vault_live(vault) == 0 && sign(vault, more) == SECMOD_E_HANDLE);
    CHECK(sign(vault, key_made(vault, 0)) == SECMOD_OK);
    secmod_vault_free(vault);
}

static void test_import(void) {
    secmod_vault *vault = vault_made();
    const uint8_t zero[64] = {0};
    uint8_t ones[64];
    uint64_t key = 0;
    memset(ones, 0xFF, sizeof ones);
    for (int curve = 0; curve < secmod_curve_count(); curve++) {
        struct secmod_curve facts;
        CHECK(secmod_curve_get(curve, &facts) == SECMOD_OK);
        size_t length = (size_t)facts.field_bytes;
        CHECK(secmod_key_import(vault, curve, zero, length, &key) == SECMOD_E_SCALAR);
        CHECK(secmod_key_import(vault, curve, ones, length, &key) == SECMOD_E_SCALAR);
        CHECK(secmod_key_import(vault, curve, ones, length - 1, &key) == SECMOD_E_ARGUMENT);
        CHECK(secmod_key_import(vault, curve, ones, length + 1, &key) == SECMOD_E_ARGUMENT);
    }
    CHECK(secmod_key_import(vault, 99, ones, 32, &key) == SECMOD_E_ARGUMENT);
    CHECK(secmod_key_import(NULL, 0, ones, 32, &key) == SECMOD_E_ARGUMENT);
    CHECK(secmod_key_generate(vault, -1, &key) == SECMOD_E_ARGUMENT);
    CHECK(secmod_key_generate(NULL, 0, &key) == SECMOD_E_ARGUMENT);
    CHECK(key == 0 && secmod_vault_live(vault) == 0);
    secmod_vault_free(vault);
}

static void test_public(void) {
    secmod_vault *vault = vault_made();
    for (int curve = 0; curve < secmod_curve_count(); curve++) {
        uint64_t key = key_made(vault, curve);
        struct secmod_curve facts;
        CHECK(secmod_curve_get(curve, &facts) == SECMOD_OK);
        size_t needed = 1 + 2 * (size_t)facts.field_bytes, length = needed - 1;
        uint8_t *point = calloc(1, needed); /* of exact size: an overrun shows under ASan and valgrind */
        CHECK(secmod_key_public(vault, key, point, &length) == SECMOD_E_ARGUMENT && check_filled(point, needed, 0));
        length = needed;
        CHECK(secmod_key_public(vault, key, point, &length) == SECMOD_OK && length == needed);
        CHECK(secmod_point_check(curve, point, length) == SECMOD_OK);
        CHECK(secmod_point_check(curve, point, length - 1) == SECMOD_E_POINT);
        point[length - 1] ^= 1;
        CHECK(secmod_point_check(curve, point, length) == SECMOD_E_POINT);
        point[length - 1] ^= 1;
        point[0] = (uint8_t)(6 + (point[length - 1] & 1)); /* the hybrid form */
        CHECK(secmod_point_check(curve, point, length) == SECMOD_E_POINT);
        CHECK(secmod_point_check(curve, point + length, 0) == SECMOD_E_POINT); /* reads nothing */
        CHECK(secmod_point_check(99, point, length) == SECMOD_E_ARGUMENT);
        free(point);
    }
    secmod_vault_free(vault);
}

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

struct shared {
    secmod_vault *vault;
    uint64_t key;
};

static void *lives(void *argument) {
    const struct shared *shared = argument;
    uint8_t bytes[16];
    intptr_t wrong = 0;
    for (int i = 0; i < 20; i++) {
        uint64_t own = 0;
        wrong += secmod_key_generate(shared->vault, i % 5, &own) != SECMOD_OK;
        wrong += sign(shared->vault, own) != SECMOD_OK;
        int signed_by_shared = sign(shared->vault, shared->key); /* released by the first who gets that far */
        wrong += signed_by_shared != SECMOD_OK && signed_by_shared != SECMOD_E_HANDLE;
        wrong += secmod_random(shared->vault, bytes, sizeof bytes) != SECMOD_OK;
        wrong += secmod_secret_release(shared->vault, own) != SECMOD_OK;
        if (i == 10) (void)secmod_secret_release(shared->vault, shared->key);
    }
    return (void *)wrong; /* NOLINT: a number, carried in the pointer */
}

static void test_threads(void) {
    struct shared shared = {.vault = vault_made()};
    pthread_t threads[8];
    shared.key = key_made(shared.vault, 0);
    for (int i = 0; i < 8; i++) CHECK(pthread_create(&threads[i], NULL, lives, &shared) == 0);
    for (int i = 0; i < 8; i++) {
        void *wrong = NULL;
        CHECK(pthread_join(threads[i], &wrong) == 0 && wrong == NULL);
    }
    CHECK(secmod_vault_live(shared.vault) == 0);
    secmod_vault_free(shared.vault);
}

int main(void) {
    test_handles();
    test_wrong_handles();
    test_full();
    test_import();
    test_public();
    test_threads();
    CHECK(ERR_peek_error() == 0); /* nothing is left in the queue that other users of libcrypto read */
    return check_end();
}
