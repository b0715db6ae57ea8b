/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA (TR-03111 4.2.1) in plain format, r || s; libcrypto's verification speaks DER. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "vault.h"
#include "wipe.h"

#define DER_MAX 137 /* 30 81 len, and twice 02 len 00 and 64 bytes: 3 + 2 * (3 + 64) */
#define HASH_MAX 64
#define HEDGE_BYTES 32 /* of fresh randomness in a nonce */

static int hash_length_ok(size_t length) { return length >= 1 && length <= HASH_MAX; }

/* ---- sign --------------------------------------------------------------------------------------------------------------- */

/* Fresh bytes go into the nonce and into blinding.  In a deterministic vault the nonce does without: it is that of RFC 6979. */
static int sign(struct private_key *key, struct generator *generator, const uint8_t *hash, size_t hash_length, uint8_t *signature,
                size_t *length) {
    if (*length < curve_signature_bytes(key->curve)) return SECMOD_E_ARGUMENT;
    struct signer *signer = private_key_signer(key);
    if (signer == NULL) return SECMOD_E_LIBRARY;
    uint8_t fresh[HEDGE_BYTES + SECMOD_MAX_FIELD];
    size_t hedge = generator_is_deterministic(generator) ? 0 : HEDGE_BYTES;
    struct signer_input input = {.blind = fresh + HEDGE_BYTES, .extra = fresh, .extra_length = hedge};
    int result = generator_bytes(generator, fresh, HEDGE_BYTES + curve_field_bytes(key->curve), DRBG_AS_DUE);
    if (result == SECMOD_OK) result = signer_sign(signer, hash, hash_length, &input, signature);
    wipe(fresh, sizeof fresh);
    if (result == SECMOD_OK) *length = curve_signature_bytes(key->curve);
    return result;
}

int secmod_ecdsa_sign(secmod_vault *vault, uint64_t handle, const uint8_t *hash, size_t hash_length, uint8_t *signature,
                      size_t *length) {
    if (!hash_length_ok(hash_length)) return SECMOD_E_ARGUMENT;
    struct private_key *key = vault_take(vault, handle);
    if (key == NULL) return SECMOD_E_HANDLE;
    ERR_set_mark();
    int result = sign(key, vault_generator(vault), hash, hash_length, signature, length);
    ERR_pop_to_mark();
    vault_give_back(vault, handle);
    return result;
}

int secmod_ecdsa_sign_known(int curve, const uint8_t *scalar, size_t scalar_length, const uint8_t *nonce, size_t nonce_length,
                            const uint8_t *hash, size_t hash_length, uint8_t *signature, size_t *length) {
    const struct curve *row = curve_at(curve);
    if (row == NULL || scalar_length != curve_field_bytes(row) || !hash_length_ok(hash_length)) return SECMOD_E_ARGUMENT;
    if (nonce_length != 0 && nonce_length != scalar_length) return SECMOD_E_ARGUMENT;
    if (*length < curve_signature_bytes(row)) return SECMOD_E_ARGUMENT;
    if (nonce_length != 0 && !scalar_in_range(row, nonce)) return SECMOD_E_SCALAR;
    const struct signer_input input = {.blind = row->order, .nonce = nonce_length == 0 ? NULL : nonce}; /* any blinding does */
    struct private_key key;
    ERR_set_mark();
    int result = private_key_new(row, scalar, &key);
    if (result == SECMOD_OK) {
        struct signer *signer = private_key_signer(&key);
        result = signer == NULL ? SECMOD_E_LIBRARY : signer_sign(signer, hash, hash_length, &input, signature);
        private_key_wipe(&key);
    }
    ERR_pop_to_mark();
    if (result == SECMOD_OK) *length = curve_signature_bytes(row);
    return result;
}

/* ---- verify ------------------------------------------------------------------------------------------------------------- */

/* The length of the DER form, 0 if there is none. */
static size_t der_from_plain(const uint8_t *plain, int field_bytes, uint8_t der[DER_MAX]) {
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(plain, field_bytes, NULL);
    BIGNUM *s = BN_bin2bn(plain + field_bytes, field_bytes, NULL);
    int length = 0;
    if (signature != NULL && ECDSA_SIG_set0(signature, r, s) == 1) { /* takes r and s over */
        length = i2d_ECDSA_SIG(signature, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(signature);
    return length > 0 ? (size_t)length : 0;
}

static int verify(EVP_PKEY *key, const uint8_t *hash, size_t hash_length, const uint8_t *der, size_t der_length) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    int result = SECMOD_E_LIBRARY;
    if (context != NULL && EVP_PKEY_verify_init(context) == 1) {
        /* 0 is a bad signature, less an error inside libcrypto: only 1 is a yes */
        result = EVP_PKEY_verify(context, der, der_length, hash, hash_length) == 1 ? SECMOD_OK : SECMOD_E_SIGNATURE;
    }
    EVP_PKEY_CTX_free(context);
    return result;
}

int secmod_ecdsa_verify(int curve, const uint8_t *point, size_t point_length, const uint8_t *hash, size_t hash_length,
                        const uint8_t *signature, size_t signature_length) {
    const struct curve *row = curve_at(curve);
    if (row == NULL || !hash_length_ok(hash_length)) return SECMOD_E_ARGUMENT;
    EVP_PKEY *key = NULL;
    ERR_set_mark();
    int result = public_key_new(row, point, point_length, &key);
    if (result == SECMOD_OK && signature_length != curve_signature_bytes(row)) result = SECMOD_E_SIGNATURE;
    if (result == SECMOD_OK) {
        uint8_t der[DER_MAX];
        size_t der_length = der_from_plain(signature, row->facts.field_bytes, der);
        result = der_length == 0 ? SECMOD_E_LIBRARY : verify(key, hash, hash_length, der, der_length);
    }
    EVP_PKEY_free(key);
    ERR_pop_to_mark();
    return result;
}
