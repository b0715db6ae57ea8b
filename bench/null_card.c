/* SPDX-License-Identifier: Apache-2.0 */
/* A card process in C that speaks the link (native/ifd/PROTOCOL.md) and answers every command with 9000: null_card SOCKET.
 * The floor of our reader driver; ends when the driver does. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

static const uint8_t atr[] = {0x3B, 0x80, 0x01, 0x81}; /* T=1 */

static int reach(const char *path)
{
    const struct timespec pause = {0, 10000000};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strncpy(name.sun_path, path, sizeof name.sun_path - 1);
    for (int i = 0; i < 500; i++) {
        const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        if (connect(fd, (const struct sockaddr *)&name, sizeof name) == 0)
            return fd;
        close(fd);
        nanosleep(&pause, NULL);
    }
    return -1;
}

static int say_hello(const char *path, uint8_t role)
{
    uint8_t hello[LINK_HEADER + LINK_HELLO_PAYLOAD] = {FRAME_HELLO}, answer[LINK_HEADER + LINK_WELCOME_PAYLOAD];
    const int fd = reach(path);
    memcpy(hello + LINK_HEADER, LINK_MAGIC, 8);
    hello[LINK_HEADER + 8] = LINK_VERSION;
    hello[LINK_HEADER + 10] = role; /* the token stays zero: there is one pair only */
    if (fd < 0 || send(fd, hello, sizeof hello, MSG_NOSIGNAL) < 0 || recv(fd, answer, sizeof answer, 0) < 1 ||
        answer[0] != FRAME_WELCOME)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    static uint8_t frame[LINK_MAX_FRAME];
    const uint8_t inserted[LINK_HEADER] = {FRAME_INSERTED};
    if (argc != 2) {
        fputs("usage: null_card SOCKET\n", stderr);
        return 2;
    }
    const int data = say_hello(argv[1], ROLE_DATA);
    const int events = data < 0 ? -1 : say_hello(argv[1], ROLE_EVENTS);
    if (events < 0 || send(events, inserted, sizeof inserted, MSG_NOSIGNAL) < 0) {
        fprintf(stderr, "no reader driver takes us on %s\n", argv[1]);
        return 1;
    }
    while (recv(data, frame, sizeof frame, 0) > 0) {
        size_t length = LINK_HEADER;
        if (frame[0] == FRAME_TRANSMIT) {
            frame[length++] = 0x90;
            frame[length++] = 0x00;
        } else if (frame[0] == FRAME_POWER_UP || frame[0] == FRAME_RESET) {
            memcpy(frame + length, atr, sizeof atr);
            length += sizeof atr;
        }
        if (send(data, frame, length, MSG_NOSIGNAL) < 0)
            break;
    }
    return 0;
}
