/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the link between reader driver and card process; PROTOCOL.md explains them.
 *
 * secmod/reader/frame.py says the same in Python; tests/reader/test_frame.py compares the two, name by name. */
#ifndef SECMOD_IFD_PROTOCOL_H
#define SECMOD_IFD_PROTOCOL_H

#define LINK_VERSION 1
#define LINK_MAGIC "secmodIF" /* first eight bytes of a hello */

#define LINK_HEADER 8           /* type, three zero bytes, sequence (little-endian) */
#define LINK_MAX_PAYLOAD 65548  /* the longest APDU that pcscd hands on */
#define LINK_MAX_FRAME 65556    /* header and payload */
#define LINK_HELLO_PAYLOAD 20   /* magic, version, role, zero, token */
#define LINK_WELCOME_PAYLOAD 6  /* version, deadline in milliseconds */
#define LINK_TOKEN 8            /* bytes that tell which data and event connection belong together */

/* Types on the data connection: the request, and its answer under the same type and sequence. */
#define FRAME_POWER_UP 0x01
#define FRAME_POWER_DOWN 0x02
#define FRAME_RESET 0x03
#define FRAME_PROTOCOL 0x04
#define FRAME_TRANSMIT 0x05
#define FRAME_ESCAPE 0x06
/* Types from the card process in place of an answer, or before it. */
#define FRAME_KEEP_ALIVE 0x10
#define FRAME_FAULT 0x11
/* Types on the event connection. */
#define FRAME_INSERTED 0x20
#define FRAME_REMOVED 0x21
/* Types of the handshake, on both connections. */
#define FRAME_HELLO 0x30
#define FRAME_WELCOME 0x31
#define FRAME_REFUSED 0x32

/* Which of the two connections a hello opens. */
#define ROLE_DATA 0x01
#define ROLE_EVENTS 0x02

/* First payload byte of a fault. */
#define FAULT_NOT_SUPPORTED 0x01
#define FAULT_NO_CARD 0x02
#define FAULT_FAILED 0x03

/* First payload byte of a refusal; a sentence in UTF-8 follows. */
#define REFUSAL_VERSION 0x01
#define REFUSAL_BUSY 0x02
#define REFUSAL_FOREIGN 0x03
#define REFUSAL_HELLO 0x04

#endif
