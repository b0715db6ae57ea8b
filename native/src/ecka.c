/* SPDX-License-Identifier: Apache-2.0 */
/* ECKA (TR-03111 4.3.1): the shared value Z.  All curves have cofactor 1, so the compatible multiplication is the plain one. */
#include <string.h>

#include "ct.h"
#include "curve_ops.h"
#include "vault.h"
#include "wipe.h"

static int agree(const struct private_key *key, const uint8_t *point, size_t point_length, uint8_t *z, size_t *length) {
    const size_t needed = curve_field_bytes(key->curve);
    if (public_key_check(key->curve, point, point_length) != SECMOD_OK) return SECMOD_E_POINT;
    if (*length < needed) return SECMOD_E_ARGUMENT;
    uint8_t shared[SECMOD_MAX_POINT];
    if (private_key_whole(key) != SECMOD_OK) return SECMOD_E_FAULT;
    int done = curve_ops_of(key->curve)->point_mul(key->curve, key->scalar, point, shared);
    if (!ct_reveal((ct_mask)done)) return SECMOD_E_FAULT; /* the scalar of a key is never refused */
    memcpy(z, shared + 1, needed);
    wipe(shared, sizeof shared);
    *length = needed;
    return SECMOD_OK;
}

int secmod_ecka_agree(secmod_vault *vault, uint64_t handle, const uint8_t *point, size_t point_length, uint8_t *z,
                      size_t *length) {
    const struct private_key *key = vault_take(vault, handle);
    if (key == NULL) return SECMOD_E_HANDLE;
    int result = vault_usable(vault);
    if (result == SECMOD_OK) result = agree(key, point, point_length, z, length);
    vault_give_back(vault, handle);
    return vault_settle(vault, result);
}
