import { canonicalJson, derivedId, isId, merkleRoot, newId, sha256 } from './index.js';

describe('ids', () => {
  it('makes the same derived id from the same input, and another from another', () => {
    expect(derivedId('a', 'x')).toBe(derivedId('a', 'x'));
    expect(derivedId('a', 'x')).not.toBe(derivedId('a', 'y'));
    expect(derivedId('ab', 'c')).not.toBe(derivedId('a', 'bc'));
    expect(isId(derivedId('a', 'x'))).toBe(true);
  });

  it('makes new ids that sort by time', () => {
    expect(newId(1) < newId(2)).toBe(true);
    expect(isId(newId())).toBe(true);
  });
});

describe('canonicalJson', () => {
  it('sorts keys at every depth', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 'é' }], a: null })).toBe('{"a":null,"b":[{"c":"é","d":1}]}');
  });
});

describe('merkleRoot', () => {
  const leaf = (text: string) => sha256(text);

  it('depends on every leaf and on their order', () => {
    const root = merkleRoot([leaf('a'), leaf('b'), leaf('c')]);
    expect(merkleRoot([leaf('a'), leaf('c'), leaf('b')])).not.toBe(root);
    expect(merkleRoot([leaf('a'), leaf('b')])).not.toBe(root);
  });

  it('does not take an inner node for a leaf', () => {
    const inner = merkleRoot([leaf('a'), leaf('b')]);
    expect(merkleRoot([inner, leaf('c')])).not.toBe(merkleRoot([leaf('a'), leaf('b'), leaf('c')]));
  });
});
