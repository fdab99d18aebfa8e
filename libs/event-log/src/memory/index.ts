export { MemoryEventLog } from './memory-event-log.js';
export { MemoryParkingLot } from './memory-parking-lot.js';
