/* SPDX-License-Identifier: Apache-2.0 */
#include "scalar.h"

#include "numbers.h"

static void test_number(const modulus *n, const limb number[LIMBS]) {
    uint8_t bytes[ELEMENT_BYTES];
    BN_CTX *context = BN_CTX_new();
    BIGNUM *x = BN_new(), *m = BN_new(), *z = BN_new();
    sc k;
    limb odd[LIMBS], expected[LIMBS];
    bn_from_limbs(x, number);
    bn_from_limbs(m, n->m);
    bytes_from_limbs(bytes, number);

    int in_range = !BN_is_zero(x) && BN_cmp(x, m) < 0;
    CHECK(sc_from_bytes(n, k, bytes) == (in_range ? UINT64_MAX : 0));
    CHECK(memcmp(k, number, sizeof k) == 0);

    BN_mod(z, x, m, context);
    sc_reduce(n, k, number);
    bn_to_limbs(expected, z);
    CHECK(memcmp(k, expected, sizeof k) == 0);

    limb even = sc_odd_or_negative(n, odd, k);
    CHECK(even == (BN_is_odd(z) ? 0 : UINT64_MAX));
    if (even) BN_sub(z, m, z);
    bn_to_limbs(expected, z);
    CHECK(memcmp(odd, expected, sizeof odd) == 0 && (odd[0] & 1) == 1);

    uint8_t hash[ELEMENT_BYTES + 8];
    memset(hash, 0x9B, sizeof hash);
    memcpy(hash, bytes, sizeof bytes);
    for (size_t length = 0; length <= sizeof hash; length++) {
        BN_bin2bn(hash, (int)(length < ELEMENT_BYTES ? length : ELEMENT_BYTES), z);
        BN_mod(z, z, m, context);
        bn_to_limbs(expected, z);
        sc_from_hash(n, k, hash, length);
        CHECK(memcmp(k, expected, sizeof k) == 0);
    }
    BN_free(x);
    BN_free(m);
    BN_free(z);
    BN_CTX_free(context);
}

int main(void) {
    static limb numbers[NUMBERS][LIMBS];
    if (!runnable()) return EXIT_SUCCESS;
    for (size_t i = 0; i < DOMAINS; i++) {
        numbers_fill(numbers, domains[i].n.m);
        for (int k = 0; k < NUMBERS; k++) test_number(&domains[i].n, numbers[k]);
    }
    return check_end();
}
