/* SPDX-License-Identifier: Apache-2.0 */
/* wolfSSL's wolfCrypt.  Debian's build keeps tables of the last points it met, for agreement too: so those get a new one each time. */
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include "peer.h"

struct other {
    uint8_t point[129], signature[160];
    word32 signature_length;
};

struct work {
    int curve;
    word32 bytes;
    size_t turn;
    WC_RNG rng;
    ecc_key key;
    uint8_t hash[64], out[160];
    struct other mine, others[PEER_KEYS];
};

static bool sign(void *state)
{
    struct work *w = state;
    word32 length = sizeof w->out;
    return wc_ecc_sign_hash(w->hash, w->bytes, w->out, &length, &w->rng, &w->key) == 0;
}

static bool verify_by(struct work *w, const struct other *other, ecc_key *key)
{
    int good = 0;
    return wc_ecc_verify_hash(other->signature, other->signature_length, w->hash, w->bytes, &good, key) == 0 && good == 1;
}

static bool verify(void *state)
{
    struct work *w = state;
    return verify_by(w, &w->mine, &w->key);
}

/* The key of the other whose turn it is, found on the curve. */
static bool read_next(struct work *w, ecc_key *key, const struct other **other)
{
    *other = &w->others[w->turn++ % PEER_KEYS];
    return wc_ecc_init(key) == 0 && wc_ecc_import_x963_ex((*other)->point, 1 + 2 * w->bytes, key, w->curve) == 0 &&
           wc_ecc_point_is_on_curve(&key->pubkey, key->idx) == 0; /* wc_ecc_check_key would multiply by the order as well */
}

static bool verify_new(void *state)
{
    struct work *w = state;
    const struct other *other;
    ecc_key key;
    const bool done = read_next(w, &key, &other) && verify_by(w, other, &key);
    return wc_ecc_free(&key) == 0 && done;
}

static bool agree(void *state)
{
    struct work *w = state;
    const struct other *other;
    ecc_key key;
    word32 length = sizeof w->out;
    const bool done = read_next(w, &key, &other) && wc_ecc_shared_secret(&w->key, &key, w->out, &length) == 0;
    return wc_ecc_free(&key) == 0 && done;
}

static bool generate(void *state)
{
    struct work *w = state;
    ecc_key key;
    return wc_ecc_init(&key) == 0 && wc_ecc_make_key_ex(&w->rng, (int)w->bytes, &key, w->curve) == 0 && wc_ecc_free(&key) == 0;
}

static bool random_bytes(void *state)
{
    struct work *w = state;
    return wc_RNG_GenerateBlock(&w->rng, w->out, 32) == 0;
}

/* A key pair, its point and its signature of the hash. */
static bool make(struct work *w, ecc_key *key, struct other *other)
{
    word32 length = sizeof other->point;
    other->signature_length = sizeof other->signature;
    return wc_ecc_init(key) == 0 && wc_ecc_make_key_ex(&w->rng, (int)w->bytes, key, w->curve) == 0 && wc_ecc_set_rng(key, &w->rng) == 0 &&
           wc_ecc_export_x963(key, other->point, &length) == 0 &&
           wc_ecc_sign_hash(w->hash, w->bytes, other->signature, &other->signature_length, &w->rng, key) == 0;
}

static bool prepare(size_t curve, void *state)
{
    static const int curves[PEER_CURVES] = {ECC_BRAINPOOLP256R1, ECC_BRAINPOOLP384R1, ECC_BRAINPOOLP512R1, ECC_SECP256R1, ECC_SECP384R1};
    struct work *w = state;
    w->curve = curves[curve];
    w->bytes = (word32)peer_bytes[curve];
    if (wc_InitRng(&w->rng) != 0 || wc_RNG_GenerateBlock(&w->rng, w->hash, w->bytes) != 0 || !make(w, &w->key, &w->mine))
        return false;
    for (size_t i = 0; i < PEER_KEYS; i++) {
        ecc_key key;
        if (!make(w, &key, &w->others[i]) || wc_ecc_free(&key) != 0)
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
