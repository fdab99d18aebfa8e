import { AnswerText, type TokenDecoder } from './answer-text.js';

/** One token a character; the last one is known for certain only when the next has come. */
class LateDecoder implements TokenDecoder {
  private last = '';

  push(token: number): string {
    const certain = this.last;
    this.last = String.fromCodePoint(token);
    return certain;
  }

  flush(): string {
    const certain = this.last;
    this.last = '';
    return certain;
  }
}

const prompt: TokenDecoder = { push: (token) => String.fromCodePoint(token), flush: () => '' };

function stream(text: string, stop: string[], decoder: TokenDecoder = prompt) {
  const answer = new AnswerText(decoder, stop);
  const parts: string[] = [];
  for (const character of text) {
    const step = answer.push(character.codePointAt(0) ?? 0);
    parts.push(step.text);
    if (step.stopped) return { parts, text: parts.join(''), stopped: true };
  }
  const last = answer.finish();
  parts.push(last.text);
  return { parts, text: parts.join(''), stopped: last.stopped };
}

describe('AnswerText', () => {
  it('ends at the first stop string and tells nothing of it', () => {
    expect(stream('one STOP two', ['STOP'])).toMatchObject({ text: 'one ', stopped: true });
    expect(stream('ab\n\ncd', ['cd', '\n\n'])).toMatchObject({ text: 'ab', stopped: true });
  });

  it('holds back only what may become a stop string, and gives it up when it does not', () => {
    expect(stream('aSTa', ['STOP'])).toEqual({
      parts: ['a', '', '', 'STa', ''],
      text: 'aSTa',
      stopped: false,
    });
    expect(stream('xSTO', ['STOP'])).toMatchObject({ text: 'xSTO', stopped: false });
    expect(stream('aaab', ['aab'])).toMatchObject({ text: 'a', stopped: true });
  });

  it('finds a stop string that only the end completes', () => {
    expect(stream('one END', ['END'], new LateDecoder())).toMatchObject({ text: 'one ', stopped: true });
    expect(stream('one EN', ['END'], new LateDecoder())).toMatchObject({ text: 'one EN', stopped: false });
  });
});
