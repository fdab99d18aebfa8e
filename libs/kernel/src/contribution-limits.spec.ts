import { countCharacters } from './index.js';

describe('countCharacters', () => {
  it('counts code points', () => {
    expect(countCharacters('')).toBe(0);
    expect(countCharacters('a😀é')).toBe(3);
  });
});
