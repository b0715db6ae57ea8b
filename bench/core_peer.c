/* SPDX-License-Identifier: Apache-2.0 */
/* secmod's native core called from C: core_peer CURVE.  Signs a hash as long as the curve with a fresh key. */
#include <string.h>

#include "block.h"
#include "secmod.h"

struct work {
    secmod_vault *vault;
    uint64_t key;
    uint8_t hash[SECMOD_MAX_FIELD];
    size_t hash_length;
};

static bool sign(void *state)
{
    struct work *w = state;
    uint8_t signature[SECMOD_MAX_SIGNATURE];
    size_t length = sizeof signature;
    return secmod_ecdsa_sign(w->vault, w->key, w->hash, w->hash_length, signature, &length) == SECMOD_OK;
}

int main(int argc, char **argv)
{
    struct work w = {.hash = {0x5A}};
    struct secmod_curve curve;
    if (argc != 2 || secmod_vault_new(&w.vault) != SECMOD_OK)
        return 2;
    for (int i = 0; i < secmod_curve_count(); i++) {
        if (secmod_curve_get(i, &curve) != SECMOD_OK || strcmp(curve.name, argv[1]) != 0)
            continue;
        w.hash_length = (size_t)curve.field_bytes;
        if (secmod_key_generate(w.vault, i, &w.key) != SECMOD_OK)
            return 1;
        const int code = serve_blocks(sign, &w);
        secmod_vault_free(w.vault);
        return code;
    }
    fprintf(stderr, "no curve %s\n", argv[1]);
    return 2;
}
