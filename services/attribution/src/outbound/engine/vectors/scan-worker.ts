import { enterThread } from '@openledger/worker-thread';
import { runShare, type ScanTask } from './scan-task.js';

const { port, data: thread } = enterThread<number>();
port.on('message', (task: ScanTask) => port.postMessage(runShare(task, thread)));
