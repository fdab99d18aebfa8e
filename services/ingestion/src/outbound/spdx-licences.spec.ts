import { SpdxLicences } from './spdx-licences.js';

describe('SpdxLicences', () => {
  const licences = new SpdxLicences();

  it.each(['CC-BY-4.0', 'CC0-1.0', 'CC-BY-SA-4.0', 'Apache-2.0', 'MIT', 'MIT OR Apache-2.0'])(
    'knows %s',
    (expression) => {
      expect(licences.parse(expression)).toBeDefined();
    },
  );

  it('reads an expression', () => {
    expect(licences.parse('MIT AND (CC0-1.0 OR Apache-2.0)')).toEqual({
      all: [{ licence: 'MIT' }, { any: [{ licence: 'CC0-1.0' }, { licence: 'Apache-2.0' }] }],
    });
  });

  it.each(['', 'cc by', 'My-Licence', 'LicenseRef-mine', 'MIT AND', 'MIT OR '.repeat(50)])(
    'refuses %j',
    (expression) => {
      expect(() => licences.parse(expression)).toThrow(expect.objectContaining({ code: 'LICENCE_UNKNOWN' }));
    },
  );
});
