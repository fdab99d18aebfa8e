import { auditGroups, auditQueries, recordsByOwner } from './groups.js';

const owners = ['a', 'b', 'a', 'a', 'c', 'a', 'b'];
const random = () => 0.25;

describe('auditGroups', () => {
  it('takes every contributor whole, then halves of those with several records', () => {
    const groups = auditGroups(owners, 5, random);
    expect(groups).toHaveLength(5);
    expect(groups.slice(0, 3)).toEqual([[0, 2, 3, 5], [1, 6], [4]]);
    expect(groups.slice(3).map(({ length }) => length)).toEqual([2, 1]);
    expect(groups[3]?.every((record) => owners[record] === 'a')).toBe(true);
  });

  it('is bounded, and ends where nothing can be halved', () => {
    expect(auditGroups(owners, 2, random)).toHaveLength(2);
    expect(auditGroups(['a', 'b'], 8, random)).toEqual([[0], [1]]);
  });
});

describe('auditQueries', () => {
  it('asks about every contributor in turn', () => {
    const queries = auditQueries(owners, 4, random);
    expect(queries.slice(0, 3).map((record) => owners[record])).toEqual(['a', 'b', 'c']);
    expect(queries).toHaveLength(4);
    expect(new Set(auditQueries(owners, 100, random)).size).toBe(owners.length);
  });
});

describe('recordsByOwner', () => {
  it('keeps records in order, and owners in order of appearance', () => {
    expect([...recordsByOwner(owners)]).toEqual([
      ['a', [0, 2, 3, 5]],
      ['b', [1, 6]],
      ['c', [4]],
    ]);
  });
});
