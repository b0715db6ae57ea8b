# SPDX-License-Identifier: Apache-2.0
"""What must outlive the process: modules, each a set of named records, in one directory with one owner.

    store.py      Store: one per directory; transactions, keys, snapshots
    opening.py    what stands above the modules, made and checked
    transaction.py  one change, while it is being written
    module.py     ModuleStore: the records of one module, loaded and committed
    upkeep.py     looking through a whole store; backup files
    record.py     a record as a value, and as octets
    index.py      which records there must be: a module's index, and the store's root over all indices
    keys.py       the store's key: from a passphrase or a key file; the header that says which
    database.py   the SQLite file, and what its errors mean
    log.py        SQLite's write-ahead log, looked at before SQLite does
    migrate.py    from one version of the format to the next
    folder.py     the directory: who may look in, who owns it, files that appear whole
    mark.py       how far the store had come, beside its write-ahead log

What is in the directory, the key aside, can be read by nobody and changed by nobody without the store's key: private keys and
passwords are sealed, and everything is bound together by tags under the key,

    root  →  index of each module  →  each record (module, name, generation, content)

so a bit flipped, a record missing, or one put in the place of another or of its successor is found, and named.  Nothing here
knows what a card is: a record is a few facts, some bytes, and perhaps a secret of a vault.
"""

from secmod.store.index import Origin
from secmod.store.keys import KeyFile, KeySource, Passphrase
from secmod.store.module import Contents, ModuleStore
from secmod.store.record import Fact, Record
from secmod.store.store import FORMAT, Durability, Store

__all__ = [
    "FORMAT",
    "Contents",
    "Durability",
    "Fact",
    "KeyFile",
    "KeySource",
    "ModuleStore",
    "Origin",
    "Passphrase",
    "Record",
    "Store",
]
