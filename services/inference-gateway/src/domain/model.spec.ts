import { parseModelReference } from './model.js';

describe('parseModelReference', () => {
  it('takes a name as it is, whatever it contains', () => {
    for (const name of ['cardiology', 'acme/cardiology', 'a@b', 'mail@example.org', 'x@1234567']) {
      expect(parseModelReference(name)).toEqual({ name, digestPrefix: '' });
    }
  });

  it('splits a pin from the name', () => {
    expect(parseModelReference('cardiology@0123abcd')).toEqual({
      name: 'cardiology',
      digestPrefix: '0123abcd',
    });
    expect(parseModelReference('a@b@0123abcdef').name).toBe('a@b');
  });
});
