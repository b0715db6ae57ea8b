/* SPDX-License-Identifier: Apache-2.0 */
#include "libcrypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

#include "wipe.h"

#define STRENGTH 256          /* bits of security asked of the generator */
#define RESEED_REQUESTS 1024U /* generate calls until fresh entropy is mixed in */

/* OSSL_PARAM names strings by char *, and promises not to write to them. */
static OSSL_PARAM text_param(const char *key, const char *text) {
    union {
        const char *in;
        char *out;
    } drop_const = {.in = text};
    return OSSL_PARAM_construct_utf8_string(key, drop_const.out, 0);
}

/* ---- random numbers ----------------------------------------------------------------------------------------------------- */

static EVP_RAND_CTX *rand_new(const char *name, EVP_RAND_CTX *parent) {
    EVP_RAND *method = EVP_RAND_fetch(NULL, name, NULL);
    if (method == NULL) return NULL;
    EVP_RAND_CTX *generator = EVP_RAND_CTX_new(method, parent);
    EVP_RAND_free(method);
    return generator;
}

EVP_RAND_CTX *entropy_source_new(void) {
    EVP_RAND_CTX *source = rand_new("SEED-SRC", NULL);
    if (source == NULL || EVP_RAND_instantiate(source, 0, 0, NULL, 0, NULL) == 1) return source;
    EVP_RAND_CTX_free(source);
    return NULL;
}

int fixed_source_set(EVP_RAND_CTX *source, uint8_t *entropy, size_t entropy_length, uint8_t *nonce, size_t nonce_length) {
    unsigned int strength = STRENGTH;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_uint(OSSL_RAND_PARAM_STRENGTH, &strength),
        OSSL_PARAM_construct_octet_string(OSSL_RAND_PARAM_TEST_ENTROPY, entropy, entropy_length),
        OSSL_PARAM_construct_octet_string(OSSL_RAND_PARAM_TEST_NONCE, nonce, nonce_length),
        OSSL_PARAM_construct_end(),
    };
    return EVP_RAND_CTX_set_params(source, params) == 1;
}

EVP_RAND_CTX *fixed_source_new(void) {
    uint8_t zeroes[48] = {0};
    EVP_RAND_CTX *source = rand_new("TEST-RAND", NULL);
    if (source != NULL && fixed_source_set(source, zeroes, 32, zeroes, 16) &&
        EVP_RAND_instantiate(source, STRENGTH, 0, NULL, 0, NULL) == 1) {
        return source;
    }
    EVP_RAND_CTX_free(source);
    return NULL;
}

EVP_RAND_CTX *drbg_new(EVP_RAND_CTX *source, const uint8_t *personal, size_t personal_length) {
    EVP_RAND_CTX *drbg = rand_new("CTR-DRBG", source);
    if (drbg == NULL) return NULL;
    int derivation_function = 1;
    unsigned int reseed_requests = RESEED_REQUESTS;
    const uint8_t none = 0; /* without a personalisation string libcrypto takes one of its own; an empty one is no string */
    const OSSL_PARAM params[] = {
        text_param(OSSL_DRBG_PARAM_CIPHER, "AES-256-CTR"),
        OSSL_PARAM_construct_int(OSSL_DRBG_PARAM_USE_DF, &derivation_function),
        OSSL_PARAM_construct_uint(OSSL_DRBG_PARAM_RESEED_REQUESTS, &reseed_requests),
        OSSL_PARAM_construct_end(),
    };
    if (personal_length == 0) personal = &none;
    if (EVP_RAND_instantiate(drbg, STRENGTH, 0, personal, personal_length, params) == 1) return drbg;
    EVP_RAND_CTX_free(drbg);
    return NULL;
}

int drbg_generate(EVP_RAND_CTX *drbg, uint8_t *out, size_t length) {
    ERR_set_mark();
    int done = EVP_RAND_generate(drbg, out, length, STRENGTH, 0, NULL, 0);
    ERR_pop_to_mark();
    if (done == 1) return SECMOD_OK;
    wipe(out, length);
    return SECMOD_E_RANDOM;
}

int drbg_reseed(EVP_RAND_CTX *drbg, const uint8_t *seed, size_t length) {
    ERR_set_mark();
    int done = EVP_RAND_reseed(drbg, 0, seed, length, NULL, 0);
    ERR_pop_to_mark();
    return done == 1 ? SECMOD_OK : SECMOD_E_RANDOM;
}

/* ---- hashes ------------------------------------------------------------------------------------------------------------- */

/* Looked up once: that takes longer than to hash.  Kept as long as the process lives. */
static EVP_MD *hashes[3];
static pthread_once_t hashes_known = PTHREAD_ONCE_INIT;

static void hashes_look_up(void) {
    hashes[0] = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    hashes[1] = EVP_MD_fetch(NULL, "SHA2-384", NULL);
    hashes[2] = EVP_MD_fetch(NULL, "SHA2-512", NULL);
}

static const EVP_MD *hash_of(int algorithm) {
    switch (algorithm) {
        case SECMOD_SHA256: return hashes[0];
        case SECMOD_SHA384: return hashes[1];
        default: return hashes[2];
    }
}

int secmod_hash(int algorithm, const uint8_t *data, size_t length, uint8_t *digest) {
    if (algorithm != SECMOD_SHA256 && algorithm != SECMOD_SHA384 && algorithm != SECMOD_SHA512) return SECMOD_E_ARGUMENT;
    ERR_set_mark();
    (void)pthread_once(&hashes_known, hashes_look_up);
    const EVP_MD *hash = hash_of(algorithm);
    int done = hash != NULL && EVP_Digest(data, length, digest, NULL, hash, NULL);
    ERR_pop_to_mark();
    return done == 1 ? SECMOD_OK : SECMOD_E_LIBRARY;
}

/* ---- version ------------------------------------------------------------------------------------------------------------ */

const char *secmod_libcrypto_version(void) { return OpenSSL_version(OPENSSL_VERSION); }
