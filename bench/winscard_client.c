/* SPDX-License-Identifier: Apache-2.0 */
/* A PC/SC program: winscard_client READER APDU [APDU].  READER is how the reader's name begins.
 * All but the last APDU are sent once, the last one again and again; every answer must end in 9000. */
#include <string.h>
#include <winscard.h>

#include "block.h"

#define TRIES 500 /* of 10 ms each, until the card is in */

struct exchange {
    SCARDHANDLE card;
    const SCARD_IO_REQUEST *protocol;
    uint8_t command[512];
    size_t length;
};

static bool transmit(void *state)
{
    struct exchange *e = state;
    uint8_t response[512];
    DWORD length = sizeof response;
    return SCardTransmit(e->card, e->protocol, e->command, e->length, NULL, response, &length) == SCARD_S_SUCCESS && length >= 2 &&
           response[length - 2] == 0x90 && response[length - 1] == 0x00;
}

/* The whole name of the reader in `names`, or NULL. */
static const char *find(const char *names, const char *beginning)
{
    for (; *names != '\0'; names += strlen(names) + 1)
        if (strncmp(names, beginning, strlen(beginning)) == 0)
            return names;
    return NULL;
}

static bool reach(SCARDCONTEXT context, const char *beginning, struct exchange *e)
{
    const struct timespec pause = {0, 10000000};
    char names[4096];
    DWORD size = sizeof names, protocol;
    if (SCardListReaders(context, NULL, names, &size) != SCARD_S_SUCCESS)
        return false;
    const char *reader = find(names, beginning);
    for (int i = 0; reader != NULL && i < TRIES; i++) {
        if (SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &e->card, &protocol) ==
            SCARD_S_SUCCESS) {
            e->protocol = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
            return true;
        }
        nanosleep(&pause, NULL);
    }
    return false;
}

int main(int argc, char **argv)
{
    struct exchange e = {0};
    SCARDCONTEXT context;
    if (argc < 3 || SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS) {
        fputs("usage: winscard_client READER APDU..., and pcscd must run\n", stderr);
        return 2;
    }
    if (!reach(context, argv[1], &e)) {
        fprintf(stderr, "no card in a reader whose name begins with \"%s\"\n", argv[1]);
        return 1;
    }
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
    SCardDisconnect(e.card, SCARD_LEAVE_CARD);
    SCardReleaseContext(context);
    return code;
}
