import { enterThread } from '../src/index.js';

/** Says as many things as it is told to at once; at `close` it has nothing left to do. */
const { port, data } = enterThread<{ readonly words: number }>();
port.on('message', () => port.close());
for (let word = 0; word < data.words; word++) port.postMessage(word);
