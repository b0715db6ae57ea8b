/* SPDX-License-Identifier: Apache-2.0 */
/* Where store keys come from, and the tags they make.  The 32 bytes of one go between C, libcrypto and a file, nowhere else. */
#define _POSIX_C_SOURCE 200809L /* fsync */

#include "store_key.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"
#include "hmac.h"
#include "vault.h"
#include "wipe.h"

#define SCRYPT_MEMORY_MAX ((uint64_t)1 << 30) /* bytes: a wrong cost asks for no more */

/* ---- keys from the key -------------------------------------------------------------------------------------------------- */

static void derive(const uint8_t *key, const char *label, uint8_t out[32]) {
    static const uint8_t first[1] = {1};
    const struct part parts[] = {{(const uint8_t *)label, strlen(label)}, {first, sizeof first}};
    hmac_sha256(key, parts, 2, out);
}

void store_key_new(const uint8_t key[SECMOD_STORE_KEY], struct store_key *store) {
    memcpy(store->key, key, SECMOD_STORE_KEY);
    derive(key, "secmod seal", store->seal);
    derive(key, "secmod wrap", store->wrap);
    derive(key, "secmod nonce", store->nonce);
    derive(key, "secmod tag", store->tag);
}

/* The key becomes a secret of the vault, and the caller's bytes are wiped; nothing but that happens if `result` is an error. */
static int keep(secmod_vault *vault, int result, uint8_t key[SECMOD_STORE_KEY], uint64_t *handle) {
    struct secret made = {.kind = SECRET_STORE_KEY};
    if (result == SECMOD_OK) result = vault_usable(vault);
    if (result == SECMOD_OK) store_key_new(key, &made.as.store_key);
    if (result == SECMOD_OK) result = vault_put(vault, &made, handle);
    wipe(key, SECMOD_STORE_KEY);
    return result;
}

int store_key_get(secmod_vault *vault, uint64_t handle, struct store_key *copy) {
    const struct store_key *found = vault_take_secret(vault, handle, SECRET_STORE_KEY);
    if (found == NULL) return SECMOD_E_HANDLE;
    *copy = *found;
    vault_give_back(vault, handle);
    return SECMOD_OK;
}

int secmod_store_key_copy(secmod_vault *vault, uint64_t handle, secmod_vault *to, uint64_t *copy) {
    struct secret made = {.kind = SECRET_STORE_KEY};
    if (to == NULL) return SECMOD_E_ARGUMENT;
    int result = store_key_get(vault, handle, &made.as.store_key);
    return result == SECMOD_OK ? vault_put(to, &made, copy) : result;
}

int secmod_store_key_generate(secmod_vault *vault, uint64_t *handle) {
    uint8_t key[SECMOD_STORE_KEY];
    if (vault == NULL) return SECMOD_E_ARGUMENT;
    ERR_set_mark();
    int result = keep(vault, generator_bytes(vault_generator(vault), key, sizeof key, DRBG_FRESH), key, handle);
    ERR_pop_to_mark();
    return result;
}

/* ---- passphrases -------------------------------------------------------------------------------------------------------- */

/* All within limits that keep the products far from overflow, and the memory within its own. */
static int cost_ok(int log2_n, int r, int p) {
    if (log2_n < 1 || log2_n > 22 || r < 1 || r > 64 || p < 1 || p > 64) return 0;
    const uint64_t blocks = ((uint64_t)1 << log2_n) + (uint64_t)p, block = 128 * (uint64_t)r;
    return blocks * block <= SCRYPT_MEMORY_MAX + 64 * block;
}

static int scrypt(const uint8_t *passphrase, size_t length, const uint8_t *salt, uint64_t n, uint32_t r, uint32_t p, uint8_t *key) {
    uint64_t memory = 2 * SCRYPT_MEMORY_MAX; /* libcrypto counts more than the formula, and we have counted already */
    union {
        const uint8_t *in;
        uint8_t *out;
    } secret = {.in = passphrase}, grain = {.in = salt}; /* OSSL_PARAM takes no const, and promises not to write */
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, secret.out, length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, grain.out, SECMOD_STORE_SALT),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *method = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    EVP_KDF_CTX *context = method == NULL ? NULL : EVP_KDF_CTX_new(method);
    int done = context != NULL && EVP_KDF_derive(context, key, SECMOD_STORE_KEY, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(method);
    return done ? SECMOD_OK : SECMOD_E_LIBRARY;
}

int secmod_store_key_derive(secmod_vault *vault, const uint8_t *passphrase, size_t length, const uint8_t salt[SECMOD_STORE_SALT],
                            int log2_n, int r, int p, uint64_t *handle) {
    uint8_t key[SECMOD_STORE_KEY];
    if (vault == NULL || length < 1 || length > SECMOD_PASSPHRASE_MAX || !cost_ok(log2_n, r, p)) return SECMOD_E_ARGUMENT;
    ERR_set_mark();
    int result = keep(vault, scrypt(passphrase, length, salt, (uint64_t)1 << log2_n, (uint32_t)r, (uint32_t)p, key), key, handle);
    ERR_pop_to_mark();
    return result;
}

/* ---- files -------------------------------------------------------------------------------------------------------------- */

/* How many bytes came before the end of the file, at most `room`; -1 for an error. */
static ssize_t read_up_to(int fd, uint8_t *bytes, size_t room) {
    size_t got = 0;
    while (got < room) {
        ssize_t more = read(fd, bytes + got, room - got);
        if (more == 0) break;
        if (more < 0 && errno != EINTR) return -1;
        if (more > 0) got += (size_t)more;
    }
    return (ssize_t)got;
}

int secmod_store_key_read(secmod_vault *vault, int fd, uint64_t *handle) {
    uint8_t bytes[SECMOD_STORE_KEY + 1];
    if (vault == NULL) return SECMOD_E_ARGUMENT;
    ERR_set_mark();
    int result = keep(vault, read_up_to(fd, bytes, sizeof bytes) == SECMOD_STORE_KEY ? SECMOD_OK : SECMOD_E_FILE, bytes, handle);
    ERR_pop_to_mark();
    wipe(bytes, sizeof bytes);
    return result;
}

static int write_all(int fd, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t done = write(fd, bytes, length);
        if (done < 0 && errno != EINTR) return SECMOD_E_FILE;
        if (done <= 0) continue;
        bytes += done;
        length -= (size_t)done;
    }
    return fsync(fd) == 0 || errno == EINVAL ? SECMOD_OK : SECMOD_E_FILE; /* EINVAL: a pipe, which has nothing to sync */
}

int secmod_store_key_write(secmod_vault *vault, int fd, uint64_t *handle) {
    uint8_t key[SECMOD_STORE_KEY];
    if (vault == NULL) return SECMOD_E_ARGUMENT;
    ERR_set_mark();
    int result = generator_bytes(vault_generator(vault), key, sizeof key, DRBG_FRESH);
    if (result == SECMOD_OK) result = write_all(fd, key, sizeof key);
    result = keep(vault, result, key, handle);
    ERR_pop_to_mark();
    return result;
}

/* ---- tags --------------------------------------------------------------------------------------------------------------- */

/* HMAC of the context's length, the context, and the data. */
static int tag_of(secmod_vault *vault, uint64_t handle, const uint8_t *data, size_t length, const uint8_t *context,
                  size_t context_length, uint8_t tag[SECMOD_STORE_TAG]) {
    struct store_key store;
    uint8_t count[4];
    if (context_length > SECMOD_CONTEXT_MAX) return SECMOD_E_ARGUMENT;
    for (int i = 0; i < 4; i++) count[i] = (uint8_t)(context_length >> (24 - 8 * i));
    const struct part parts[] = {{count, sizeof count}, {context, context_length}, {data, length}};
    int result = store_key_get(vault, handle, &store);
    if (result != SECMOD_OK) return result;
    hmac_sha256(store.tag, parts, 3, tag);
    wipe(&store, sizeof store);
    ct_publish(tag, SECMOD_STORE_TAG);
    return SECMOD_OK;
}

int secmod_store_tag(secmod_vault *vault, uint64_t store_key, const uint8_t *data, size_t length, const uint8_t *context,
                     size_t context_length, uint8_t tag[SECMOD_STORE_TAG]) {
    return tag_of(vault, store_key, data, length, context, context_length, tag);
}

int secmod_store_check(secmod_vault *vault, uint64_t store_key, const uint8_t tag[SECMOD_STORE_TAG], const uint8_t *data,
                       size_t length, const uint8_t *context, size_t context_length) {
    uint8_t expected[SECMOD_STORE_TAG];
    int result = tag_of(vault, store_key, data, length, context, context_length, expected);
    if (result == SECMOD_OK && !ct_reveal(ct_equal(expected, tag, sizeof expected))) result = SECMOD_E_SEAL;
    wipe(expected, sizeof expected);
    return result;
}
