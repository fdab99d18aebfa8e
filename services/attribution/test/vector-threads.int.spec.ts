import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderBlobStore } from '@openledger/blob-store';
import { seededRandom } from '@openledger/transformer';
import { quantiseQuery } from '../src/domain/vectors/quantise.js';
import { ScanThreads } from '../src/outbound/engine/vectors/scan-threads.js';
import { StreamedIndex } from '../src/outbound/engine/vectors/streamed-index.js';
import { VectorIndex } from '../src/outbound/engine/vectors/vector-index.js';

const K = 64;
const ROWS = 10_000;
const GROUPS = 5_000;

function* rows(count: number) {
  const random = seededRandom(7);
  for (let record = 0; record < count; record++) {
    const vector = Float32Array.from({ length: K }, () => random() - 0.5);
    yield { vector, record, cluster: record % GROUPS };
  }
}

const query = (seed: number) => {
  const random = seededRandom(seed);
  return quantiseQuery(Float32Array.from({ length: K }, () => random() - 0.5));
};

describe('ScanThreads', () => {
  const [one, three] = [new ScanThreads(1), new ScanThreads(3)];
  const alone = VectorIndex.build(K, rows(ROWS), one);
  const shared = VectorIndex.build(K, rows(ROWS), three);

  afterAll(() => Promise.all([one.close(), three.close()]));

  it('says the same with any number of threads, one pass after the other', async () => {
    const queries = Array.from({ length: 4 }, (_, seed) => query(seed + 1));
    const groups = Uint32Array.from(alone.clusters);
    const everything = (index: VectorIndex) => {
      const sums = index.sums({ groups, count: GROUPS });
      // All asked at once: they must not write over one another.
      return Promise.all(
        queries.map((one) =>
          Promise.all([index.scan(one, { top: 50 }), index.scores(one), sums.scores(one)]),
        ),
      );
    };
    expect(await everything(shared)).toEqual(await everything(alone));
  });

  it('starts again after it was closed', async () => {
    const before = await shared.scan(query(1), { top: 3 });
    await three.close();
    expect(await shared.scan(query(1), { top: 3 })).toEqual(before);
  });

  it('scans from disk what it scans in memory', async () => {
    const blobs = await FolderBlobStore.open(await mkdtemp(join(tmpdir(), 'vectors-')));
    const index = VectorIndex.build(K, rows(ROWS), three, { blockRows: 4_000 });
    index.remove([
      5,
      12_000,
      29_999,
      ...(await index.scan(query(2), { top: 2 })).map(({ record }) => record),
    ]);
    const streamed = await StreamedIndex.open(blobs, await index.store(blobs), three);
    expect(await streamed.scan(query(2), { top: 40 })).toEqual(await index.scan(query(2), { top: 40 }));
  });
});
