/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA (TR-03111 4.2.1) in plain format, r || s. */
#include <openssl/err.h>
#include <string.h>

#include "ct.h"
#include "ecdsa.h"
#include "fault.h"
#include "kept.h"
#include "nonce.h"
#include "vault.h"
#include "wipe.h"

#define HEDGE_BYTES 32 /* of fresh randomness in a nonce */

static int hash_length_ok(size_t length) { return length >= 1 && length <= ECDSA_HASH_MAX; }

/* ---- sign --------------------------------------------------------------------------------------------------------------- */

/* The leftmost bits of the hash, as many as n has, mod n (bits2octets of RFC 6979).  n has 8 bits for each byte of the field, so
 * bytes are enough, and one subtraction. */
static void hash_reduce(const struct curve *curve, const uint8_t *hash, size_t length, uint8_t *reduced) {
    const size_t field = curve_field_bytes(curve), used = length < field ? length : field;
    memset(reduced, 0, field - used);
    memcpy(reduced + field - used, hash, used);
    uint8_t less[SECMOD_MAX_FIELD];
    uint32_t borrow = 0;
    for (size_t i = field; i-- > 0;) {
        const uint32_t difference = (uint32_t)reduced[i] - curve->order[i] - borrow;
        less[i] = (uint8_t)difference;
        borrow = difference >> 31;
    }
    const ct_mask below = ct_mask_of(borrow);
    for (size_t i = 0; i < field; i++) reduced[i] = (uint8_t)(less[i] ^ ((less[i] ^ reduced[i]) & below));
}

/* The bytes of the hash function for nonces: the one that has given a hash of this length, or one as strong as the curve if none has
 * (RFC 6979 3.6).  Where fresh bytes go in nobody can compute the same nonce, and SHA-256 will do for all: HMAC_DRBG has 256 bits of
 * strength with it (SP 800-57-1 5.6.1.2), as many as the largest curve, and CPUs have instructions for it. */
static size_t nonce_hash(const struct curve *curve, size_t hash_length, int hedged) {
    if (hedged) return 32;
    return hash_length == 32 || hash_length == 48 || hash_length == 64 ? hash_length : curve_field_bytes(curve);
}

void sign_one(const struct curve *curve, struct sign_job *job) {
    const struct curve_ops *ops = curve_ops_of(curve);
    if (job->negative != NULL) {
        ops->sign_checked(curve, job);
    } else {
        int done = ops->sign(curve, job->key, job->nonce, job->hash, job->hash_length, job->signature);
        job->result = (done - 1) & SECMOD_E_SCALAR;
    }
    job->result = (int)ct_reveal((ct_mask)job->result);
}

/* SECMOD_E_SCALAR if r or s is zero with this nonce; SECMOD_E_FAULT and zeroes if the signature is checked and wrong. */
static int sign_with(const struct private_key *key, const uint8_t *nonce, const uint8_t *hash, size_t hash_length,
                     uint8_t *signature, int checked) {
    FAULT(FAULT_STORED, *(uint8_t(*)[32])(uintptr_t)key->scalar);
    struct sign_job job = {.key = key->scalar,
                           .negative = checked ? key->negative : NULL,
                           .nonce = nonce,
                           .hash = hash,
                           .hash_length = hash_length,
                           .signature = signature};
    sign_one(key->curve, &job);
    ct_publish(signature, curve_signature_bytes(key->curve));
    if (job.result == SECMOD_E_SCALAR) return private_key_whole(key) == SECMOD_OK ? SECMOD_E_SCALAR : SECMOD_E_FAULT;
    if (job.result == SECMOD_E_FAULT) wipe(signature, curve_signature_bytes(key->curve));
    return job.result;
}

/* The nonces of RFC 6979, into which the extra bytes go, if there are any. */
static int nonces_of(struct nonce *nonce, const struct private_key *key, const uint8_t *extra, size_t extra_length, const uint8_t *hash,
                     size_t hash_length) {
    uint8_t reduced[SECMOD_MAX_FIELD];
    hash_reduce(key->curve, hash, hash_length, reduced);
    return nonce_begin(nonce, nonce_hash(key->curve, hash_length, extra_length > 0), key->curve, key->scalar, reduced, extra,
                       extra_length);
}

static int sign_derived(const struct private_key *key, const uint8_t *extra, size_t extra_length, const uint8_t *hash, size_t hash_length,
                        uint8_t *signature, int checked) {
    uint8_t k[SECMOD_MAX_FIELD];
    struct nonce nonce;
    int result = nonces_of(&nonce, key, extra, extra_length, hash, hash_length);
    if (result == SECMOD_OK) {
        do {
            result = nonce_next(&nonce, k);
            if (result == SECMOD_OK) result = sign_with(key, k, hash, hash_length, signature, checked);
        } while (result == SECMOD_E_SCALAR); /* r or s is zero: not seen by anyone yet */
    }
    wipe(k, sizeof k);
    nonce_end(&nonce);
    return result;
}

/* Fresh bytes for a nonce.  In a deterministic vault it does without: *length is 0, and the nonce that of RFC 6979. */
static int hedge_of(struct generator *generator, uint8_t fresh[HEDGE_BYTES], size_t *length) {
    *length = generator_is_deterministic(generator) ? 0 : HEDGE_BYTES;
    return generator_bytes(generator, fresh, HEDGE_BYTES, DRBG_AS_DUE); /* refuses in an alarm */
}

int ecdsa_nonce(const struct private_key *key, struct generator *generator, const uint8_t *hash, size_t hash_length, uint8_t *k) {
    uint8_t fresh[HEDGE_BYTES];
    struct nonce nonce;
    size_t hedge;
    int result = hedge_of(generator, fresh, &hedge);
    if (result == SECMOD_OK) result = nonces_of(&nonce, key, fresh, hedge, hash, hash_length);
    if (result == SECMOD_OK) result = nonce_next(&nonce, k);
    wipe(fresh, sizeof fresh);
    nonce_end(&nonce);
    return result;
}

static int sign(secmod_vault *vault, const struct private_key *key, const uint8_t *hash, size_t hash_length, uint8_t *signature,
                size_t *length) {
    if (*length < curve_signature_bytes(key->curve)) return SECMOD_E_ARGUMENT;
    uint8_t fresh[HEDGE_BYTES];
    size_t hedge;
    int result = hedge_of(vault_generator(vault), fresh, &hedge);
    if (result == SECMOD_OK) result = sign_derived(key, fresh, hedge, hash, hash_length, signature, vault_checks(vault));
    wipe(fresh, sizeof fresh);
    if (result == SECMOD_OK) *length = curve_signature_bytes(key->curve);
    return result;
}

int secmod_ecdsa_sign(secmod_vault *vault, uint64_t handle, const uint8_t *hash, size_t hash_length, uint8_t *signature,
                      size_t *length) {
    if (!hash_length_ok(hash_length)) return SECMOD_E_ARGUMENT;
    const struct private_key *key = vault_take(vault, handle);
    if (key == NULL) return SECMOD_E_HANDLE;
    ERR_set_mark();
    int result = sign(vault, key, hash, hash_length, signature, length);
    ERR_pop_to_mark();
    vault_give_back(vault, handle);
    return vault_settle(vault, result);
}

int secmod_ecdsa_sign_known(int curve, const uint8_t *scalar, size_t scalar_length, const uint8_t *nonce, size_t nonce_length,
                            const uint8_t *hash, size_t hash_length, uint8_t *signature, size_t *length) {
    const struct curve *row = curve_at(curve);
    if (row == NULL || scalar_length != curve_field_bytes(row) || !hash_length_ok(hash_length)) return SECMOD_E_ARGUMENT;
    if (nonce_length != 0 && nonce_length != scalar_length) return SECMOD_E_ARGUMENT;
    if (*length < curve_signature_bytes(row)) return SECMOD_E_ARGUMENT;
    if (nonce_length != 0 && !scalar_in_range(row, nonce)) return SECMOD_E_SCALAR;
    struct private_key key;
    ERR_set_mark();
    int result = private_key_new(row, scalar, &key);
    if (result == SECMOD_OK) {
        result = nonce_length != 0 ? sign_with(&key, nonce, hash, hash_length, signature, 1)
                                   : sign_derived(&key, NULL, 0, hash, hash_length, signature, 1);
        private_key_wipe(&key);
    }
    ERR_pop_to_mark();
    if (result == SECMOD_OK) *length = curve_signature_bytes(row);
    return result;
}

/* ---- verify ------------------------------------------------------------------------------------------------------------- */

int secmod_ecdsa_verify(int curve, const uint8_t *point, size_t point_length, const uint8_t *hash, size_t hash_length,
                        const uint8_t *signature, size_t signature_length) {
    const struct curve *row = curve_at(curve);
    if (row == NULL || !hash_length_ok(hash_length)) return SECMOD_E_ARGUMENT;
    if (public_key_check(row, point, point_length) != SECMOD_OK) return SECMOD_E_POINT;
    if (signature_length != curve_signature_bytes(row)) return SECMOD_E_SIGNATURE;
    const kept_table *table;
    struct kept_key *key = kept_take(row, point, &table);
    int good = curve_ops_of(row)->verify_vartime(row, table, point, hash, hash_length, signature);
    kept_release(key);
    return good ? SECMOD_OK : SECMOD_E_SIGNATURE;
}
