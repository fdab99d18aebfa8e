import { IncrementalDecoder } from '@openledger/transformer';
import { answerSpans, type CompletionModel, completionSpans, withoutRecords } from './answer-spans.js';

/** Every byte is a token, and 256 ends a record. */
const END = 256;
const decode = (tokens: ArrayLike<number>) =>
  Buffer.from(Array.from(tokens).filter((token) => token !== END)).toString('utf8');
const bytesOf = (text: string) => [...Buffer.from(text)];

function modelOf(
  completions: readonly (readonly [contributorId: string, completion: string])[],
): CompletionModel {
  return {
    records: completions.map(([contributorId, completion], i) => ({
      recordId: `r${i}`,
      contributionId: `c${i}`,
      contributorId,
      tokens: 1,
      quality: 1,
      prompt: 'Who?',
      completion,
    })),
    base: {
      tokenizer: { decode, incrementalDecoder: () => new IncrementalDecoder(decode) },
      generation: { eosTokenIds: [END] },
    },
    tokensOf: ({ prompt, completion }) => ({
      tokens: [...bytesOf(prompt), ...bytesOf(completion), END],
      completionStart: bytesOf(prompt).length,
    }),
  };
}

const filler = 'zq xj kv wp bf '.repeat(40);

function explained(model: CompletionModel, answer: string, spans = completionSpans(model)) {
  const tokens = bytesOf(answer);
  const gains = tokens.map(() => 1);
  return answerSpans({ model, spans }, tokens, gains, (contributorId) => `party of ${contributorId}`);
}

describe('answerSpans', () => {
  it('gives positions in code points, of whole characters and words', () => {
    const model = modelOf([
      ['ada', 'And the 👩‍🚀 keeper Zoë sailed 東京湾 at dawn'],
      ['bob', filler],
    ]);
    const answer = '🎉 Then the 👩‍🚀 keeper Zoë sailed 東京湾 again';
    const { text, spans, nats } = explained(model, answer);
    expect(text).toBe(answer);
    expect(spans).toHaveLength(1);
    const [span] = spans;
    expect(span).toMatchObject({
      text: ' the 👩‍🚀 keeper Zoë sailed 東京湾',
      records: [{ recordId: 'r0', contributorId: 'ada' }],
      standing: 'owned',
    });
    expect(Array.from(answer).slice(span?.start, span?.end).join('')).toBe(span?.text);
    expect([...nats]).toEqual([['party of ada', bytesOf(span?.text ?? '').length]]);
  });

  it('shows what reads alike beside what is the same, and pays for the same alone', () => {
    const model = modelOf([
      ['ada', 'Harbour masters sleep until noon'],
      ['bob', filler],
    ]);
    const { spans, nats } = explained(model, 'All harbour MASTERS sleep until noon');
    expect(spans.map(({ text, standing }) => [text, standing])).toEqual([
      [' sleep until noon', 'owned'],
      ['harbour MASTERS sleep until noon', 'alike'],
    ]);
    expect(nats.get('party of ada')).toBe(' sleep until noon'.length);
  });

  it('knows nothing of records that were withdrawn, and pays who registered a text first', () => {
    const saying = 'nobody paints a lighthouse twice';
    const model = modelOf([
      ['ada', saying],
      ['bob', filler],
      ['eve', saying],
    ]);
    const spans = completionSpans(model);
    const paid = (without: readonly number[]) => [
      ...explained(model, saying, withoutRecords(spans, without)).nats.keys(),
    ];
    expect(paid([])).toEqual(['party of ada']);
    expect(paid([0])).toEqual(['party of eve']);
    expect(paid([0, 2])).toEqual([]);
    const later = completionSpans(model, [30, 20, 10]);
    expect([...explained(model, saying, later).nats.keys()]).toEqual(['party of eve']);
  });

  it('finds nothing in an empty answer or an answer of nobody’s words', () => {
    const model = modelOf([['ada', 'Harbour masters sleep until noon']]);
    expect(explained(model, '')).toEqual({ text: '', spans: [], nats: new Map() });
    expect(explained(model, '1234 5678 90').spans).toEqual([]);
  });
});
