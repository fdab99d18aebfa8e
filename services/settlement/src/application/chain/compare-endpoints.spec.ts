import { ChainReader, type SeenLog } from './chain-ports.js';
import { CompareEndpoints } from './compare-endpoints.js';

/** A chain of `height` blocks; what it says can be changed block by block. */
class Told extends ChainReader {
  readonly hashes = new Map<number, string | undefined>();
  found: SeenLog[] = [];
  down = false;

  constructor(public height: number) {
    super();
  }

  head = () => this.say(this.height);
  blockHash = (number: number) =>
    this.say(
      this.hashes.has(number) ? this.hashes.get(number) : number > this.height ? undefined : `0x${number}`,
    );
  logs = () => this.say(this.found);
  tagged = () => this.say(this.height - 2);

  private async say<T>(value: T): Promise<T> {
    if (this.down) throw new Error('connection refused');
    return value;
  }
}

const log = (amountWei: bigint): SeenLog => ({
  transactionHash: '0xaa',
  logIndex: 0,
  blockNumber: 5,
  blockHash: '0x5',
  event: { kind: 'deposited', from: '0xbb', amountWei },
});

function compared(count: number) {
  const readers = Array.from({ length: count }, () => new Told(10));
  const chain = new CompareEndpoints(
    readers.map((reader, index) => ({ name: `node ${index + 1}`, reader })),
    { lagMax: 3 },
  );
  const told: string[] = [];
  chain.onQuarantine((name, trouble) => told.push(`${name} ${trouble}`));
  return { readers, chain, told };
}

describe('CompareEndpoints', () => {
  it('believes one alone, and two that agree', async () => {
    for (const count of [1, 2, 3]) {
      const { readers, chain, told } = compared(count);
      for (const reader of readers) reader.found = [log(7n)];
      expect(await chain.head()).toBe(10);
      expect(await chain.blockHash(4)).toBe('0x4');
      expect(await chain.blockHash(11)).toBeUndefined();
      expect(await chain.logs(0, 10)).toEqual([log(7n)]);
      expect(await chain.tagged('finalized')).toBe(8);
      expect(told).toEqual([]);
    }
  });

  it('believes neither of two that disagree', async () => {
    const { readers, chain, told } = compared(2);
    readers[1]?.hashes.set(4, '0xother');
    await expect(chain.blockHash(4)).rejects.toMatchObject({ code: 'RPC_DISAGREES' });
    expect(told).toEqual(['node 1 RPC_DISAGREES', 'node 2 RPC_DISAGREES']);
    expect(await chain.blockHash(5)).toBe('0x5');
  });

  it('outvotes one of three that lies about a block, about money, or leaves a log out', async () => {
    const { readers, chain, told } = compared(3);
    const [, liar] = readers;
    liar?.hashes.set(4, '0xother');
    expect(await chain.blockHash(4)).toBe('0x4');
    expect(chain.health()[1]).toMatchObject({ name: 'node 2', quarantined: 'RPC_DISAGREES' });
    for (const reader of readers) reader.found = [log(7n)];
    for (const lie of [[log(70n)], []]) {
      if (liar) liar.found = lie;
      expect(await chain.logs(0, 10)).toEqual([log(7n)]);
    }
    expect(told).toEqual(['node 2 RPC_DISAGREES']);
    // It counts again once it tells the truth.
    await chain.head();
    expect(chain.health()[1]?.quarantined).toBeUndefined();
  });

  it('goes no further than enough of them have got', async () => {
    const { readers, chain, told } = compared(2);
    if (readers[0]) readers[0].height = 50;
    expect(await chain.head()).toBe(10);
    const three = compared(3);
    if (three.readers[2]) three.readers[2].height = 4;
    expect(await three.chain.head()).toBe(10);
    expect(three.told).toEqual(['node 3 RPC_STALLED']);
    expect(told).toEqual([]);
  });

  it('names the one that goes backwards or forgets', async () => {
    const { readers, chain, told } = compared(3);
    await chain.head();
    if (readers[0]) readers[0].height = 8;
    expect(await chain.head()).toBe(10);
    readers[1]?.hashes.set(3, undefined);
    expect(await chain.blockHash(3)).toBe('0x3');
    expect(told).toEqual(['node 1 RPC_HEAD_BACKWARDS', 'node 2 RPC_FORGOT_BLOCK']);
  });

  it('stands still where too few answer', async () => {
    const { readers, chain, told } = compared(2);
    if (readers[1]) readers[1].down = true;
    await expect(chain.head()).rejects.toMatchObject({ code: 'RPC_UNREACHABLE' });
    await expect(chain.blockHash(3)).rejects.toMatchObject({ code: 'RPC_UNREACHABLE' });
    await expect(chain.logs(0, 3)).rejects.toMatchObject({ code: 'RPC_UNREACHABLE' });
    expect(await chain.tagged('safe')).toBeUndefined();
    expect(told).toEqual(['node 2 RPC_UNREACHABLE']);
    const three = compared(3);
    if (three.readers[1]) three.readers[1].down = true;
    expect(await three.chain.head()).toBe(10);
    expect(await three.chain.blockHash(3)).toBe('0x3');
  });
});
