export { eventually } from './eventually.js';
export { testDatabase } from './postgres.js';
