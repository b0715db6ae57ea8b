/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, as a sealed secret, a wrapped key and a tag: as they are, and as plain bytes under a right seal.  Whatever is accepted
 * is a secret of its kind, and sealed again it comes back; whatever is refused leaves nothing behind.
 * Runs under libFuzzer; with -DFUZZ_MAIN by itself, on random bytes, for as many seconds as its argument says. */
#include "fuzz.h"
#include "gcm.h"
#include "vault.h"

static secmod_vault *vault;
static uint64_t store;

static void check_unsealed(const struct secmod_unsealed *out) {
    uint8_t blob[SECMOD_MAX_SEALED];
    size_t length = sizeof blob;
    struct secmod_unsealed again;
    REQUIRE(out->kind == SECMOD_SEALED_KEY || out->kind == SECMOD_SEALED_PASSWORD);
    REQUIRE((out->kind == SECMOD_SEALED_KEY) == (out->curve >= 0 && out->curve < secmod_curve_count() && out->length == 0));
    REQUIRE((out->kind == SECMOD_SEALED_PASSWORD) == (out->curve == -1 && out->length >= 1 && out->length <= SECMOD_MAX_PASSWORD));
    REQUIRE(secmod_seal(vault, store, out->handle, NULL, 0, blob, &length) == SECMOD_OK);
    REQUIRE(secmod_unseal(vault, store, blob, length, NULL, 0, &again) == SECMOD_OK);
    REQUIRE(again.kind == out->kind && again.curve == out->curve && again.length == out->length);
    REQUIRE(secmod_secret_release(vault, again.handle) == SECMOD_OK);
    REQUIRE(secmod_secret_release(vault, out->handle) == SECMOD_OK);
}

static void check_blob(const uint8_t *blob, size_t length) {
    struct secmod_unsealed out = {.handle = 0};
    uint64_t wrapped = 0;
    uint8_t moved[SECMOD_MAX_SEALED], tag[SECMOD_STORE_TAG] = {0};
    size_t moved_length = sizeof moved;
    const int result = secmod_unseal(vault, store, blob, length, blob, length / 2, &out);
    REQUIRE(result == SECMOD_OK || (result == SECMOD_E_SEAL && out.handle == 0));
    if (result == SECMOD_OK) check_unsealed(&out);
    const int unwrapped = secmod_unwrap(vault, store, blob, length, blob, length / 2, &wrapped);
    REQUIRE((unwrapped == SECMOD_OK) == (wrapped != 0) && (unwrapped == SECMOD_OK || unwrapped == SECMOD_E_SEAL));
    if (unwrapped == SECMOD_OK) REQUIRE(secmod_secret_release(vault, wrapped) == SECMOD_OK);
    REQUIRE(secmod_reseal(vault, store, blob, length, blob, 0, store, blob, 0, moved, &moved_length) == SECMOD_E_SEAL);
    if (length >= sizeof tag) memcpy(tag, blob, sizeof tag);
    REQUIRE(secmod_store_check(vault, store, tag, blob, length, blob, length) == SECMOD_E_SEAL);
}

/* The first bytes as a header, and the others as what it is about: sealed as a vault does. */
static void check_sealed(const uint8_t *data, size_t length) {
    uint8_t blob[512];
    struct store_key key;
    struct secmod_unsealed out = {.handle = 0};
    if (length < 3 || length > 400 || 3 + (size_t)data[2] > length) return;
    const size_t head = 3 + (size_t)data[2], plain = length - head;
    const struct gcm_context with = {data, NULL, head, 0};
    REQUIRE(store_key_get(vault, store, &key) == SECMOD_OK);
    memcpy(blob, data, head);
    memset(blob + head, 0x55, GCM_NONCE);
    REQUIRE(gcm_encrypt(key.seal, blob + head, &with, data + head, plain, blob + head + GCM_NONCE,
                        blob + head + GCM_NONCE + plain) == SECMOD_OK);
    const int result = secmod_unseal(vault, store, blob, length + GCM_NONCE + GCM_TAG, NULL, 0, &out);
    REQUIRE(result == SECMOD_OK || (result == SECMOD_E_SEAL && out.handle == 0));
    if (result == SECMOD_OK) check_unsealed(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length) {
    if (vault == NULL) REQUIRE(secmod_vault_new(&vault) == SECMOD_OK && secmod_store_key_generate(vault, &store) == SECMOD_OK);
    if (length > SECMOD_CONTEXT_MAX) return 0;
    check_blob(data, length);
    check_sealed(data, length);
    REQUIRE(secmod_vault_live(vault) == 1);
    return 0;
}

#ifdef FUZZ_MAIN
size_t fuzz_input(uint8_t *bytes) {
    const struct secmod_curve none = {.oid_length = 0};
    struct secmod_curve facts = none;
    const uint8_t kind = (uint8_t)(1 + fuzz_next(3));
    if (kind == SECMOD_SEALED_KEY) REQUIRE(secmod_curve_get((int)fuzz_next(5), &facts) == SECMOD_OK);
    bytes[0] = 1;
    bytes[1] = kind;
    bytes[2] = (uint8_t)facts.oid_length;
    memcpy(bytes + 3, facts.oid, sizeof facts.oid);
    const size_t head = 3 + (size_t)facts.oid_length;
    const size_t plain = kind == SECMOD_SEALED_KEY ? (size_t)facts.field_bytes : 31 + fuzz_next(3);
    for (size_t i = 0; i < plain; i++) bytes[head + i] = (uint8_t)fuzz_next(fuzz_next(2) == 0 ? 2 : 256);
    if (fuzz_next(3) == 0) bytes[fuzz_next((uint32_t)(head + plain))] = (uint8_t)fuzz_next(256);
    return head + plain + (fuzz_next(3) == 0 ? 12 + 16 : 0);
}
#endif
