export { SettlementConfig } from './config.js';
export { settlement } from './settlement.js';
