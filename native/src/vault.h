/* SPDX-License-Identifier: Apache-2.0 */
/* How the algorithms reach a secret: by handle, one user at a time. */
#ifndef SECMOD_VAULT_H
#define SECMOD_VAULT_H

#include "keys.h"
#include "random.h"

/* The key under a handle, locked for the caller until vault_give_back; NULL if none lives there. */
struct private_key *vault_take(secmod_vault *vault, uint64_t handle);
void vault_give_back(secmod_vault *vault, uint64_t handle);

/* Where every random number of this vault's secrets comes from. */
struct generator *vault_generator(secmod_vault *vault);

/* A private scalar of the curve, in [1, n-1] (TR-03111 4.1.1); DRBG_FRESH for keys that live long.  SECMOD_OK or SECMOD_E_RANDOM. */
int vault_scalar(secmod_vault *vault, const struct curve *curve, uint8_t *scalar, enum drbg_entropy entropy);

/* SECMOD_OK, or SECMOD_E_RANDOM if no secret of the vault may be used any more (a second alarm). */
int vault_usable(secmod_vault *vault);

#endif
