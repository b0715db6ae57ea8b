/* SPDX-License-Identifier: Apache-2.0 */
/* A card process that sends malformed frames to the reader driver (native/ifd/PROTOCOL.md), one after the other, and waits for
 * what becomes of each:  hostile_card SOCKET COUNT SEED.  Prints how many were taken notice of, by kind.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../native/ifd/protocol.h"

#define PATIENCE_MS 20000
#define LONGEST 70000

static const uint8_t atr[] = {0x3B, 0x80, 0x01, 0x81};
static const char *path;
static uint64_t state;
static uint8_t frame[LONGEST], heard[LINK_MAX_FRAME + 1];

enum { AT_HELLO, AT_EVENTS, AT_ANSWER, AT_FAULT, KINDS };
static unsigned long sent[KINDS];

static uint32_t dice(uint32_t sides)
{
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (uint32_t)((state * 0x2545F4914F6CDD1Du) >> 32) % sides;
}

static void noise(uint8_t *at, size_t length)
{
    for (size_t i = 0; i < length; i++)
        at[i] = (uint8_t)dice(256);
}

static size_t make(uint8_t type, uint32_t sequence, const void *payload, size_t length)
{
    const uint8_t header[LINK_HEADER] = {type, 0, 0, 0, (uint8_t)sequence, (uint8_t)(sequence >> 8), (uint8_t)(sequence >> 16),
                                         (uint8_t)(sequence >> 24)};
    memcpy(frame, header, sizeof header);
    if (length > 0)
        memcpy(frame + LINK_HEADER, payload, length);
    return LINK_HEADER + length;
}

static int attach(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&name, sizeof name) != 0) {
        fprintf(stderr, "no driver on %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return fd;
}

/* The next message, or 0 at the end of the connection. */
static size_t hear(int fd)
{
    struct pollfd watched = {fd, POLLIN, 0};
    if (poll(&watched, 1, PATIENCE_MS) <= 0) {
        fprintf(stderr, "the driver on %s has not said a word for %d ms\n", path, PATIENCE_MS);
        exit(1);
    }
    const ssize_t got = recv(fd, heard, sizeof heard, 0);
    return got > 0 ? (size_t)got : 0;
}

static void hear_end(int fd)
{
    while (hear(fd) > 0)
        continue;
}

static size_t make_hello(uint8_t role)
{
    uint8_t hello[LINK_HELLO_PAYLOAD] = {'s', 'e', 'c', 'm', 'o', 'd', 'I', 'F', LINK_VERSION, 0, role, 0};
    memcpy(hello + 12, &state, LINK_TOKEN); /* does not move between the two */
    return make(FRAME_HELLO, 0, hello, sizeof hello);
}

static int shake_hands(uint8_t role)
{
    const int fd = attach();
    const size_t length = make_hello(role);
    if (send(fd, frame, length, MSG_NOSIGNAL) > 0 && hear(fd) > 0 && heard[0] == FRAME_WELCOME)
        return fd;
    close(fd);
    return -1;
}

/* A pair that the driver has taken; it may still be busy with the end of the one before. */
static void open_pair(int *data, int *events)
{
    for (int attempt = 0;; attempt++) {
        *data = shake_hands(ROLE_DATA);
        *events = *data < 0 ? -1 : shake_hands(ROLE_EVENTS);
        if (*events >= 0)
            return;
        if (*data >= 0)
            close(*data);
        if (attempt > 100000) {
            fprintf(stderr, "the driver on %s takes no pair\n", path);
            exit(1);
        }
        dice(2);
        if (attempt > 100)
            nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

/* Any damage to the frame of `length` bytes that leaves none; returns its new length, never 0: that would be the end. */
static size_t damage(size_t length)
{
    switch (dice(5)) {
    case 0: /* cut */
        return 1 + dice(LINK_HEADER - 1);
    case 1: /* reserved bytes */
        frame[1 + dice(3)] = (uint8_t)(1 + dice(255));
        return length;
    case 2: /* too long */
        noise(frame + length, 64);
        return LINK_MAX_FRAME + 1 + dice(LONGEST - LINK_MAX_FRAME - 1);
    case 3: /* another type: one of the other connection, or none at all */
        frame[0] = dice(2) ? (uint8_t)(FRAME_HELLO + dice(3)) : (uint8_t)(0x40 + dice(192));
        return length;
    default: /* noise */
        length = 1 + dice(dice(8) ? 64 : LONGEST - 1);
        noise(frame, length < 256 ? length : 256);
        frame[length > 1 ? 1 : 0] |= 0x80;
        return length;
    }
}

static void stray(void)
{
    const int fd = attach();
    size_t length = make_hello((uint8_t)(1 + dice(2)));
    if (dice(3) == 0)
        frame[LINK_HEADER + dice(12)] ^= (uint8_t)(1 + dice(255)); /* magic, version, role, reserved byte */
    else
        length = damage(length);
    if (send(fd, frame, length, MSG_NOSIGNAL) > 0) {
        if (hear(fd) > 0 && heard[0] == FRAME_WELCOME) /* was a role after all */
            sent[AT_HELLO]--;
        else
            hear_end(fd);
        sent[AT_HELLO]++;
    }
    close(fd);
}

static bool rave_on_events(int events)
{
    size_t length = make(dice(2) ? FRAME_INSERTED : FRAME_REMOVED, dice(4), "x", dice(2));
    if (frame[0] != FRAME_INSERTED || length > LINK_HEADER) /* the card is in: inserted once more is wrong */
        length = damage(length);
    if (send(events, frame, length, MSG_NOSIGNAL) <= 0)
        return false;
    sent[AT_EVENTS]++;
    return true;
}

/* A wrong answer to the request in `heard`; true if the driver must end the link for it. */
static bool rave_on_data(int data, uint32_t sequence)
{
    const uint8_t type = heard[0];
    static uint8_t payload[LONGEST];
    size_t length;
    noise(payload, 64);
    if (type == FRAME_TRANSMIT && dice(4) == 0) { /* a fault of any reason ends the command only */
        sent[AT_FAULT]++;
        send(data, frame, make(FRAME_FAULT, sequence, payload, 1), MSG_NOSIGNAL);
        return false;
    }
    switch (dice(6)) {
    case 0: /* too short */
        length = make(type, sequence, payload, type == FRAME_TRANSMIT ? dice(2) : 1);
        if (type != FRAME_TRANSMIT && type != FRAME_POWER_UP && type != FRAME_RESET)
            length = damage(length);
        break;
    case 1: /* another number */
        length = make(type, sequence + 1 + dice(0x7FFFFFFF), payload, 2);
        break;
    case 2: /* another type */
        length = make(type == FRAME_ESCAPE ? FRAME_POWER_UP : FRAME_ESCAPE, sequence, payload, dice(300));
        break;
    case 3: /* a fault or a sign of life of a wrong length */
        length = dice(2) ? make(FRAME_FAULT, sequence, payload, 2 * dice(2)) : make(FRAME_KEEP_ALIVE, sequence, payload, 1 + dice(9));
        break;
    default:
        length = damage(make(type, sequence, payload, dice(40)));
    }
    if (send(data, frame, length, MSG_NOSIGNAL) > 0)
        sent[AT_ANSWER]++;
    return true;
}

static size_t make_answer(uint32_t sequence)
{
    switch (heard[0]) {
    case FRAME_POWER_UP:
    case FRAME_RESET:
        return make(heard[0], sequence, atr, sizeof atr);
    case FRAME_TRANSMIT:
    case FRAME_ESCAPE:
        return make(heard[0], sequence, "\x90", 2);
    default:
        return make(heard[0], sequence, NULL, 0);
    }
}

static void rave(void)
{
    int data, events;
    open_pair(&data, &events);
    send(events, frame, make(FRAME_INSERTED, 0, NULL, 0), MSG_NOSIGNAL);
    if (dice(3) == 0) {
        if (rave_on_events(events))
            hear_end(events);
    } else {
        while (hear(data) > 0) {
            const uint32_t sequence = (uint32_t)heard[4] | (uint32_t)heard[5] << 8 | (uint32_t)heard[6] << 16 | (uint32_t)heard[7] << 24;
            if (heard[0] == FRAME_POWER_DOWN || (heard[0] != FRAME_TRANSMIT && dice(16))) { /* mostly good, to get further */
                send(data, frame, make_answer(sequence), MSG_NOSIGNAL);
            } else if (rave_on_data(data, sequence)) {
                hear_end(data);
                break;
            }
        }
    }
    close(data);
    close(events);
}

int main(int count, char **arguments)
{
    if (count != 4)
        return 2;
    path = arguments[1];
    const unsigned long wanted = strtoul(arguments[2], NULL, 10);
    state = strtoull(arguments[3], NULL, 10) * 0x9E3779B97F4A7C15u + 1;
    for (unsigned long told = 0; told < wanted;) {
        if (dice(4) == 0)
            stray();
        else
            rave();
        const unsigned long now = sent[AT_HELLO] + sent[AT_EVENTS] + sent[AT_ANSWER] + sent[AT_FAULT];
        if (now / 1000 != told / 1000) {
            printf("%lu\n", now);
            fflush(stdout);
        }
        told = now;
    }
    printf("%lu %lu %lu %lu\n", sent[AT_HELLO], sent[AT_EVENTS], sent[AT_ANSWER], sent[AT_FAULT]);
    return 0;
}
