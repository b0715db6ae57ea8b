/* SPDX-License-Identifier: Apache-2.0 */
/* secmod's native core through secmod.h; SECMOD_CORE names the code path. */
#include "peer.h"
#include "secmod.h"

struct other {
    uint8_t point[SECMOD_MAX_POINT], signature[SECMOD_MAX_SIGNATURE];
};

struct work {
    int curve;
    size_t bytes, turn;
    secmod_vault *vault;
    uint64_t key;
    uint8_t hash[SECMOD_MAX_FIELD], out[SECMOD_MAX_SIGNATURE];
    struct other mine, others[PEER_KEYS];
};

static bool sign_to(struct work *w, uint64_t key, uint8_t *signature)
{
    size_t length = SECMOD_MAX_SIGNATURE;
    return secmod_ecdsa_sign(w->vault, key, w->hash, w->bytes, signature, &length) == SECMOD_OK;
}

static bool sign(void *state)
{
    struct work *w = state;
    return sign_to(w, w->key, w->out);
}

static bool verify_of(const struct work *w, const struct other *other)
{
    return secmod_ecdsa_verify(w->curve, other->point, 1 + 2 * w->bytes, w->hash, w->bytes, other->signature, 2 * w->bytes) == SECMOD_OK;
}

static bool verify(void *state)
{
    const struct work *w = state;
    return verify_of(w, &w->mine);
}

static bool verify_new(void *state)
{
    struct work *w = state;
    return verify_of(w, &w->others[w->turn++ % PEER_KEYS]);
}

static bool agree(void *state)
{
    struct work *w = state;
    size_t length = sizeof w->out;
    return secmod_ecka_agree(w->vault, w->key, w->others[0].point, 1 + 2 * w->bytes, w->out, &length) == SECMOD_OK;
}

static bool generate(void *state)
{
    struct work *w = state;
    uint64_t key;
    return secmod_key_generate(w->vault, w->curve, &key) == SECMOD_OK && secmod_secret_release(w->vault, key) == SECMOD_OK;
}

static bool random_bytes(void *state)
{
    struct work *w = state;
    return secmod_random(w->vault, w->out, 32) == SECMOD_OK;
}

/* A key pair, its point and its signature of the hash. */
static bool make(struct work *w, uint64_t *key, struct other *other)
{
    size_t length = sizeof other->point;
    return secmod_key_generate(w->vault, w->curve, key) == SECMOD_OK &&
           secmod_key_public(w->vault, *key, other->point, &length) == SECMOD_OK && sign_to(w, *key, other->signature);
}

static bool prepare(size_t number, void *state)
{
    struct work *w = state;
    struct secmod_curve curve;
    while (secmod_curve_get(w->curve, &curve) == SECMOD_OK && strcmp(curve.name, peer_curves[number]) != 0)
        w->curve++;
    w->bytes = peer_bytes[number];
    if (secmod_vault_new(&w->vault) != SECMOD_OK || secmod_random(w->vault, w->hash, w->bytes) != SECMOD_OK || !make(w, &w->key, &w->mine))
        return false;
    for (size_t i = 0; i < PEER_KEYS; i++) {
        uint64_t key;
        if (!make(w, &key, &w->others[i]) || secmod_secret_release(w->vault, key) != SECMOD_OK)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static const struct peer_operation operations[] = {{"sign", sign},         {"verify", verify},       {"verify-new", verify_new}, {"agree", agree},
                                                       {"generate", generate}, {"random", random_bytes}, {NULL, NULL}};
    static struct work work;
    return peer_main(argc, argv, operations, prepare, &work);
}
