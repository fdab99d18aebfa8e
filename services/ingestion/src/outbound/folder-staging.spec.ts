import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderStaging } from './folder-staging.js';

const form = { format: 'jsonl', gzip: false } as const;

async function* chunksOf(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

const staging = async (uploadsMax: number) => {
  const dir = await mkdtemp(join(tmpdir(), 'staging-'));
  return {
    dir,
    staged: await FolderStaging.open(dir, { uploadBytesMax: 100, lineBytesMax: 50, uploadsMax }, 0),
  };
};

describe('FolderStaging', () => {
  it('hands over what was sent, and keeps nothing', async () => {
    const { dir, staged } = await staging(1);
    const text = await staged.hold(chunksOf('{"a":', '1}\n'), form, ({ path }) => readFile(path, 'utf8'));
    expect(text).toBe('{"a":1}\n');
    expect(await readdir(dir)).toEqual([]);
  });

  it('holds no more uploads at once than it may, and takes the next when one has ended', async () => {
    const { dir, staged } = await staging(2);
    let end: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const held = [1, 2].map(() => staged.hold(chunksOf('x'), form, () => ended));
    const busy = expect.objectContaining({ kind: 'exhausted', code: 'UPLOADS_BUSY' });
    await expect(staged.hold(chunksOf('x'), form, () => ended)).rejects.toEqual(busy);
    end?.();
    await Promise.all(held);
    expect(await staged.hold(chunksOf('x'), form, async () => 'taken')).toBe('taken');
    expect(await readdir(dir)).toEqual([]);
  });

  it('frees the place of an upload that is refused', async () => {
    const { staged } = await staging(1);
    const tooLong = expect.objectContaining({ code: 'LINE_TOO_LONG' });
    await expect(staged.hold(chunksOf('x'.repeat(51)), form, async () => 'taken')).rejects.toEqual(tooLong);
    expect(await staged.hold(chunksOf('x'), form, async () => 'taken')).toBe('taken');
  });
});
