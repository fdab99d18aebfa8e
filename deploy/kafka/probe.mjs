import { createConnection, createServer } from 'node:net';

const METADATA = { apiKey: 3, version: 1 };
const ANSWER_TIMEOUT_MS = 2_000;

/** A Metadata v1 request for no topics: what every client sends first. */
function metadataRequest() {
  const request = Buffer.alloc(18);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(METADATA.apiKey, 4);
  request.writeInt16BE(METADATA.version, 6);
  request.writeInt32BE(1, 8); // correlation id
  request.writeInt16BE(-1, 12); // no client id
  request.writeInt32BE(0, 14); // no topics
  return request;
}

/**
 * How many unfenced brokers the broker at this port knows of; 0 while it does not answer.
 * An open port is not enough: a KRaft broker listens before the controller has admitted it.
 */
export function brokersKnownAt(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    let answer = Buffer.alloc(0);
    const finish = (count) => {
      socket.destroy();
      resolve(count);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => finish(0));
    socket.on('error', () => finish(0));
    socket.on('close', () => finish(0));
    socket.on('connect', () => socket.write(metadataRequest()));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= 12) finish(answer.readInt32BE(8)); // length, correlation id, count
    });
  });
}

/** A port nobody listens on at this moment. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
