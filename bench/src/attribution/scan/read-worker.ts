import { enterThread } from '@openledger/worker-thread';
import { type ReadTask, readShare } from './read-share.js';

const { port, data: task } = enterThread<ReadTask>();
port.on('message', () => port.postMessage(readShare(task)));
port.postMessage('ready');
