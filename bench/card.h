/* SPDX-License-Identifier: Apache-2.0 */
/* A card behind PC/SC, for programs that send it one APDU again and again. */
#ifndef SECMOD_BENCH_CARD_H
#define SECMOD_BENCH_CARD_H

#include <string.h>
#include <winscard.h>

#include "block.h"

#define CARD_APDU 512
#define CARD_TRIES 500 /* of 10 ms each, until the card is in */

struct card {
    SCARDCONTEXT context;
    SCARDHANDLE handle;
    const SCARD_IO_REQUEST *protocol;
};

/* The response to a command; *length comes in as its room.  False if the command did not get there. */
static inline bool card_transmit(const struct card *card, const uint8_t *command, size_t command_length, uint8_t *response,
                                 size_t *length)
{
    DWORD got = *length;
    const bool done = SCardTransmit(card->handle, card->protocol, command, command_length, NULL, response, &got) == SCARD_S_SUCCESS;
    *length = got;
    return done;
}

static inline bool card_said_yes(const uint8_t *response, size_t length)
{
    return length >= 2 && response[length - 2] == 0x90 && response[length - 1] == 0x00;
}

/* The whole name of the reader in `names`, or NULL. */
static inline const char *card_reader(const char *names, const char *beginning)
{
    for (; *names != '\0'; names += strlen(names) + 1)
        if (strncmp(names, beginning, strlen(beginning)) == 0)
            return names;
    return NULL;
}

/* The card in the reader whose name begins so; says what is wrong if there is none. */
static inline bool card_open(struct card *card, const char *beginning)
{
    const struct timespec pause = {0, 10000000};
    char names[4096];
    DWORD size = sizeof names, protocol;
    if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &card->context) != SCARD_S_SUCCESS ||
        SCardListReaders(card->context, NULL, names, &size) != SCARD_S_SUCCESS) {
        fputs("no PC/SC service is there\n", stderr);
        return false;
    }
    const char *reader = card_reader(names, beginning);
    for (int i = 0; reader != NULL && i < CARD_TRIES; i++) {
        if (SCardConnect(card->context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card->handle, &protocol) ==
            SCARD_S_SUCCESS) {
            card->protocol = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
            return true;
        }
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "no card in a reader whose name begins with \"%s\"\n", beginning);
    return false;
}

static inline void card_close(struct card *card)
{
    SCardDisconnect(card->handle, SCARD_LEAVE_CARD);
    SCardReleaseContext(card->context);
}

#endif
