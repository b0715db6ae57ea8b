/* SPDX-License-Identifier: Apache-2.0 */
/* How the algorithms reach a secret: by handle, one user at a time. */
#ifndef SECMOD_VAULT_H
#define SECMOD_VAULT_H

#include "keys.h"

/* The key under a handle, locked for the caller until vault_give_back; NULL if none lives there. */
struct private_key *vault_take(secmod_vault *vault, uint64_t handle);
void vault_give_back(secmod_vault *vault, uint64_t handle);

#endif
