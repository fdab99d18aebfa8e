export { eventually } from './eventually.js';
export { KnownCallers } from './known-callers.js';
export { testDatabase } from './postgres.js';
export { publish } from './publish.js';
