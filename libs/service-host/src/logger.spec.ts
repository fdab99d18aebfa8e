import { createLogger } from './logger.js';

/** What a logger prints for one call. */
function printed(log: (logger: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = [];
  log(createLogger('thing', 'info', { write: (line: string) => void lines.push(line) }));
  return lines.join('');
}

describe('createLogger', () => {
  it('prints the service, the message and the error', () => {
    const line = printed((log) => log.warn({ err: new Error('disk full') }, 'a pass failed'));
    expect(JSON.parse(line)).toMatchObject({
      service: 'thing',
      msg: 'a pass failed',
      err: { type: 'Error', message: 'disk full', stack: expect.stringContaining('logger.spec') },
    });
  });

  it.each([
    'https://chain.example/v3/hunter2',
    'https://chain.example/?key=hunter2',
    'postgres://user:hunter2@db:5432/x',
  ])('keeps the key of an endpoint out of errors: %s', (url) => {
    const error = Object.assign(new Error(`server error (info={ "requestUrl": "${url}" })`), {
      info: { requestUrl: url },
      request: { url },
      code: 'SERVER_ERROR',
    });
    const line = printed((log) => log.error({ err: error }, 'call failed'));
    expect(line).not.toContain('hunter2');
    expect(line).toContain(new URL(url).host);
    expect(line).toContain('SERVER_ERROR');
  });

  it('keeps credentials out of what is logged beside', () => {
    const line = printed((log) =>
      log.info({ token: 'hunter2', headers: { authorization: 'hunter2' } }, 'asked'),
    );
    expect(line).not.toContain('hunter2');
  });
});
