import { publicEndpoint } from './public-endpoint.js';

describe('publicEndpoint', () => {
  it('is the configured one', () => {
    expect(publicEndpoint('https://chain.example/v3/key', 'https://chain.example')).toBe(
      'https://chain.example',
    );
  });

  it.each(['http://127.0.0.1:8545', 'http://anvil:8545/'])('is our own where it holds no key: %s', (own) => {
    expect(publicEndpoint(own, undefined)).toBe(own);
  });

  it.each([
    'https://chain.example/v3/key',
    'https://chain.example/?key=key',
    'https://key@chain.example',
    'https://user:key@chain.example/',
  ])('never tells a key: %s', (own) => {
    expect(publicEndpoint(own, undefined)).toBeUndefined();
  });
});
