import { invariant } from '@openledger/kernel';
import { getAddress } from 'ethers';

export const ACCOUNT_BYTES = 20;
const ABSENT = -1;
const LOWER_CASE = /^0x[0-9a-f]{40}$/;

/** Accounts by number and back: their bytes in a row, and a table of open addressing over them. */
export class AccountIndex {
  readonly bytes: Buffer;
  private readonly table: Int32Array;
  private readonly probe = Buffer.alloc(ACCOUNT_BYTES);
  private count = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.alloc(capacity * ACCOUNT_BYTES);
    this.table = new Int32Array(2 ** Math.ceil(Math.log2(2 * capacity + 1))).fill(ABSENT);
  }

  /** Gives the account the next number. */
  add(account: string): void {
    const offset = this.count * ACCOUNT_BYTES;
    writeAccount(account, this.bytes, offset);
    const slot = this.slotOf(this.bytes, offset);
    invariant(this.table[slot] === ABSENT, 'an account has two leaves');
    this.table[slot] = this.count;
    this.count += 1;
  }

  /** Its number, or one that no account has. */
  find(account: string): number {
    writeAccount(account, this.probe, 0);
    return this.table[this.slotOf(this.probe, 0)] ?? ABSENT;
  }

  /** Where the account is, or the free slot where it belongs. */
  private slotOf(bytes: Buffer, offset: number): number {
    const mask = this.table.length - 1;
    // FNV-1a over words, mixed: accounts that people choose, and those of tests, differ in few bits.
    let hash = 0x811c9dc5;
    for (let at = 0; at < ACCOUNT_BYTES; at += 4) {
      hash = Math.imul(hash ^ bytes.readUInt32BE(offset + at), 0x01000193);
      hash ^= hash >>> 15;
    }
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = this.table[slot] ?? ABSENT;
      if (number === ABSENT) return slot;
      const from = number * ACCOUNT_BYTES;
      if (bytes.compare(this.bytes, from, from + ACCOUNT_BYTES, offset, offset + ACCOUNT_BYTES) === 0)
        return slot;
    }
  }
}

/** Lower-case addresses carry no checksum; of others it is checked. */
function writeAccount(account: string, to: Buffer, offset: number): void {
  const plain = LOWER_CASE.test(account) ? account : getAddress(account);
  to.write(plain.slice(2), offset, ACCOUNT_BYTES, 'hex');
}
