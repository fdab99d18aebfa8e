export * from './generated/index.js';
export { fromPrice, toPrice, type WirePrice } from './price.js';
export { required } from './required.js';
export { decodeEvent, type EncodedEvent, encodeEvent, type JsonCodec, type Topic, topics } from './topics.js';
export { toWei } from './wei.js';
