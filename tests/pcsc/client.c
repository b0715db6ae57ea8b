/* SPDX-License-Identifier: Apache-2.0 */
/* A PC/SC program for tests and measurements: a command per line on standard input, an answer per line on standard output.
 * Every answer begins with the return code in hexadecimal.
 *
 *   list                       names, separated by "|"
 *   connect READER PROTOCOLS   protocols as SCARD_PROTOCOL_... (3: both, 0: direct); answers the one chosen
 *   reconnect INITIALIZATION   as SCARD_LEAVE_CARD, SCARD_RESET_CARD, SCARD_UNPOWER_CARD
 *   disconnect DISPOSITION
 *   begin                      a transaction
 *   end DISPOSITION
 *   status                     state, protocol, ATR
 *   transmit HEX               response
 *   control CODE [HEX]         answer; CODE in hexadecimal
 *   attribute ID               value; ID in hexadecimal
 *   watch READER               the state now: flags, counter
 *   wait MILLISECONDS          the next state: flags, counter, time of the monotonic clock in ns
 *   measure COUNT HEX          round trips in ns: median, 99th percentile, smallest
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <winscard.h>

#define ROOM 65600

static SCARDCONTEXT context;
static SCARDHANDLE card;
static DWORD protocol = SCARD_PROTOCOL_T1;
static SCARD_READERSTATE watched;
static char watched_name[256];
static uint8_t command[ROOM], answer[ROOM];

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static DWORD from_hex(const char *text)
{
    DWORD n = 0;
    unsigned value;
    while (text != NULL && n < ROOM && sscanf(text, "%2x", &value) == 1) {
        command[n++] = (uint8_t)value;
        text += 2;
    }
    return n;
}

static void print_hex(LONG rv, const uint8_t *data, DWORD length)
{
    printf("%08lX ", (unsigned long)rv & 0xFFFFFFFF);
    for (DWORD i = 0; rv == SCARD_S_SUCCESS && i < length; i++)
        printf("%02X", data[i]);
    printf("\n");
}

static LONG transmit(DWORD length, DWORD *got)
{
    const SCARD_IO_REQUEST *pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    *got = sizeof answer;
    return SCardTransmit(card, pci, command, length, NULL, answer, got);
}

static void list(void)
{
    char names[4096] = "";
    DWORD length = sizeof names;
    const LONG rv = SCardListReaders(context, NULL, names, &length);
    printf("%08lX ", (unsigned long)rv & 0xFFFFFFFF);
    for (const char *name = names; rv == SCARD_S_SUCCESS && *name != '\0'; name += strlen(name) + 1)
        printf("%s%s", name == names ? "" : "|", name);
    printf("\n");
}

static void status(void)
{
    DWORD state = 0, active = 0, length = sizeof answer, name_length = 0;
    const LONG rv = SCardStatus(card, NULL, &name_length, &state, &active, answer, &length);
    printf("%08lX %lX %lX ", (unsigned long)rv & 0xFFFFFFFF, (unsigned long)state & 0xFFFF, (unsigned long)active);
    for (DWORD i = 0; rv == SCARD_S_SUCCESS && i < length; i++)
        printf("%02X", answer[i]);
    printf("\n");
}

static void wait_change(DWORD timeout)
{
    const LONG rv = SCardGetStatusChange(context, timeout, &watched, 1);
    const int64_t at = now();
    printf("%08lX %lX %lu %lld\n", (unsigned long)rv & 0xFFFFFFFF, (unsigned long)watched.dwEventState & 0xFFFF,
           (unsigned long)watched.dwEventState >> 16, (long long)at);
    if (rv == SCARD_S_SUCCESS)
        watched.dwCurrentState = watched.dwEventState;
}

static void watch(const char *reader)
{
    snprintf(watched_name, sizeof watched_name, "%s", reader);
    watched = (SCARD_READERSTATE){.szReader = watched_name, .dwCurrentState = SCARD_STATE_UNAWARE};
    wait_change(0);
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void measure(size_t count, DWORD length)
{
    int64_t *times = calloc(count, sizeof *times);
    LONG rv = times == NULL || count == 0 ? SCARD_E_NO_MEMORY : SCARD_S_SUCCESS;
    for (size_t i = 0; rv == SCARD_S_SUCCESS && i < count; i++) {
        DWORD got;
        const int64_t start = now();
        rv = transmit(length, &got);
        times[i] = now() - start;
    }
    if (rv == SCARD_S_SUCCESS) {
        qsort(times, count, sizeof *times, by_size);
        printf("%08lX %lld %lld %lld\n", (unsigned long)rv & 0xFFFFFFFF, (long long)times[count / 2], (long long)times[count * 99 / 100],
               (long long)times[0]);
    } else {
        printf("%08lX 0 0 0\n", (unsigned long)rv & 0xFFFFFFFF);
    }
    free(times);
}

static void serve(const char *verb, char *rest)
{
    DWORD got = 0;
    LONG rv;
    if (strcmp(verb, "list") == 0) {
        list();
    } else if (strcmp(verb, "connect") == 0) {
        char *last = rest == NULL ? NULL : strrchr(rest, ' ');
        DWORD wanted = 0;
        if (last != NULL) {
            *last = '\0';
            wanted = strtoul(last + 1, NULL, 10);
        }
        rv = SCardConnect(context, rest, wanted == 0 ? SCARD_SHARE_DIRECT : SCARD_SHARE_SHARED, wanted, &card, &protocol);
        printf("%08lX %lu\n", (unsigned long)rv & 0xFFFFFFFF, (unsigned long)protocol);
    } else if (strcmp(verb, "reconnect") == 0) {
        rv = SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, strtoul(rest, NULL, 10), &protocol);
        printf("%08lX %lu\n", (unsigned long)rv & 0xFFFFFFFF, (unsigned long)protocol);
    } else if (strcmp(verb, "disconnect") == 0) {
        print_hex(SCardDisconnect(card, strtoul(rest, NULL, 10)), NULL, 0);
    } else if (strcmp(verb, "begin") == 0) {
        print_hex(SCardBeginTransaction(card), NULL, 0);
    } else if (strcmp(verb, "end") == 0) {
        print_hex(SCardEndTransaction(card, strtoul(rest, NULL, 10)), NULL, 0);
    } else if (strcmp(verb, "status") == 0) {
        status();
    } else if (strcmp(verb, "transmit") == 0) {
        rv = transmit(from_hex(rest), &got);
        print_hex(rv, answer, got);
    } else if (strcmp(verb, "control") == 0) {
        const DWORD code = strtoul(rest, &rest, 16);
        rv = SCardControl(card, code, command, from_hex(*rest == ' ' ? rest + 1 : NULL), answer, sizeof answer, &got);
        print_hex(rv, answer, got);
    } else if (strcmp(verb, "attribute") == 0) {
        got = MAX_BUFFER_SIZE;
        rv = SCardGetAttrib(card, strtoul(rest, NULL, 16), answer, &got);
        print_hex(rv, answer, got);
    } else if (strcmp(verb, "watch") == 0) {
        watch(rest);
    } else if (strcmp(verb, "wait") == 0) {
        wait_change(strtoul(rest, NULL, 10));
    } else if (strcmp(verb, "measure") == 0) {
        const size_t count = strtoul(rest, &rest, 10);
        measure(count, from_hex(rest + 1));
    } else {
        printf("FFFFFFFF unknown command\n");
    }
    fflush(stdout);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    const LONG rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);
    printf("%08lX\n", (unsigned long)rv & 0xFFFFFFFF);
    fflush(stdout);
    while (rv == SCARD_S_SUCCESS && (length = getline(&line, &room, stdin)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = '\0';
        char *rest = strchr(line, ' ');
        if (rest != NULL)
            *rest++ = '\0';
        serve(line, rest == NULL ? line + strlen(line) : rest);
    }
    free(line);
    return rv != SCARD_S_SUCCESS;
}
