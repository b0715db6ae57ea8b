/* SPDX-License-Identifier: Apache-2.0 */
/* A PC/SC program that talks under secure messaging: session_client READER PIN APDU [APDU].  As winscard_client, but it opens a
 * session first (PACE with the PIN, brainpoolP256r1 and AES-128) by secmod.h, protects each command and opens each answer. */
#include "card.h"
#include "secmod.h"

#define POINT 65

struct exchange {
    struct card card;
    secmod_vault *vault;
    uint64_t session;
    uint8_t plain[CARD_APDU];
    size_t plain_length;
};

static bool transmit(void *state)
{
    struct exchange *e = state;
    uint8_t command[CARD_APDU], response[CARD_APDU], opened[CARD_APDU];
    size_t length = sizeof command, response_length = sizeof response, opened_length = sizeof opened;
    return secmod_protect_command(e->vault, e->session, e->plain, e->plain_length, command, &length) == SECMOD_OK &&
           card_transmit(&e->card, command, length, response, &response_length) &&
           secmod_unprotect_response(e->vault, e->session, 0, e->plain[1] & 1, response, response_length, opened, &opened_length) ==
               SECMOD_OK &&
           card_said_yes(opened, opened_length);
}

/* ---- PACE (TR-03110-3) ------------------------------------------------------------------------------------------------------ */

/* GENERAL AUTHENTICATE: 7C { tag value }, answered by 7C { tag + 1 value } with a value of that length. */
static bool authenticate(const struct exchange *e, bool last, uint8_t tag, const uint8_t *value, size_t length, uint8_t *answer,
                         size_t answer_length)
{
    const uint8_t body = (uint8_t)(length > 0 ? 2 + length : 0);
    uint8_t command[CARD_APDU] = {last ? 0x00 : 0x10, 0x86, 0x00, 0x00, (uint8_t)(2 + body), 0x7C, body}, response[CARD_APDU];
    size_t at = 7, got = sizeof response;
    if (length > 0) {
        command[at++] = tag;
        command[at++] = (uint8_t)length;
        memcpy(command + at, value, length);
        at += length;
    }
    command[at++] = 0x00;
    if (!card_transmit(&e->card, command, at, response, &got) || !card_said_yes(response, got) || got != 4 + answer_length + 2)
        return false;
    memcpy(answer, response + 4, answer_length);
    return true;
}

static bool exchange_keys(const struct exchange *e, uint64_t pace, uint8_t tag, int (*key)(secmod_vault *, uint64_t, uint8_t *, size_t *),
                          int (*take)(secmod_vault *, uint64_t, const uint8_t *, size_t))
{
    uint8_t own[SECMOD_MAX_POINT], other[POINT];
    size_t length = sizeof own;
    return key(e->vault, pace, own, &length) == SECMOD_OK && authenticate(e, false, tag, own, length, other, POINT) &&
           take(e->vault, pace, other, POINT) == SECMOD_OK;
}

static int curve_of_session(void)
{
    struct secmod_curve curve;
    int number = 0;
    while (secmod_curve_get(number, &curve) == SECMOD_OK && strcmp(curve.name, "brainpoolP256r1") != 0)
        number++;
    return number;
}

static bool open_session(struct exchange *e, const char *pin)
{
    static const uint8_t oid[] = {0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, 0x02, 0x02};
    static const uint8_t set[] = {0x00, 0x22, 0xC1, 0xA4, 0x0F, 0x80, 0x0A, 0x04, 0x00, 0x7F,
                                  0x00, 0x07, 0x02, 0x02, 0x04, 0x02, 0x02, 0x83, 0x01, 0x03};
    uint8_t response[CARD_APDU], nonce[16], own[8], other[8];
    size_t length = sizeof response;
    uint64_t password, pace;
    return secmod_vault_new(&e->vault) == SECMOD_OK &&
           secmod_password_store(e->vault, (const uint8_t *)pin, strlen(pin), &password) == SECMOD_OK &&
           secmod_pace_new(e->vault, SECMOD_PACE_HOST, curve_of_session(), 16, oid, sizeof oid, password, &pace) == SECMOD_OK &&
           card_transmit(&e->card, set, sizeof set, response, &length) && card_said_yes(response, length) &&
           authenticate(e, false, 0, NULL, 0, nonce, sizeof nonce) && secmod_pace_set_nonce(e->vault, pace, nonce) == SECMOD_OK &&
           exchange_keys(e, pace, 0x81, secmod_pace_map_key, secmod_pace_map) &&
           exchange_keys(e, pace, 0x83, secmod_pace_agree_key, secmod_pace_agree) &&
           secmod_pace_token(e->vault, pace, own) == SECMOD_OK && authenticate(e, true, 0x85, own, sizeof own, other, sizeof other) &&
           secmod_pace_finish(e->vault, pace, other, &e->session) == SECMOD_OK;
}

int main(int argc, char **argv)
{
    struct exchange e = {0};
    if (argc < 4) {
        fputs("usage: session_client READER PIN APDU..., and pcscd must run\n", stderr);
        return 2;
    }
    if (!card_open(&e.card, argv[1]))
        return 1;
    int code = 0;
    if (!open_session(&e, argv[2])) {
        fputs("the card opened no session\n", stderr);
        code = 1;
    }
    for (int i = 3; i < argc && code == 0; i++) {
        e.plain_length = from_hex(argv[i], e.plain, sizeof e.plain);
        if (!transmit(&e)) {
            fprintf(stderr, "command %s was not answered with 9000\n", argv[i]);
            code = 1;
        }
    }
    if (code == 0)
        code = serve_blocks(transmit, &e);
    card_close(&e.card);
    return code;
}
