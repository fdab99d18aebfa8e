import { startAnvil } from '../src/index.js';

/** A process that starts a chain, mines three blocks and waits to be killed. */
const [statePath] = process.argv.slice(2);
if (statePath === undefined) throw new Error('usage: anvil-parent STATE_PATH');
const chain = await startAnvil({ statePath });
for (let mined = 0; mined < 3; mined += 1) await chain.provider.send('evm_mine', []);
process.send?.(chain.pid);
