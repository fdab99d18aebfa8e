import { documents, readOwnSources } from './corpus.js';
import { parseVerb, plural, tidy } from './inflect.js';
import { Random } from './random.js';
import { Scene } from './scene.js';

const sources = readOwnSources();
const sample = [...documents(sources, 'train', 400)];

describe('the text of the small model', () => {
  it('is the same every time', () => {
    expect([...documents(sources, 'train', 50)]).toEqual(sample.slice(0, 50));
  });

  it('hardly ever repeats a document, and never shares one with the held-out part', () => {
    const long = sample.filter((text) => text.length > 200);
    expect(new Set(long).size).toBe(long.length);
    const train = new Set(long);
    const heldOut = [...documents(sources, 'held-out', 400)].filter((text) => text.length > 200);
    expect(heldOut.filter((text) => train.has(text))).toEqual([]);
  });

  it('leaves no template marks and begins sentences with capitals', () => {
    for (const text of sample) {
      expect(text.replaceAll(/<\|\w+\|>/g, '')).not.toMatch(/[<>{}|#@]|\bundefined\b| {2}/);
      expect(text).not.toMatch(/[a-z]\. [a-z]/);
    }
  });

  it('writes every turn of a chat as the chat template does', () => {
    const chats = sample.filter((text) => text.startsWith('<|'));
    expect(chats.length).toBeGreaterThan(50);
    for (const chat of chats) {
      expect(`${chat}\n`).toMatch(
        /^(?:<\|system\|>\n[^<]+<\|end\|>\n)?(?:<\|user\|>\n[^<]+<\|end\|>\n<\|assistant\|>\n[^<]+<\|end\|>\n)+$/,
      );
    }
  });

  it('can fill every line of every form', () => {
    for (const { name, sections } of sources.forms.values()) {
      for (const line of [...sections].flatMap(([section, lines]) => (section === 'outline' ? [] : lines))) {
        const scene = new Scene(new Random(1), sources, sources.topics[0] ?? fail(name));
        expect(() => scene.expand(line)).not.toThrow();
      }
    }
  });
});

function fail(name: string): never {
  throw new Error(`no topic for ${name}`);
}

describe('word forms', () => {
  it('inflects heads of noun phrases and whole verb phrases', () => {
    expect(['box', 'berry', 'cup of tea', 'oak tree', 'knife'].map(plural)).toEqual([
      'boxes',
      'berries',
      'cups of tea',
      'oak trees',
      'knives',
    ]);
    expect(parseVerb('carry/carried/carrying the cello up')).toEqual({
      base: 'carry the cello up',
      past: 'carried the cello up',
      ing: 'carrying the cello up',
      s: 'carries the cello up',
    });
  });

  it('repairs articles, spaces and capitals', () => {
    expect(tidy('a owl saw  a useful hour in a hour . it flew')).toBe(
      'An owl saw a useful hour in an hour. It flew',
    );
  });
});
