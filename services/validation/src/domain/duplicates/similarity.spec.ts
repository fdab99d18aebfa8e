import { wordsOf } from '../text/words.js';
import { anchorKeys, featuresOf, weigh } from './features.js';
import { compare, isNearDuplicate } from './similarity.js';
import { TermStatistics } from './term-statistics.js';

const TEMPLATE = `What are the signs and symptoms of NAME? The catalogue provides the following list of signs for NAME.
If the information is available, the table below says how often the symptom is seen in people with this condition. You can
use the dictionary to look up the definitions of these medical terms. The list was made from the literature. `;
const page = (name: string, findings: string) => TEMPLATE.replaceAll('NAME', name) + findings;

const learnt = (texts: readonly string[]): TermStatistics => {
  const statistics = TermStatistics.empty();
  for (const text of texts) statistics.add(featuresOf(wordsOf(text)).words);
  return statistics;
};
const judge = (newer: string, earlier: string, statistics: TermStatistics): boolean =>
  isNearDuplicate(
    compare(weigh(featuresOf(wordsOf(newer)), statistics), weigh(featuresOf(wordsOf(earlier)), statistics)),
  );

describe('near duplicates', () => {
  const names = Array.from({ length: 60 }, (_, i) => `Quill${i}ia`);
  const pages = names.map((name, i) =>
    page(name, `Finding${i} of the organ${i}, with marker${i} and rash${i}.`),
  );
  const statistics = learnt(pages);

  it('lets texts pass that share only a template', () => {
    expect(judge(pages[3] ?? '', pages[4] ?? '', statistics)).toBe(false);
  });

  it('lets a page pass that says more than one that is little but template', () => {
    const bare = page('Asthma', 'Asthma.');
    expect(
      judge(page('Erythroderma', 'Thickened skin, hair loss and fever.'), bare, learnt([...pages, bare])),
    ).toBe(false);
  });

  it('finds the same page with its sentences moved and some words changed', () => {
    const [head = '', ...sentences] = (pages[3] ?? '').split('. ');
    const moved = [...sentences, head].join('. ').replace('often', 'frequently').replace('seen', 'observed');
    expect(judge(moved, pages[3] ?? '', statistics)).toBe(true);
  });

  it('keeps a short text apart from a long one that holds it', () => {
    const short = 'Copper kettles were hammered from one sheet by travelling tinkers.';
    const long = `${short} ${'Iron pots were cast in sand by founders who owned a furnace and paid a tax on every tonne. '.repeat(3)}
      Pewter plates melted near a fire, silver blackened in the smoke of coal, and brass needed polish made of brick dust and oil.
      Later came enamel from Austria, which chipped, then aluminium, which reacted with rhubarb and apples.`;
    expect(judge(long, short, learnt([short, long]))).toBe(false);
  });

  it('keeps questions of one form apart', () => {
    const ask = (country: string, city: string) =>
      `What is the capital of ${country}?\n${city} is the capital of ${country}.`;
    const texts = [ask('France', 'Paris'), ask('Spain', 'Madrid')];
    expect(judge(texts[1] ?? '', texts[0] ?? '', learnt(texts))).toBe(false);
  });

  it('samples the same anchors wherever a clause stands', () => {
    const clauses = [
      'a heron waits in the shallow reeds',
      'the miller opened his rusty sluice',
      'frogs fell silent at dusk',
    ];
    const there = featuresOf(wordsOf(clauses.join(', ')));
    const back = featuresOf(wordsOf(clauses.toReversed().join('; ')));
    const found = new Set(anchorKeys(there, statistics));
    expect(anchorKeys(back, statistics).filter((key) => found.has(key)).length).toBeGreaterThanOrEqual(8);
  });
});

describe('term statistics', () => {
  it('are the same after they were stored', () => {
    const before = learnt(['one fish', 'two fish']);
    const after = TermStatistics.fromBytes(before.toBytes(), before.textCount);
    for (const hash of featuresOf(wordsOf('one two fish whale')).words) {
      expect(after.weight(hash, false)).toBe(before.weight(hash, false));
    }
  });
});
