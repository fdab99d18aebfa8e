import { readOptions } from './options.js';

const code = (value: string) => expect.objectContaining({ code: value }) as Error;

describe('readOptions', () => {
  it('has defaults that suit the first start', () => {
    expect(readOptions([], '/repo')).toMatchObject({
      dataDir: '/repo/.openledger',
      modelDir: '/repo/models/seedling',
      host: '127.0.0.1',
      httpPort: 8080,
      demo: true,
      once: false,
    });
  });

  it('reads what is given', () => {
    const options = readOptions(['--empty', '--data', '/elsewhere', '--port', '0'], '/repo');
    expect(options).toMatchObject({ demo: false, dataDir: '/elsewhere', httpPort: 0 });
  });

  it.each([['--port', 'http'], ['--port', '-1'], ['--port', '70000'], ['--colour'], ['more']])(
    'refuses %p %p',
    (...args) => {
      expect(() =>
        readOptions(
          args.filter((arg) => typeof arg === 'string'),
          '/repo',
        ),
      ).toThrow(code('OPTION_INVALID'));
    },
  );
});
