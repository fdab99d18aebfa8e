export { eventLogContract } from './contract.js';
export { type EventLogHarness, eventOf, eventsOf, Gate, Seen, textOf } from './harness.js';
