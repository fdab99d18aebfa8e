import { parentPort, workerData } from 'node:worker_threads';
import { MerkleHeap } from './merkle-heap.js';

/** Takes the blocks of all leaves as its data, answers with the parts of their heap, and ends. */
const parts = MerkleHeap.of(workerData as Uint8Array).parts();
parentPort?.postMessage(parts, [parts.bytes.buffer, parts.nodeOf.buffer]);
