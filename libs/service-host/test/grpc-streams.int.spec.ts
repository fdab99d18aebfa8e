import { once } from 'node:events';
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  makeClientConstructor,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { DomainError } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { bidiStream, createLogger, fromStatus, type GrpcContext, serverStream } from '../src/index.js';

const DRAIN_TIMEOUT_MS = 200;
const CHUNK_BYTES = 65_536;
const method = { requestSerialize: Buffer.from, requestDeserialize: Buffer.from };
const both = { ...method, responseSerialize: Buffer.from, responseDeserialize: Buffer.from };
const definition = {
  pour: { path: '/Test/Pour', requestStream: false, responseStream: true, ...both },
  echo: { path: '/Test/Echo', requestStream: true, responseStream: true, ...both },
} satisfies ServiceDefinition;

interface TestClient {
  close(): void;
  pour(request: Buffer): ClientReadableStream<Buffer>;
  echo(): ClientDuplexStream<Buffer, Buffer>;
}

const refusal = new DomainError('conflict', 'REFUSED', 'Not this one.', {
  details: { retryAfterSeconds: 3 },
});

describe('streams over gRPC', () => {
  const server = new Server();
  let client: TestClient;
  let poured = 0;
  const ended: string[] = [];

  beforeAll(async () => {
    const log = createLogger('test', 'silent');
    const context: GrpcContext = { log, drainTimeoutMs: DRAIN_TIMEOUT_MS };
    server.addService(definition, {
      pour: serverStream(context, async function* () {
        try {
          for (;;) {
            poured += 1;
            yield Buffer.alloc(CHUNK_BYTES);
          }
        } finally {
          ended.push('pour');
        }
      }),
      echo: bidiStream(context, async function* (requests: AsyncIterable<Buffer>) {
        try {
          for await (const request of requests) {
            const text = request.toString();
            if (text === 'zero') throw Object.assign(new Error('invalid byte sequence'), { code: '22021' });
            if (text === 'refuse') throw refusal;
            for (const character of text) yield Buffer.from(character);
          }
        } finally {
          ended.push('echo');
        }
      }),
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    const Client = makeClientConstructor(definition, 'Test');
    client = new Client(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as TestClient;
  });
  afterAll(() => {
    client.close();
    server.forceShutdown();
  });
  beforeEach(() => {
    ended.length = 0;
  });

  it('let a reader go who stops reading', async () => {
    const call = client.pour(Buffer.alloc(0));
    const failed = once(call, 'error');
    await once(call, 'data');
    call.pause();
    await eventually(() => expect(ended).toEqual(['pour']));
    // What the two ends buffer, and no more.
    expect(poured * CHUNK_BYTES).toBeLessThan(8 * 2 ** 20);
    call.resume();
    const [error] = await failed;
    expect(error).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringMatching(/^READER_TOO_SLOW: /),
    });
  });

  it('answer requests of a stream one after another, to the end', async () => {
    const call = client.echo();
    call.write(Buffer.from('ab'));
    call.write(Buffer.from('cd'));
    call.end();
    let text = '';
    for await (const response of call) text += String(response);
    expect(text).toBe('abcd');
    expect(ended).toEqual(['echo']);
  });

  it('refuse text that the database cannot hold, as REST does', async () => {
    const call = client.echo();
    call.write(Buffer.from('zero'));
    const [error] = await once(call, 'error');
    expect(error).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'REQUEST_INVALID: Text must not hold the character U+0000.',
    });
  });

  it('end with a status, and when the caller leaves between requests', async () => {
    const refused = client.echo();
    refused.write(Buffer.from('refuse'));
    const [error] = await once(refused, 'error');
    expect(error).toMatchObject({ code: status.ABORTED, details: 'REFUSED: Not this one.' });
    const { kind, code, details } = fromStatus(error, createLogger('test', 'silent'));
    expect({ kind, code, details }).toEqual({
      kind: 'conflict',
      code: 'REFUSED',
      details: { retryAfterSeconds: 3 },
    });
    const left = client.echo();
    left.on('error', () => undefined);
    left.write(Buffer.from('a'));
    await once(left, 'data');
    left.cancel();
    await eventually(() => expect(ended).toEqual(['echo', 'echo']));
  });
});
