/* SPDX-License-Identifier: Apache-2.0 */
/* libgcrypt through its S-expressions; key agreement as GnuPG does it, which is to decrypt the other's point.
 * Key pairs as fast as it makes them: with random numbers of its second grade, and not tried before use. */
#include <gcrypt.h>

#include "peer.h"

struct work {
    const char *curve;
    size_t bytes;
    gcry_sexp_t secret, public, hash, signature, parameters;
    uint8_t point[129], other[129], out[32];
};

static bool sign(void *state)
{
    const struct work *w = state;
    gcry_sexp_t signature;
    if (gcry_pk_sign(&signature, w->hash, w->secret) != 0)
        return false;
    gcry_sexp_release(signature);
    return true;
}

static bool verify(void *state)
{
    const struct work *w = state;
    return gcry_pk_verify(w->signature, w->hash, w->public) == 0;
}

static bool verify_new(void *state)
{
    const struct work *w = state;
    gcry_sexp_t key;
    if (gcry_sexp_build(&key, NULL, "(public-key (ecc (curve %s) (q %b)))", w->curve, (int)(1 + 2 * w->bytes), w->point) != 0)
        return false;
    const bool done = gcry_pk_verify(w->signature, w->hash, key) == 0;
    gcry_sexp_release(key);
    return done;
}

static bool agree(void *state)
{
    const struct work *w = state;
    gcry_sexp_t point, shared = NULL;
    if (gcry_sexp_build(&point, NULL, "(enc-val (ecdh (e %b)))", (int)(1 + 2 * w->bytes), w->other) != 0)
        return false;
    const bool done = gcry_pk_decrypt(&shared, point, w->secret) == 0;
    gcry_sexp_release(shared);
    gcry_sexp_release(point);
    return done;
}

static bool generate(void *state)
{
    const struct work *w = state;
    gcry_sexp_t pair;
    if (gcry_pk_genkey(&pair, w->parameters) != 0)
        return false;
    gcry_sexp_release(pair);
    return true;
}

static bool random_bytes(void *state)
{
    struct work *w = state;
    gcry_randomize(w->out, sizeof w->out, GCRY_STRONG_RANDOM);
    return true;
}

/* The public point of a key pair. */
static bool point_of(gcry_sexp_t pair, uint8_t *point, size_t length)
{
    gcry_sexp_t public = gcry_sexp_find_token(pair, "public-key", 0), q = gcry_sexp_find_token(public, "q", 0);
    size_t found;
    const char *data = gcry_sexp_nth_data(q, 1, &found);
    const bool fits = data != NULL && found == length;
    if (fits)
        memcpy(point, data, length);
    gcry_sexp_release(q);
    gcry_sexp_release(public);
    return fits;
}

static bool prepare(size_t curve, void *state)
{
    static const char *const names[PEER_CURVES] = {"brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "NIST P-256", "NIST P-384"};
    struct work *w = state;
    gcry_sexp_t pair, other;
    uint8_t hash[64];
    w->curve = names[curve];
    w->bytes = peer_bytes[curve];
    if (gcry_check_version(NULL) == NULL || gcry_control(GCRYCTL_DISABLE_SECMEM, 0) != 0 || gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0) != 0)
        return false;
    gcry_create_nonce(hash, sizeof hash);
    if (gcry_sexp_build(&w->parameters, NULL, "(genkey (ecc (curve %s) (flags transient-key no-keytest)))", w->curve) != 0 || gcry_pk_genkey(&pair, w->parameters) != 0 ||
        gcry_pk_genkey(&other, w->parameters) != 0 || !point_of(pair, w->point, 1 + 2 * w->bytes) ||
        !point_of(other, w->other, 1 + 2 * w->bytes) ||
        gcry_sexp_build(&w->hash, NULL, "(data (flags raw) (value %b))", (int)w->bytes, hash) != 0)
        return false;
    w->secret = gcry_sexp_find_token(pair, "private-key", 0);
    w->public = gcry_sexp_find_token(pair, "public-key", 0);
    return gcry_pk_sign(&w->signature, w->hash, w->secret) == 0;
}

int main(int argc, char **argv)
{
    static const struct peer_operation operations[] = {{"sign", sign},         {"verify", verify},       {"verify-new", verify_new}, {"agree", agree},
                                                       {"generate", generate}, {"random", random_bytes}, {NULL, NULL}};
    static struct work work;
    return peer_main(argc, argv, operations, prepare, &work);
}
