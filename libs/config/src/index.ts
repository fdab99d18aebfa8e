export { addresses, chainAddress, count, flag, milliseconds, port, wei } from './fields.js';
export { type Env, loadConfig } from './load.js';
