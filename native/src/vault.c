/* SPDX-License-Identifier: Apache-2.0 */
/* A handle is serial number * 256 + slot.  Serial numbers count through the whole process and are never used again, so neither
 * a released secret's handle nor one of another vault opens anything.
 *
 * Locks.  A slot's lock guards its handle and secret and is held while that is at work: one serves one thread at a time,
 * different ones do not wait for each other.  The vault's lock guards only which slots are taken.  No thread holds both. */
#include "vault.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ct.h"
#include "wipe.h"

#define SCALAR_TRIES 256 /* each succeeds with a probability above one half; all failing means a broken generator */

struct slot {
    pthread_mutex_t lock;
    uint64_t handle; /* 0: empty */
    struct secret secret;
};

struct secmod_vault {
    secmod_vault *next; /* among the spare ones */
    struct generator *generator;
    pthread_mutex_t lock;
    int live;
    uint8_t taken[SECMOD_VAULT_SLOTS];
    struct slot slots[SECMOD_VAULT_SLOTS];
};

_Static_assert(SECMOD_VAULT_SLOTS == 256, "a handle keeps the slot in its lowest byte");

static atomic_uint_fast64_t serial;

static struct slot *slot_of(secmod_vault *vault, uint64_t handle) { return &vault->slots[handle & 0xFF]; }

/* ---- slots -------------------------------------------------------------------------------------------------------------- */

/* A free slot, marked as taken; -1 if there is none. */
static int slot_reserve(secmod_vault *vault) {
    int found = -1;
    pthread_mutex_lock(&vault->lock);
    for (int i = 0; i < SECMOD_VAULT_SLOTS && found < 0; i++) {
        if (!vault->taken[i]) found = i;
    }
    if (found >= 0) {
        vault->taken[found] = 1;
        vault->live++;
    }
    pthread_mutex_unlock(&vault->lock);
    return found;
}

static void slot_free(secmod_vault *vault, size_t slot) {
    pthread_mutex_lock(&vault->lock);
    vault->taken[slot] = 0;
    vault->live--;
    pthread_mutex_unlock(&vault->lock);
}

static void secret_wipe(struct secret *secret) {
    switch (secret->kind) {
        case SECRET_KEY: private_key_wipe(&secret->as.key); break;
        case SECRET_SESSION: session_wipe(&secret->as.session); break;
        case SECRET_HANDSHAKE:
        case SECRET_PASSWORD:
        case SECRET_STORE_KEY:
        case SECRET_NONE: break;
    }
    wipe(secret, sizeof *secret);
}

/* Wipes the secret in a slot if `handle` is its handle, or whatever its handle is if that is 0. */
static int slot_wipe(secmod_vault *vault, size_t index, uint64_t handle) {
    struct slot *slot = &vault->slots[index];
    pthread_mutex_lock(&slot->lock);
    int lives = slot->handle != 0 && (handle == 0 || slot->handle == handle);
    if (lives) {
        secret_wipe(&slot->secret);
        slot->handle = 0;
    }
    pthread_mutex_unlock(&slot->lock);
    if (lives) slot_free(vault, index);
    return lives;
}

void *vault_take_secret(secmod_vault *vault, uint64_t handle, enum secret_kind kind) {
    if (vault == NULL || handle == 0) return NULL;
    struct slot *slot = slot_of(vault, handle);
    pthread_mutex_lock(&slot->lock);
    if (slot->handle == handle && slot->secret.kind == kind) return &slot->secret.as;
    pthread_mutex_unlock(&slot->lock);
    return NULL;
}

struct private_key *vault_take(secmod_vault *vault, uint64_t handle) { return vault_take_secret(vault, handle, SECRET_KEY); }

void vault_give_back(secmod_vault *vault, uint64_t handle) { pthread_mutex_unlock(&slot_of(vault, handle)->lock); }

void vault_end(secmod_vault *vault, uint64_t handle) {
    struct slot *slot = slot_of(vault, handle);
    secret_wipe(&slot->secret);
    slot->handle = 0;
    pthread_mutex_unlock(&slot->lock);
    slot_free(vault, handle & 0xFF);
}

int vault_put(secmod_vault *vault, struct secret *secret, uint64_t *handle) {
    int index = slot_reserve(vault);
    if (index < 0) {
        secret_wipe(secret);
        return SECMOD_E_FULL;
    }
    uint64_t fresh = (atomic_fetch_add(&serial, 1) + 1) << 8 | (uint64_t)index;
    struct slot *slot = &vault->slots[index];
    pthread_mutex_lock(&slot->lock);
    slot->secret = *secret;
    slot->handle = fresh;
    pthread_mutex_unlock(&slot->lock);
    wipe(secret, sizeof *secret);
    *handle = fresh;
    return SECMOD_OK;
}

/* ---- the vault ---------------------------------------------------------------------------------------------------------- */

/* The memory of a vault is never given back, only used again: collectors of garbage (Python's, of cycles) may free a vault before
 * the last handle into it, and releasing such a handle must find a vault, which then knows no such serial number. */
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static secmod_vault *spare;

static secmod_vault *memory_take(void) {
    pthread_mutex_lock(&spare_lock);
    secmod_vault *vault = spare;
    if (vault != NULL) spare = vault->next;
    pthread_mutex_unlock(&spare_lock);
    if (vault != NULL) return vault;
    vault = calloc(1, sizeof *vault);
    if (vault == NULL) return NULL;
    /* with default attributes, initialising a mutex can not fail on Linux */
    pthread_mutex_init(&vault->lock, NULL);
    for (int i = 0; i < SECMOD_VAULT_SLOTS; i++) pthread_mutex_init(&vault->slots[i].lock, NULL);
    return vault;
}

/* `vault` holds no secret any more. */
static void memory_give_back(secmod_vault *vault) {
    pthread_mutex_lock(&spare_lock);
    vault->next = spare;
    spare = vault;
    pthread_mutex_unlock(&spare_lock);
}

static int vault_new(secmod_vault **vault, const uint8_t *seed, size_t length) {
    secmod_vault *made = memory_take();
    if (made == NULL) return SECMOD_E_LIBRARY;
    ERR_set_mark();
    made->generator = generator_new(seed, length);
    ERR_pop_to_mark();
    if (made->generator == NULL) {
        memory_give_back(made);
        return SECMOD_E_RANDOM;
    }
    *vault = made;
    return SECMOD_OK;
}

int secmod_vault_new(secmod_vault **vault) { return vault_new(vault, NULL, 0); }

int secmod_vault_new_deterministic(secmod_vault **vault, const uint8_t *seed, size_t length) {
    return seed == NULL || length < 1 || length > SECMOD_SEED_MAX ? SECMOD_E_ARGUMENT : vault_new(vault, seed, length);
}

int secmod_vault_is_deterministic(secmod_vault *vault) { return vault != NULL && generator_is_deterministic(vault->generator); }

struct generator *vault_generator(secmod_vault *vault) { return vault->generator; }

int vault_usable(secmod_vault *vault) {
    return generator_state(vault->generator) == SECMOD_RANDOM_REFUSED ? SECMOD_E_RANDOM : SECMOD_OK;
}

void secmod_vault_clear(secmod_vault *vault) {
    if (vault == NULL) return;
    for (size_t i = 0; i < SECMOD_VAULT_SLOTS; i++) (void)slot_wipe(vault, i, 0);
}

void secmod_vault_free(secmod_vault *vault) {
    if (vault == NULL) return;
    secmod_vault_clear(vault);
    generator_free(vault->generator);
    vault->generator = NULL;
    memory_give_back(vault);
}

int secmod_vault_live(secmod_vault *vault) {
    if (vault == NULL) return 0;
    pthread_mutex_lock(&vault->lock);
    int live = vault->live;
    pthread_mutex_unlock(&vault->lock);
    return live;
}

int secmod_secret_release(secmod_vault *vault, uint64_t handle) {
    if (vault == NULL || handle == 0) return SECMOD_E_HANDLE;
    return slot_wipe(vault, handle & 0xFF, handle) ? SECMOD_OK : SECMOD_E_HANDLE;
}

/* ---- keys --------------------------------------------------------------------------------------------------------------- */

/* A scalar in [1, n-1] by rejection (TR-03111 4.1.1, algorithm 1: drawing c in [0, n-2] and adding 1 is the same). */
int vault_scalar(secmod_vault *vault, const struct curve *curve, uint8_t *scalar, enum drbg_entropy entropy) {
    size_t length = curve_field_bytes(curve);
    uint8_t top = (uint8_t)(0xFF >> (8 * curve->facts.field_bytes - curve->facts.bits));
    for (int tries = 0; tries < SCALAR_TRIES; tries++) {
        int result = generator_bytes(vault->generator, scalar, length, tries == 0 ? entropy : DRBG_AS_DUE);
        if (result != SECMOD_OK) return result;
        scalar[0] &= top;
        if (ct_reveal(scalar_in_range(curve, scalar))) return SECMOD_OK; /* tells about rejected scalars only */
    }
    wipe(scalar, length);
    generator_alarm(vault->generator);
    return SECMOD_E_RANDOM;
}

int secmod_key_generate(secmod_vault *vault, int curve, uint64_t *handle) {
    const struct curve *row = curve_at(curve);
    if (vault == NULL || row == NULL) return SECMOD_E_ARGUMENT;
    uint8_t scalar[SECMOD_MAX_FIELD];
    struct secret made = {.kind = SECRET_KEY};
    ERR_set_mark();
    int result = vault_scalar(vault, row, scalar, DRBG_FRESH);
    if (result == SECMOD_OK) result = private_key_new(row, scalar, &made.as.key);
    if (result == SECMOD_OK) result = vault_put(vault, &made, handle);
    wipe(scalar, sizeof scalar);
    ERR_pop_to_mark();
    return result;
}

int secmod_key_import(secmod_vault *vault, int curve, const uint8_t *scalar, size_t length, uint64_t *handle) {
    const struct curve *row = curve_at(curve);
    if (vault == NULL || row == NULL || length != curve_field_bytes(row)) return SECMOD_E_ARGUMENT;
    struct secret made = {.kind = SECRET_KEY};
    ERR_set_mark();
    int result = vault_usable(vault);
    if (result == SECMOD_OK) result = private_key_new(row, scalar, &made.as.key);
    if (result == SECMOD_OK) result = vault_put(vault, &made, handle);
    ERR_pop_to_mark();
    return result;
}

int secmod_key_public(secmod_vault *vault, uint64_t handle, uint8_t *point, size_t *length) {
    const struct private_key *key = vault_take(vault, handle);
    if (key == NULL) return SECMOD_E_HANDLE;
    size_t needed = curve_point_bytes(key->curve);
    int fits = *length >= needed;
    if (fits) {
        memcpy(point, key->point, needed);
        *length = needed;
    }
    vault_give_back(vault, handle);
    return fits ? SECMOD_OK : SECMOD_E_ARGUMENT;
}
