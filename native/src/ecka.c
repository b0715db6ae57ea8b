/* SPDX-License-Identifier: Apache-2.0 */
/* ECKA (TR-03111 4.3.1): the shared value Z.  All curves have cofactor 1, so the compatible multiplication is the plain one. */
#include <openssl/err.h>

#include "vault.h"
#include "wipe.h"

static int agree(struct private_key *key, EVP_PKEY *peer, uint8_t *z, size_t *length) {
    size_t needed = curve_field_bytes(key->curve);
    if (*length < needed) return SECMOD_E_ARGUMENT;
    size_t written = needed;
    /* the peer's point was validated when it was read; doing it again (n * Q) would double the time */
    if (EVP_PKEY_derive_set_peer_ex(key->derive, peer, 0) != 1 || EVP_PKEY_derive(key->derive, z, &written) != 1 ||
        written != needed) {
        wipe(z, needed);
        return SECMOD_E_LIBRARY;
    }
    *length = needed;
    return SECMOD_OK;
}

int secmod_ecka_agree(secmod_vault *vault, uint64_t handle, const uint8_t *point, size_t point_length, uint8_t *z,
                      size_t *length) {
    struct private_key *key = vault_take(vault, handle);
    if (key == NULL) return SECMOD_E_HANDLE;
    if (vault_usable(vault) != SECMOD_OK) {
        vault_give_back(vault, handle);
        return SECMOD_E_RANDOM;
    }
    EVP_PKEY *peer = NULL;
    ERR_set_mark();
    int result = public_key_new(key->curve, point, point_length, &peer);
    if (result == SECMOD_OK) result = agree(key, peer, z, length);
    EVP_PKEY_free(peer);
    ERR_pop_to_mark();
    vault_give_back(vault, handle);
    return result;
}
