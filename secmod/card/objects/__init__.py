# SPDX-License-Identifier: Apache-2.0
"""What a card holds.  Every object yields its content only through `open(mode, security_status)`, which evaluates its rule.

directory.py    dedicated files (DF) and the MF
file.py         transparent elementary files (EF)
private_key.py  places for private keys, whose secrets live in the native vault
public_key.py   places for public keys
data_object.py  what GET DATA reads
select.py       finding files: by identifier, name and path; control parameters
tree.py         all of them, built from a profile
"""
