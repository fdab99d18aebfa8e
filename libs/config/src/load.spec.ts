import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { count, loadConfig, wei } from './index.js';

const schema = z.object({ BATCH_MAX: count.default(10), PRICE_WEI: wei, TOKEN: z.string() });

describe('loadConfig', () => {
  it('fills defaults and converts', () => {
    const config = loadConfig(schema, { PRICE_WEI: '1000000000000000000', TOKEN: 't', BATCH_MAX: '' });
    expect(config).toEqual({ BATCH_MAX: 10, PRICE_WEI: 10n ** 18n, TOKEN: 't' });
  });

  it('reads a secret from a file', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'config-')), 'token');
    writeFileSync(file, 'secret\n');
    expect(loadConfig(schema, { PRICE_WEI: '0', TOKEN_FILE: file }).TOKEN).toBe('secret');
  });

  it('does not touch variables that are not its own', () => {
    const config = loadConfig(schema, { PRICE_WEI: '0', TOKEN: 't', OTHER_FILE: '/nowhere' });
    expect(config).not.toHaveProperty('OTHER');
  });

  it('lists every problem at once', () => {
    const load = () => loadConfig(schema, { PRICE_WEI: '-1', BATCH_MAX: 'many' });
    for (const name of ['PRICE_WEI', 'BATCH_MAX', 'TOKEN']) expect(load).toThrow(name);
  });
});
