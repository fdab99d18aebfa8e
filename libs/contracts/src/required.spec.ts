import { required } from './index.js';

describe('required', () => {
  it.each([undefined, ''])('refuses %p, naming the field', (value) => {
    expect(() => required(value, 'requestId')).toThrow(
      expect.objectContaining({ code: 'EVENT_INCOMPLETE', message: expect.stringContaining('requestId') }),
    );
  });

  it('hands over what is there, zero and false included', () => {
    expect(required('r', 'requestId')).toBe('r');
    expect(required(0, 'count')).toBe(0);
    expect(required(false, 'deployable')).toBe(false);
  });
});
