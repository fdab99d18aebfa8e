export { deployedModel } from './deployed-model.js';
export { eventually } from './eventually.js';
export { KnownCallers } from './known-callers.js';
export { testDatabase } from './postgres.js';
export { publish } from './publish.js';
