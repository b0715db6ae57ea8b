/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA (TR-03111 4.2.1) in plain format, r || s; libcrypto speaks DER. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "vault.h"
#include "wipe.h"

#define DER_MAX 137 /* 30 81 len, and twice 02 len 00 and 64 bytes: 3 + 2 * (3 + 64) */
#define HASH_MAX 64

static int hash_length_ok(size_t length) { return length >= 1 && length <= HASH_MAX; }

/* ---- sign --------------------------------------------------------------------------------------------------------------- */

static int plain_from_der(const uint8_t *der, size_t der_length, uint8_t *plain, int field_bytes) {
    const uint8_t *at = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)der_length);
    int done = signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), plain, field_bytes) == field_bytes &&
               BN_bn2binpad(ECDSA_SIG_get0_s(signature), plain + field_bytes, field_bytes) == field_bytes;
    ECDSA_SIG_free(signature);
    return done;
}

/* The nonce comes from libcrypto's private DRBG of this thread, mixed with the key and the hash, so that equal output of a
 * broken generator does not give away the key. */
static int sign(struct private_key *key, const uint8_t *hash, size_t hash_length, uint8_t *signature, size_t *length) {
    if (*length < curve_signature_bytes(key->curve)) return SECMOD_E_ARGUMENT;
    uint8_t der[DER_MAX];
    size_t der_length = sizeof der;
    if (EVP_PKEY_sign(key->sign, der, &der_length, hash, hash_length) != 1) return SECMOD_E_LIBRARY;
    if (!plain_from_der(der, der_length, signature, key->curve->facts.field_bytes)) {
        wipe(signature, curve_signature_bytes(key->curve));
        return SECMOD_E_LIBRARY;
    }
    *length = curve_signature_bytes(key->curve);
    return SECMOD_OK;
}

int secmod_ecdsa_sign(secmod_vault *vault, uint64_t handle, const uint8_t *hash, size_t hash_length, uint8_t *signature,
                      size_t *length) {
    if (!hash_length_ok(hash_length)) return SECMOD_E_ARGUMENT;
    struct private_key *key = vault_take(vault, handle);
    if (key == NULL) return SECMOD_E_HANDLE;
    ERR_set_mark();
    int result = sign(key, hash, hash_length, signature, length);
    ERR_pop_to_mark();
    vault_give_back(vault, handle);
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
