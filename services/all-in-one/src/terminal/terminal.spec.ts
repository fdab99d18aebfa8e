import { Writable } from 'node:stream';
import { bold, createTerminal } from './steps.js';
import { table } from './table.js';

function sink(isTTY: boolean) {
  let text = '';
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { out: Object.assign(out, { isTTY, columns: 80 }), text: () => text };
}

describe('a terminal', () => {
  it('writes one plain line for a step where the output is a file', async () => {
    const { out, text } = sink(false);
    const result = await createTerminal(out).step('Training', async (step) => {
      step.progress(0.5, 'half');
      return 7;
    });
    expect(result).toBe(7);
    expect(text()).toMatch(/^ {2}✓ Training {2}half {2}\d+\.\d s\n$/);
  });

  it('marks a step that failed and passes the failure on', async () => {
    const { out, text } = sink(false);
    const step = createTerminal(out).step('Training', () => Promise.reject(new Error('no data')));
    await expect(step).rejects.toThrow('no data');
    expect(text()).toContain('✗ Training');
  });

  it('uses styles only on a terminal', () => {
    const [file, screen] = [sink(false), sink(true)];
    createTerminal(file.out).line(bold('x'));
    createTerminal(screen.out).line(bold('x'));
    expect(file.text()).toBe('x\n');
    expect(screen.text()).toBe('\u001b[1mx\u001b[0m\n');
  });
});

describe('table', () => {
  it('aligns text to the left and numbers to the right', () => {
    expect(
      table(
        ['who', 'wei'],
        [
          ['Ada', '10'],
          ['Bo', '5'],
        ],
        [1],
      ),
    ).toEqual(['  who  wei', '  ───  ───', '  Ada   10', '  Bo     5']);
  });
});
