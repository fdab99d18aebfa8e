import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../../scripts/compile.mjs', import.meta.url));

describe('the checked-in artifacts', () => {
  it('are what the pinned compiler makes of the sources', async () => {
    // Exits with 1, and names the file, when one differs.
    await promisify(execFile)(process.execPath, [script, '--check']);
  }, 120_000);
});
