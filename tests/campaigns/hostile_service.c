/* SPDX-License-Identifier: Apache-2.0 */
/* The reader driver without pcscd: its calls at full speed, from one thread that waits for events and one that asks the card.
 *   hostile_service DIRECTORY READERS SEED     listens on DIRECTORY/readerN.sock until standard input ends
 * Linked with native/ifd.  Every buffer is as long as the call says, so a sanitizer sees one byte too many.  Prints how many calls
 * there were, how many of them succeeded, and what was logged; aborts if a call breaks a promise.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ifdhandler.h>
#include <reader.h>

#include "../../native/ifd/protocol.h"

#define MOST 16

static atomic_bool over;
static atomic_ulong calls, good, sentences;
static struct reader {
    DWORD lun;
    uint64_t state;
    pthread_t waits, asks;
    RESPONSECODE (*wait)(DWORD, int);
    RESPONSECODE (*stop)(DWORD);
} readers[MOST];

void log_msg(const int priority, const char *format, ...)
{
    char sentence[600];
    va_list arguments;
    (void)priority;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    sentences++;
}

static void check(bool promise, const char *what)
{
    if (promise)
        return;
    fprintf(stderr, "broken promise: %s\n", what);
    abort();
}

static uint32_t dice(struct reader *r, uint32_t sides)
{
    r->state ^= r->state >> 12, r->state ^= r->state << 25, r->state ^= r->state >> 27;
    return (uint32_t)((r->state * 0x2545F4914F6CDD1Du) >> 32) % sides;
}

static void *wait_for_events(void *argument)
{
    struct reader *r = argument;
    while (!over) {
        r->wait(r->lun, 1000);
        calls++;
    }
    return NULL;
}

static RESPONSECODE transmit(struct reader *r)
{
    DWORD length = dice(r, 8) ? 1 + dice(r, 300) : 1 + dice(r, LINK_MAX_PAYLOAD), room = dice(r, 4) ? LINK_MAX_PAYLOAD : dice(r, 300);
    const DWORD offered = room;
    uint8_t *command = calloc(1, length), *answer = malloc(room + 1);
    SCARD_IO_HEADER sent = {1, sizeof sent}, received = {0};
    const RESPONSECODE result = IFDHTransmitToICC(r->lun, sent, command, length, answer, &room, &received);
    check(result == IFD_SUCCESS ? room >= 2 && room <= offered : room == 0, "length of a response");
    free(command);
    free(answer);
    return result;
}

static RESPONSECODE power(struct reader *r, DWORD action)
{
    uint8_t atr[MAX_ATR_SIZE];
    DWORD length = sizeof atr;
    const RESPONSECODE result = IFDHPowerICC(r->lun, action, atr, &length);
    check(result == IFD_SUCCESS && action != IFD_POWER_DOWN ? length >= 2 && length <= sizeof atr : length == 0, "length of an ATR");
    return result;
}

static RESPONSECODE control(struct reader *r)
{
    DWORD length = dice(r, 300), room = dice(r, 300), returned = 99999;
    uint8_t *command = calloc(1, length + 1), *answer = malloc(room + 1);
    const RESPONSECODE result = IFDHControl(r->lun, SCARD_CTL_CODE(1), command, length, answer, room, &returned);
    check(result == IFD_SUCCESS ? returned <= room : returned == 0, "length of a control's answer");
    free(command);
    free(answer);
    return result;
}

static RESPONSECODE attribute(struct reader *r)
{
    DWORD room = dice(r, 40);
    uint8_t *value = malloc(room + 1);
    const DWORD tags[] = {SCARD_ATTR_ATR_STRING, SCARD_ATTR_VENDOR_NAME, SCARD_ATTR_ICC_PRESENCE, TAG_IFD_SLOTS_NUMBER, dice(r, 0x90400)};
    const DWORD offered = room;
    const RESPONSECODE result = IFDHGetCapabilities(r->lun, tags[dice(r, 5)], &room, value);
    check(result != IFD_SUCCESS || room <= offered, "length of an attribute");
    free(value);
    return result;
}

static RESPONSECODE ask(struct reader *r)
{
    if (IFDHICCPresence(r->lun) != IFD_SUCCESS && dice(r, 64))
        return IFD_ICC_NOT_PRESENT;
    switch (dice(r, 16)) {
    case 0:
        return power(r, IFD_POWER_DOWN);
    case 1:
        return power(r, IFD_RESET);
    case 2:
    case 3:
        return power(r, IFD_POWER_UP);
    case 4:
        return IFDHSetProtocolParameters(r->lun, 1 + dice(r, 3), 0, 0, 0, 0);
    case 5:
        return control(r);
    case 6:
        return attribute(r);
    default:
        return transmit(r);
    }
}

static void *ask_the_card(void *argument)
{
    struct reader *r = argument;
    while (!over) {
        const RESPONSECODE result = ask(r);
        calls++;
        if (result == IFD_SUCCESS)
            good++;
        else if (result == IFD_ICC_NOT_PRESENT)
            sched_yield();
    }
    return NULL;
}

int main(int count, char **arguments)
{
    char device[256];
    if (count != 4)
        return 2;
    const unsigned long number = strtoul(arguments[2], NULL, 10);
    check(number >= 1 && number <= MOST, "1 to 16 readers");
    for (unsigned long i = 0; i < number; i++) {
        struct reader *r = &readers[i];
        *r = (struct reader){.lun = i << 16, .state = strtoull(arguments[3], NULL, 10) * 0x9E3779B97F4A7C15u + i + 1};
        DWORD size = sizeof r->wait;
        snprintf(device, sizeof device, "unix:%s/reader%lu.sock:deadline=200:patience=500", arguments[1], i);
        check(IFDHCreateChannelByName(r->lun, device) == IFD_SUCCESS, "a reader");
        check(IFDHGetCapabilities(r->lun, TAG_IFD_POLLING_THREAD_WITH_TIMEOUT, &size, (PUCHAR)&r->wait) == IFD_SUCCESS, "a function");
        check(IFDHGetCapabilities(r->lun, TAG_IFD_STOP_POLLING_THREAD, &size, (PUCHAR)&r->stop) == IFD_SUCCESS, "a function");
        pthread_create(&r->waits, NULL, wait_for_events, r);
        pthread_create(&r->asks, NULL, ask_the_card, r);
    }
    printf("ready\n");
    fflush(stdout);
    for (char byte; read(STDIN_FILENO, &byte, 1) > 0;)
        continue;
    over = true;
    for (unsigned long i = 0; i < number; i++) {
        readers[i].stop(readers[i].lun);
        pthread_join(readers[i].asks, NULL);
        readers[i].stop(readers[i].lun);
        pthread_join(readers[i].waits, NULL);
        check(IFDHCloseChannel(readers[i].lun) == IFD_SUCCESS, "a close");
    }
    printf("%lu %lu %lu\n", calls, good, sentences);
    return 0;
}
