import { invariant } from '@openledger/kernel';
import { z } from 'zod';
import type { Company } from './actors.js';

const Chunk = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().optional() }) })),
});

export interface Answer {
  readonly requestId: string;
  readonly text: string;
}

/** Asks by the OpenAI API and hands the text over as it streams in. */
export async function ask(
  company: Company,
  question: { readonly model: string; readonly text: string; readonly tokensMax: number },
  onText: (text: string) => void,
): Promise<Answer> {
  const response = await company.client.send('POST', '/v1/chat/completions', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: question.model,
      messages: [{ role: 'user', content: question.text }],
      max_tokens: question.tokensMax,
      temperature: 0,
      stream: true,
    }),
  });
  const requestId = response.headers.get('x-openledger-request-id');
  invariant(requestId !== null && response.body !== null, 'a streamed answer has an id and a body');
  let text = '';
  for await (const data of serverSentEvents(response.body)) {
    if (data === '[DONE]') break;
    const piece = Chunk.parse(JSON.parse(data)).choices[0]?.delta.content ?? '';
    text += piece;
    onText(piece);
  }
  return { requestId, text };
}

async function* serverSentEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let waiting = '';
  for await (const bytes of body) {
    waiting += decoder.decode(bytes, { stream: true });
    const events = waiting.split('\n\n');
    waiting = events.pop() ?? '';
    for (const event of events) if (event.startsWith('data: ')) yield event.slice('data: '.length);
  }
}
