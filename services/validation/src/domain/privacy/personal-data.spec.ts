import fc from 'fast-check';
import { passesIban, passesLuhn } from './checksums.js';
import { personalDataIn } from './personal-data.js';

describe('personalDataIn', () => {
  it.each([
    ['Write to jane.roe+x@mail.uni-kiel.de tomorrow', 'EMAIL'],
    ['call me on +46 (0)8 928 571 38', 'PHONE'],
    ['(415) 272-7975 after six', 'PHONE'],
    ['0472 69 94 53', 'PHONE'],
    ['paid with 4111 1111 1111 1111', 'PAYMENT_CARD'],
    ['amex 378282246310005.', 'PAYMENT_CARD'],
    ['to GB82 WEST 1234 5698 7654 32 please', 'IBAN'],
    ['SSN 078-05-1120', 'SOCIAL_SECURITY_NUMBER'],
    ['from 84.17.33.9 last night', 'IP_ADDRESS'],
    ['host 2a02:8108:8c0:3b5c:1d2e:f5ff:fe1a:77aa', 'IP_ADDRESS'],
    ['-----BEGIN RSA PRIVATE KEY-----', 'SECRET'],
  ])('finds it in %p', (text, kind) => {
    expect(personalDataIn(text)).toEqual([kind]);
  });

  it.each([
    'write to info@hospital.org or someone@example.com',
    'call 1-800-422-6237 free of charge',
    'ranges 10.0.0.1, 192.168.1.7 and 127.0.0.1',
    'a card that fails its check: 4111 1111 1111 1112',
    'an account that fails its check: GB83 WEST 1234 5698 7654 32',
    'SSN 000-12-3456 was never given',
    'in 1914-1918, pages 123-145, 3.14159265, 12:30:45, 2026-11-20',
    'ISBN 978-3-16-148410-0 and PMID 12345678',
    'std::vector<int> a::b',
    'version 1.2.3 of 4000000 rows',
  ])('lets pass %p', (text) => {
    expect(personalDataIn(text)).toEqual([]);
  });

  it('takes linear time on what makes backtracking explode', () => {
    for (const unit of ['a.', '1 ', 'a@', '1:', 'ab12', '(1', '@-.']) {
      const begun = performance.now();
      personalDataIn(unit.repeat(50_000));
      expect(performance.now() - begun).toBeLessThan(3_000);
    }
  });
});

describe('check digits', () => {
  it('catch any one wrong digit', () => {
    const number = fc.array(fc.nat(9), { minLength: 13, maxLength: 19 });
    fc.assert(
      fc.property(number, fc.nat(18), fc.integer({ min: 1, max: 9 }), (digits, at, by) => {
        const valid = Array.from({ length: 10 }, (_, check) => [...digits, check].join('')).filter(
          passesLuhn,
        );
        expect(valid).toHaveLength(1);
        const wrong = [...(valid[0] ?? '')].map((digit, i) =>
          i === at % digits.length ? String((Number(digit) + by) % 10) : digit,
        );
        expect(passesLuhn(wrong.join(''))).toBe(false);
      }),
    );
  });

  it('know real account numbers', () => {
    expect(passesIban('DE89370400440532013000')).toBe(true);
    expect(passesIban('DE89370400440532013001')).toBe(false);
    expect(passesIban('DE')).toBe(false);
  });
});
