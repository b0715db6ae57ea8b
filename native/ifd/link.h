/* SPDX-License-Identifier: Apache-2.0 */
/* Frames, sockets and deadlines of the link to the card process.  Knows no reader and no state. */
#ifndef SECMOD_IFD_LINK_H
#define SECMOD_IFD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

#define LINK_PATH 108 /* bytes of a socket path with its final zero, as in sockaddr_un */

/* Where to listen and for whom; read from DEVICENAME. */
struct link_address {
    char path[LINK_PATH];
    int deadline_ms; /* for an answer, or a sign of life */
    int patience_ms; /* for an answer, whatever signs of life there are */
    bool has_group;
    gid_t group;
};

/* A listening socket and the file that belongs to it, so that no other file is ever removed. */
struct link_listener {
    int fd; /* -1: not listening */
    dev_t device;
    ino_t inode;
};

struct link_frame {
    uint8_t type;
    uint32_t sequence;
    size_t length; /* of the payload */
};

enum link_result {
    LINK_OK,
    LINK_AGAIN,    /* nothing to read, or no room to write */
    LINK_CLOSED,   /* the other end is gone */
    LINK_GARBAGE,  /* a message that is no frame: too short, too long, reserved bytes set */
    LINK_NO_ROOM,  /* a frame whose payload exceeds the caller's buffer */
};

struct link_peer {
    pid_t pid;
    bool allowed;
};

/* Reads "unix:PATH[:deadline=MS][:patience=MS][:group=NAME]", with or without quotes.  On failure false, and `why` holds a sentence. */
bool link_parse(const char *device, struct link_address *out, char *why, size_t room);

/* Listens on the path with mode 0600 (0660 with a group).  Removes a stale socket of its own, never anything else.
 * On failure false, out->fd is -1, and `why` holds a sentence. */
bool link_listen(const struct link_address *address, struct link_listener *out, char *why, size_t room);

/* Stops listening; removes the file if it still is the one that link_listen made. */
void link_unlisten(const struct link_address *address, struct link_listener *listener);

/* The next connection, non-blocking and close-on-exec, or -1; *exhausted if there was one, and no descriptor for it. */
int link_accept(int listener, bool *exhausted);

/* Who is at the other end, and whether it may be: root, our own user, or a member of the group. */
struct link_peer link_peer(int fd, const struct link_address *address);

/* One frame, one message; never blocks. */
enum link_result link_send(int fd, uint8_t type, uint32_t sequence, const void *payload, size_t length);
enum link_result link_receive(int fd, struct link_frame *frame, void *payload, size_t room);

/* Milliseconds of the monotonic clock. */
int64_t link_clock(void);

#endif
