/* SPDX-License-Identifier: Apache-2.0 */
/* The floor under every reader driver: answers each APDU with 9000 inside the handler.  One reader, always with a card; for
 * measurements only.  Build: gcc -std=c11 -O2 -shared -fPIC -I/usr/include/PCSC bench/noop_ifd.c -o libifdnoop.so */
#include <stdint.h>
#include <string.h>

#include <ifdhandler.h>

static const uint8_t atr[] = {0x3B, 0x80, 0x01, 0x81}; /* T=1 */

RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
    (void)Lun, (void)DeviceName;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
    (void)Lun, (void)Channel;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
    (void)Lun;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
    (void)Lun;
    if ((Tag != TAG_IFD_SIMULTANEOUS_ACCESS && Tag != TAG_IFD_THREAD_SAFE && Tag != TAG_IFD_SLOTS_NUMBER) || *Length < 1)
        return IFD_ERROR_TAG;
    *Value = Tag == TAG_IFD_SIMULTANEOUS_ACCESS ? 16 : 1;
    *Length = 1;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value)
{
    (void)Lun, (void)Tag, (void)Length, (void)Value;
    return IFD_NOT_SUPPORTED;
}

RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2, UCHAR PTS3)
{
    (void)Lun, (void)Protocol, (void)Flags, (void)PTS1, (void)PTS2, (void)PTS3;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
    (void)Lun;
    *AtrLength = Action == IFD_POWER_DOWN ? 0 : sizeof atr;
    memcpy(Atr, atr, *AtrLength);
    return IFD_SUCCESS;
}

RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer, PDWORD RxLength,
                               PSCARD_IO_HEADER RecvPci)
{
    (void)Lun, (void)SendPci, (void)TxBuffer, (void)TxLength, (void)RecvPci;
    RxBuffer[0] = 0x90;
    RxBuffer[1] = 0x00;
    *RxLength = 2;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer, DWORD RxLength,
                         LPDWORD pdwBytesReturned)
{
    (void)Lun, (void)dwControlCode, (void)TxBuffer, (void)TxLength, (void)RxBuffer, (void)RxLength;
    *pdwBytesReturned = 0;
    return IFD_ERROR_NOT_SUPPORTED;
}

RESPONSECODE IFDHICCPresence(DWORD Lun)
{
    (void)Lun;
    return IFD_SUCCESS;
}
