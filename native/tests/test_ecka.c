/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>

#include "check.h"
#include "secmod.h"

static void test_curve(secmod_vault *vault, int curve) {
    struct secmod_curve facts;
    CHECK(secmod_curve_get(curve, &facts) == SECMOD_OK);
    size_t field = (size_t)facts.field_bytes, room[2] = {1 + 2 * field, 1 + 2 * field};
    uint64_t keys[2];
    uint8_t points[2][SECMOD_MAX_POINT], *z[2] = {malloc(field), malloc(field)};
    for (int i = 0; i < 2; i++) {
        CHECK(secmod_key_generate(vault, curve, &keys[i]) == SECMOD_OK);
        CHECK(secmod_key_public(vault, keys[i], points[i], &room[i]) == SECMOD_OK);
    }
    for (int i = 0; i < 2; i++) {
        size_t length = field;
        CHECK(secmod_ecka_agree(vault, keys[i], points[1 - i], room[1 - i], z[i], &length) == SECMOD_OK && length == field);
    }
    CHECK(memcmp(z[0], z[1], field) == 0);

    memset(z[0], 0, field);
    size_t length = field - 1;
    CHECK(secmod_ecka_agree(vault, keys[0], points[1], room[1], z[0], &length) == SECMOD_E_ARGUMENT && length == field - 1);
    length = field;
    CHECK(secmod_ecka_agree(vault, keys[0] ^ 1, points[1], room[1], z[0], &length) == SECMOD_E_HANDLE);
    for (size_t wrong = 0; wrong < room[1]; wrong++) {
        CHECK(secmod_ecka_agree(vault, keys[0], points[1], wrong, z[0], &length) == SECMOD_E_POINT);
    }
    for (size_t i = 0; i < room[1]; i++) {
        points[1][i] ^= 0x20;
        CHECK(secmod_ecka_agree(vault, keys[0], points[1], room[1], z[0], &length) == SECMOD_E_POINT);
        points[1][i] ^= 0x20;
    }
    CHECK(check_filled(z[0], field, 0) && length == field);
    free(z[0]);
    free(z[1]);
}

int main(void) {
    secmod_vault *vault = NULL;
    CHECK(secmod_vault_new(&vault) == SECMOD_OK);
    for (int curve = 0; curve < secmod_curve_count(); curve++) test_curve(vault, curve);
    secmod_vault_free(vault);
    CHECK(ERR_peek_error() == 0);
    return check_end();
}
