/* SPDX-License-Identifier: Apache-2.0 */
/* How the algorithms reach a secret: by handle, one user at a time. */
#ifndef SECMOD_VAULT_H
#define SECMOD_VAULT_H

#include "keys.h"
#include "pace.h"
#include "password.h"
#include "random.h"
#include "session.h"
#include "store_key.h"

enum secret_kind { SECRET_NONE, SECRET_KEY, SECRET_PASSWORD, SECRET_HANDSHAKE, SECRET_SESSION, SECRET_STORE_KEY };

struct secret {
    enum secret_kind kind;
    union {
        struct private_key key;
        struct password password;
        struct handshake handshake;
        struct session session;
        struct store_key store_key;
    } as;
};

/* Gives a secret a slot and a handle.  SECMOD_E_FULL if there is no slot.  It is taken over, and the caller's copy wiped, or all
 * of it wiped. */
int vault_put(secmod_vault *vault, struct secret *secret, uint64_t *handle);

/* What lives under a handle, locked for the caller until vault_give_back or vault_end; NULL if there is no such secret of this
 * kind.  vault_take: a private key. */
void *vault_take_secret(secmod_vault *vault, uint64_t handle, enum secret_kind kind);
struct private_key *vault_take(secmod_vault *vault, uint64_t handle);
void vault_give_back(secmod_vault *vault, uint64_t handle);

/* Gives back what was taken, and wipes it: the handle opens nothing any more. */
void vault_end(secmod_vault *vault, uint64_t handle);

/* Where every random number of this vault's secrets comes from. */
struct generator *vault_generator(secmod_vault *vault);

/* A private scalar of the curve, in [1, n-1] (TR-03111 4.1.1); DRBG_FRESH for keys that live long.  SECMOD_OK or
 * SECMOD_E_RANDOM. */
int vault_scalar(secmod_vault *vault, const struct curve *curve, uint8_t *scalar, enum drbg_entropy entropy);

/* 1 if signatures are checked before they leave. */
int vault_checks(const secmod_vault *vault);

/* The result; the alarm is raised if it is SECMOD_E_FAULT. */
int vault_settle(secmod_vault *vault, int result);

/* SECMOD_OK, or SECMOD_E_RANDOM if no secret of the vault may be used any more (a second alarm). */
int vault_usable(secmod_vault *vault);

#endif
