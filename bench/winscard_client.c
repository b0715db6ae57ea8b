/* SPDX-License-Identifier: Apache-2.0 */
/* A PC/SC program: winscard_client READER APDU [APDU].  READER is how the reader's name begins.
 * All but the last APDU are sent once, the last one again and again; every answer must end in 9000. */
#include "card.h"

struct exchange {
    struct card card;
    uint8_t command[CARD_APDU];
    size_t length;
};

static bool transmit(void *state)
{
    struct exchange *e = state;
    uint8_t response[CARD_APDU];
    size_t length = sizeof response;
    return card_transmit(&e->card, e->command, e->length, response, &length) && card_said_yes(response, length);
}

int main(int argc, char **argv)
{
    struct exchange e = {0};
    if (argc < 3) {
        fputs("usage: winscard_client READER APDU..., and pcscd must run\n", stderr);
        return 2;
    }
    if (!card_open(&e.card, argv[1]))
        return 1;
    int code = 0;
    for (int i = 2; i < argc && code == 0; i++) {
        e.length = from_hex(argv[i], e.command, sizeof e.command);
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
