/* SPDX-License-Identifier: Apache-2.0 */
/* secmod's native core through secmod.h; SECMOD_CORE names the code path.
 *
 * Besides what everybody does: sign-many, verify-new-many, agree-many and generate-many, of as many independent operations as
 * PEER_BATCH says (in the environment; 8), each with a key of its own. */
#include "peer.h"
#include "secmod.h"

struct other {
    uint64_t key;
    uint8_t point[SECMOD_MAX_POINT], signature[SECMOD_MAX_SIGNATURE];
};

struct work {
    int curve;
    size_t bytes, turn, batch;
    secmod_vault *vault;
    uint8_t hash[SECMOD_MAX_FIELD], out[SECMOD_MAX_SIGNATURE];
    struct other mine, others[PEER_KEYS];
    struct secmod_sign_job signs[PEER_KEYS];
    struct secmod_verify_job checks[PEER_KEYS];
    struct secmod_agree_job agreements[PEER_KEYS];
    struct secmod_generate_job pairs[PEER_KEYS];
};

static bool sign_to(struct work *w, uint64_t key, uint8_t *signature)
{
    size_t length = SECMOD_MAX_SIGNATURE;
    return secmod_ecdsa_sign(w->vault, key, w->hash, w->bytes, signature, &length) == SECMOD_OK;
}

static bool sign(void *state)
{
    struct work *w = state;
    return sign_to(w, w->mine.key, w->out);
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
    return secmod_ecka_agree(w->vault, w->mine.key, w->others[0].point, 1 + 2 * w->bytes, w->out, &length) == SECMOD_OK;
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

/* ---- batches --------------------------------------------------------------------------------------------------------------- */

static bool sign_many(void *state)
{
    struct work *w = state;
    secmod_ecdsa_sign_many(w->signs, w->batch);
    return w->signs[w->batch - 1].result == SECMOD_OK;
}

/* The keys of one batch are not those of the next, if there are enough. */
static bool verify_new_many(void *state)
{
    struct work *w = state;
    if (w->turn + w->batch > PEER_KEYS)
        w->turn = 0;
    struct secmod_verify_job *first = w->checks + w->turn;
    secmod_ecdsa_verify_many(first, w->batch);
    w->turn += w->batch;
    return first->result == SECMOD_OK;
}

static bool agree_many(void *state)
{
    struct work *w = state;
    secmod_ecka_agree_many(w->agreements, w->batch);
    return w->agreements[w->batch - 1].result == SECMOD_OK;
}

static bool generate_many(void *state)
{
    struct work *w = state;
    bool done = true;
    secmod_key_generate_many(w->pairs, w->batch);
    for (size_t i = 0; i < w->batch; i++)
        done = w->pairs[i].result == SECMOD_OK && secmod_secret_release(w->vault, w->pairs[i].key) == SECMOD_OK && done;
    return done;
}

static void prepare_jobs(struct work *w)
{
    const char *batch = getenv("PEER_BATCH");
    const int bytes = (int)w->bytes;
    w->batch = batch != NULL ? (size_t)atoi(batch) : 8;
    if (w->batch < 1 || w->batch > PEER_KEYS)
        w->batch = PEER_KEYS;
    for (size_t i = 0; i < PEER_KEYS; i++) {
        const struct other *other = &w->others[i];
        w->signs[i] = (struct secmod_sign_job){.vault = w->vault, .key = other->key, .hash_length = bytes};
        w->checks[i] = (struct secmod_verify_job){
            .curve = w->curve, .point_length = 1 + 2 * bytes, .hash_length = bytes, .signature_length = 2 * bytes};
        w->agreements[i] = (struct secmod_agree_job){.vault = w->vault, .key = other->key, .point_length = 1 + 2 * bytes};
        w->pairs[i] = (struct secmod_generate_job){.vault = w->vault, .curve = w->curve};
        memcpy(w->signs[i].hash, w->hash, w->bytes);
        memcpy(w->checks[i].hash, w->hash, w->bytes);
        memcpy(w->checks[i].point, other->point, sizeof other->point);
        memcpy(w->checks[i].signature, other->signature, sizeof other->signature);
        memcpy(w->agreements[i].point, w->mine.point, sizeof w->mine.point);
    }
}

/* ---- beginning ------------------------------------------------------------------------------------------------------------- */

/* A key pair, its point and its signature of the hash. */
static bool make(struct work *w, struct other *other)
{
    size_t length = sizeof other->point;
    return secmod_key_generate(w->vault, w->curve, &other->key) == SECMOD_OK &&
           secmod_key_public(w->vault, other->key, other->point, &length) == SECMOD_OK && sign_to(w, other->key, other->signature);
}

static bool prepare(size_t number, void *state)
{
    struct work *w = state;
    struct secmod_curve curve;
    while (secmod_curve_get(w->curve, &curve) == SECMOD_OK && strcmp(curve.name, peer_curves[number]) != 0)
        w->curve++;
    w->bytes = peer_bytes[number];
    if (secmod_vault_new(&w->vault) != SECMOD_OK || secmod_random(w->vault, w->hash, w->bytes) != SECMOD_OK || !make(w, &w->mine))
        return false;
    for (size_t i = 0; i < PEER_KEYS; i++)
        if (!make(w, &w->others[i]))
            return false;
    prepare_jobs(w);
    return true;
}

int main(int argc, char **argv)
{
    static const struct peer_operation operations[] = {
        {"sign", sign},
        {"verify", verify},
        {"verify-new", verify_new},
        {"agree", agree},
        {"generate", generate},
        {"random", random_bytes},
        {"sign-many", sign_many},
        {"verify-new-many", verify_new_many},
        {"agree-many", agree_many},
        {"generate-many", generate_many},
        {NULL, NULL},
    };
    static struct work work;
    return peer_main(argc, argv, operations, prepare, &work);
}
