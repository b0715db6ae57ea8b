/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets outside the vault, encrypted and authenticated.  A sealed secret is
 *
 *     format 01 | kind | length of the curve's identifier | identifier (value octets) | nonce, 12 | cryptogram | tag, 16
 *
 * AES-256-GCM; what stands before the nonce and then the caller's context are the associated data.  The plain bytes have one length
 * for each kind and curve.  The nonce is made from fresh random bytes, the associated data and the secret itself, under a key of
 * its own: two different secrets never share one, not even where a random generator repeats itself (a deterministic vault, a
 * copy of the machine). */
#include <openssl/err.h>
#include <string.h>

#include "ct.h"
#include "gcm.h"
#include "hmac.h"
#include "store_key.h"
#include "vault.h"
#include "wipe.h"

#define FORMAT 1
#define HEAD_FIXED 3 /* format, kind, length of the identifier */
#define FRESH_BYTES 32
#define PASSWORD_BYTES (1 + SECMOD_MAX_PASSWORD) /* its length, and the value with zeroes behind it */
#define OPEN_MAX 64

_Static_assert(SECMOD_MAX_SEALED == HEAD_FIXED + SECMOD_MAX_OID + GCM_NONCE + OPEN_MAX + GCM_TAG, "the room that callers have");
_Static_assert(SECMOD_MAX_FIELD <= OPEN_MAX && PASSWORD_BYTES <= OPEN_MAX && SECMOD_STORE_KEY <= OPEN_MAX, "every kind fits");

/* A secret that is out of its vault, for the moment. */
struct open {
    int kind; /* SECMOD_SEALED_... */
    const struct curve *curve;
    uint8_t bytes[OPEN_MAX];
};

static size_t open_bytes(int kind, const struct curve *curve) {
    switch (kind) {
        case SECMOD_SEALED_KEY: return curve_field_bytes(curve);
        case SECMOD_SEALED_PASSWORD: return PASSWORD_BYTES;
        default: return SECMOD_STORE_KEY;
    }
}

static const uint8_t *key_for(const struct store_key *store, int kind) {
    return kind == SECMOD_SEALED_STORE_KEY ? store->wrap : store->seal;
}

/* ---- bytes of a sealed secret ------------------------------------------------------------------------------------------- */

static size_t head_write(const struct open *open, uint8_t *head) {
    size_t oid = open->curve == NULL ? 0 : (size_t)open->curve->facts.oid_length;
    head[0] = FORMAT;
    head[1] = (uint8_t)open->kind;
    head[2] = (uint8_t)oid;
    if (oid > 0) memcpy(head + HEAD_FIXED, open->curve->facts.oid, oid);
    return HEAD_FIXED + oid;
}

/* The curve with this identifier, or NULL. */
static const struct curve *curve_with(const uint8_t *oid, size_t length) {
    const struct curve *curve = NULL;
    for (int i = 0; (curve = curve_at(i)) != NULL; i++) {
        if ((size_t)curve->facts.oid_length == length && memcmp(curve->facts.oid, oid, length) == 0) break;
    }
    return curve;
}

/* Kind and curve, and how long the head is; 0 if these bytes are no sealed secret. */
static size_t head_read(const uint8_t *blob, size_t length, struct open *open) {
    if (length < HEAD_FIXED || blob[0] != FORMAT) return 0;
    const size_t oid = blob[2], head = HEAD_FIXED + oid;
    open->kind = blob[1];
    open->curve = NULL;
    if (head > length || open->kind < SECMOD_SEALED_KEY || open->kind > SECMOD_SEALED_STORE_KEY) return 0;
    if (open->kind == SECMOD_SEALED_KEY) open->curve = curve_with(blob + HEAD_FIXED, oid);
    if (open->kind == SECMOD_SEALED_KEY ? open->curve == NULL : oid != 0) return 0;
    return length == head + GCM_NONCE + open_bytes(open->kind, open->curve) + GCM_TAG ? head : 0;
}

static int nonce_make(secmod_vault *vault, const struct store_key *store, const struct open *open, const struct gcm_context *with,
                      uint8_t nonce[GCM_NONCE]) {
    uint8_t fresh[FRESH_BYTES], digest[32];
    const struct part parts[] = {{fresh, sizeof fresh},
                                 {with->header, with->header_length},
                                 {open->bytes, open_bytes(open->kind, open->curve)},
                                 {with->context, with->context_length}};
    int result = generator_bytes(vault_generator(vault), fresh, sizeof fresh, DRBG_AS_DUE);
    if (result == SECMOD_OK) hmac_sha256(store->nonce, parts, 4, digest);
    if (result == SECMOD_OK) memcpy(nonce, digest, GCM_NONCE);
    ct_publish(nonce, GCM_NONCE);
    wipe(fresh, sizeof fresh);
    wipe(digest, sizeof digest);
    return result;
}

static int close_up(secmod_vault *vault, const struct store_key *store, const struct open *open, const uint8_t *context,
                    size_t context_length, uint8_t *blob, size_t *length) {
    uint8_t head[HEAD_FIXED + SECMOD_MAX_OID];
    const struct gcm_context with = {head, context, head_write(open, head), context_length};
    const size_t plain = open_bytes(open->kind, open->curve), needed = with.header_length + GCM_NONCE + plain + GCM_TAG;
    if (*length < needed) return SECMOD_E_ARGUMENT;
    uint8_t *nonce = blob + with.header_length, *cipher = nonce + GCM_NONCE;
    int result = nonce_make(vault, store, open, &with, nonce);
    if (result == SECMOD_OK) {
        result = gcm_encrypt(key_for(store, open->kind), nonce, &with, open->bytes, plain, cipher, cipher + plain);
    }
    if (result != SECMOD_OK) {
        wipe(blob, needed);
        return result;
    }
    memcpy(blob, head, with.header_length);
    ct_publish(cipher, plain + GCM_TAG);
    *length = needed;
    return SECMOD_OK;
}

static int open_up(const struct store_key *store, const uint8_t *blob, size_t length, const uint8_t *context, size_t context_length,
                   struct open *open) {
    const struct gcm_context with = {blob, context, head_read(blob, length, open), context_length};
    if (with.header_length == 0) return SECMOD_E_SEAL;
    const uint8_t *nonce = blob + with.header_length, *cipher = nonce + GCM_NONCE;
    const size_t plain = open_bytes(open->kind, open->curve);
    return gcm_decrypt(key_for(store, open->kind), nonce, &with, cipher, plain, cipher + plain, open->bytes);
}

/* ---- out of the vault, and into it -------------------------------------------------------------------------------------- */

/* A copy of what lives under a handle, if it is of a kind that is sealed. */
static int copy_out(secmod_vault *vault, uint64_t handle, struct open *open) {
    const struct private_key *key = vault_take_secret(vault, handle, SECRET_KEY);
    const struct password *password = key != NULL ? NULL : vault_take_secret(vault, handle, SECRET_PASSWORD);
    if (key == NULL && password == NULL) return SECMOD_E_HANDLE;
    if (key != NULL) {
        *open = (struct open){.kind = SECMOD_SEALED_KEY, .curve = key->curve};
        memcpy(open->bytes, key->scalar, curve_field_bytes(key->curve));
    } else {
        *open = (struct open){.kind = SECMOD_SEALED_PASSWORD};
        open->bytes[0] = password->length;
        memcpy(open->bytes + 1, password->value, sizeof password->value);
    }
    vault_give_back(vault, handle);
    return SECMOD_OK;
}

/* All ones for a length from 1 to SECMOD_MAX_PASSWORD and nothing but zeroes behind the value. */
static ct_mask password_ok(const uint8_t bytes[PASSWORD_BYTES]) {
    static const uint8_t zero = 0, least = 1;
    ct_mask good = ~ct_less(bytes, &least, 1) & ct_less(bytes, &(const uint8_t){SECMOD_MAX_PASSWORD + 1}, 1);
    for (uint8_t i = 0; i < SECMOD_MAX_PASSWORD; i++) good &= ct_less(&i, bytes, 1) | ct_equal(bytes + 1 + i, &zero, 1);
    return good;
}

/* SECMOD_E_SEAL if it is no secret of its kind: then no vault has sealed it. */
static int secret_new(const struct open *open, struct secret *made) {
    *made = (struct secret){.kind = SECRET_NONE};
    if (open->kind == SECMOD_SEALED_KEY) {
        made->kind = SECRET_KEY;
        int result = private_key_new(open->curve, open->bytes, &made->as.key);
        return result == SECMOD_E_SCALAR ? SECMOD_E_SEAL : result;
    }
    if (open->kind == SECMOD_SEALED_STORE_KEY) {
        made->kind = SECRET_STORE_KEY;
        store_key_new(open->bytes, &made->as.store_key);
        return SECMOD_OK;
    }
    if (!ct_reveal(password_ok(open->bytes))) return SECMOD_E_SEAL;
    made->kind = SECRET_PASSWORD;
    made->as.password.length = open->bytes[0];
    memcpy(made->as.password.value, open->bytes + 1, SECMOD_MAX_PASSWORD);
    return SECMOD_OK;
}

/* What has been opened, as a secret of the vault. */
static int bring_in(secmod_vault *vault, const struct open *open, struct secmod_unsealed *out) {
    struct secret made;
    uint64_t handle;
    int result = secret_new(open, &made);
    if (result == SECMOD_OK) result = vault_put(vault, &made, &handle);
    if (result != SECMOD_OK) return result;
    ct_publish(open->bytes, 1); /* the length of a password: who holds its handle knows it */
    *out = (struct secmod_unsealed){.handle = handle,
                                    .kind = open->kind,
                                    .curve = open->curve == NULL ? -1 : open->curve->number,
                                    .length = open->kind == SECMOD_SEALED_PASSWORD ? open->bytes[0] : 0};
    return SECMOD_OK;
}

/* ---- the functions ------------------------------------------------------------------------------------------------------ */

static int begin(secmod_vault *vault, uint64_t store_key, size_t context_length, struct store_key *store) {
    if (vault == NULL) return SECMOD_E_HANDLE;
    if (context_length > SECMOD_CONTEXT_MAX) return SECMOD_E_ARGUMENT;
    int result = vault_usable(vault);
    return result == SECMOD_OK ? store_key_get(vault, store_key, store) : result;
}

int secmod_seal(secmod_vault *vault, uint64_t store_key, uint64_t secret, const uint8_t *context, size_t context_length,
                uint8_t *blob, size_t *length) {
    struct store_key store;
    struct open open;
    int result = begin(vault, store_key, context_length, &store);
    if (result != SECMOD_OK) return result;
    ERR_set_mark();
    result = copy_out(vault, secret, &open);
    if (result == SECMOD_OK) result = close_up(vault, &store, &open, context, context_length, blob, length);
    ERR_pop_to_mark();
    wipe(&open, sizeof open);
    wipe(&store, sizeof store);
    return result;
}

int secmod_wrap(secmod_vault *vault, uint64_t store_key, uint64_t other, const uint8_t *context, size_t context_length,
                uint8_t *blob, size_t *length) {
    struct store_key store, wrapped;
    struct open open = {.kind = SECMOD_SEALED_STORE_KEY};
    int result = begin(vault, store_key, context_length, &store);
    if (result != SECMOD_OK) return result;
    ERR_set_mark();
    result = store_key_get(vault, other, &wrapped);
    if (result == SECMOD_OK) {
        memcpy(open.bytes, wrapped.key, sizeof wrapped.key);
        result = close_up(vault, &store, &open, context, context_length, blob, length);
    }
    ERR_pop_to_mark();
    wipe(&open, sizeof open);
    wipe(&wrapped, sizeof wrapped);
    wipe(&store, sizeof store);
    return result;
}

/* Whether the kind is one that the caller wants is seen before anything is decrypted: it is in the open, and authenticated. */
static int unseal(secmod_vault *vault, uint64_t store_key, const uint8_t *blob, size_t length, const uint8_t *context,
                  size_t context_length, int wants_store_key, struct secmod_unsealed *out) {
    struct store_key store;
    struct open open;
    int result = begin(vault, store_key, context_length, &store);
    if (result != SECMOD_OK) return result;
    ERR_set_mark();
    if (length < HEAD_FIXED || (blob[1] == SECMOD_SEALED_STORE_KEY) != wants_store_key) result = SECMOD_E_SEAL;
    if (result == SECMOD_OK) result = open_up(&store, blob, length, context, context_length, &open);
    if (result == SECMOD_OK) result = bring_in(vault, &open, out);
    ERR_pop_to_mark();
    wipe(&open, sizeof open);
    wipe(&store, sizeof store);
    return vault_settle(vault, result);
}

int secmod_unseal(secmod_vault *vault, uint64_t store_key, const uint8_t *blob, size_t length, const uint8_t *context,
                  size_t context_length, struct secmod_unsealed *out) {
    return unseal(vault, store_key, blob, length, context, context_length, 0, out);
}

int secmod_unwrap(secmod_vault *vault, uint64_t store_key, const uint8_t *blob, size_t length, const uint8_t *context,
                  size_t context_length, uint64_t *handle) {
    struct secmod_unsealed out;
    int result = unseal(vault, store_key, blob, length, context, context_length, 1, &out);
    if (result == SECMOD_OK) *handle = out.handle;
    return result;
}

int secmod_reseal(secmod_vault *vault, uint64_t store_key, const uint8_t *blob, size_t length, const uint8_t *context,
                  size_t context_length, uint64_t new_key, const uint8_t *new_context, size_t new_context_length,
                  uint8_t *new_blob, size_t *new_length) {
    struct store_key store, next;
    struct open open;
    int result = begin(vault, store_key, context_length, &store);
    if (result != SECMOD_OK) return result;
    ERR_set_mark();
    result = begin(vault, new_key, new_context_length, &next);
    if (result == SECMOD_OK) result = open_up(&store, blob, length, context, context_length, &open);
    if (result == SECMOD_OK) result = close_up(vault, &next, &open, new_context, new_context_length, new_blob, new_length);
    ERR_pop_to_mark();
    wipe(&open, sizeof open);
    wipe(&next, sizeof next);
    wipe(&store, sizeof store);
    return result;
}
