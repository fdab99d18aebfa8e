import { request } from 'node:http';

/** Posts a streamed completion and calls `onText` with each piece of text as it comes. */
export function streamCompletion(port: number, body: object, onText: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        port,
        host: '127.0.0.1',
        path: '/v1/completions',
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer olk_bench' },
      },
      (response) => {
        let held = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          held += chunk;
          const events = held.split('\n\n');
          held = events.pop() ?? '';
          for (const event of events) hear(event, onText, reject);
        });
        response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(held))));
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(JSON.stringify(body));
  });
}

function hear(event: string, onText: (text: string) => void, reject: (error: Error) => void): void {
  const data = event.slice('data: '.length);
  if (data === '[DONE]') return;
  const chunk = JSON.parse(data) as { choices?: { text: string }[]; error?: { message: string } };
  if (chunk.error) reject(new Error(chunk.error.message));
  else if (chunk.choices?.[0]?.text) onText(chunk.choices[0].text);
}
