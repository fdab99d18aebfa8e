import { credentials, Metadata } from '@grpc/grpc-js';
import { GenerateRequest, InferenceServiceClient } from '@openledger/contracts';
import { sha256 } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { GatewayFixture, KEY } from './gateway-fixture.js';
import { spell } from './worker-server.js';

interface Range {
  readonly recordId: string;
  readonly start: number;
  readonly end: number;
}
interface TokensBlob {
  readonly promptTokens: number[];
  readonly completionTokens: number[];
  readonly context?: readonly Range[];
}

const RECORD = sha256('a record');
const chunks = [{ record_id: RECORD, text: 'A stent is a tube.' }, { text: ' It is made of metal. ' }];
const FRAMED = ['Context:\nA stent is a tube.\n\n', 'Context:\nIt is made of metal.\n\n'];

describe('retrieved chunks', () => {
  let fixture: GatewayFixture;
  beforeAll(async () => {
    fixture = await GatewayFixture.start();
    await fixture.deploy('cardiology');
    await eventually(() => fixture.openai().models.retrieve('cardiology'));
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.script(spell('A tube.')));

  const messages = [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: 'What is a stent?' },
  ];
  const ask = (context: unknown, fields: object = {}) => {
    const body = { model: 'cardiology', messages, ...fields, context };
    return fixture.openai().chat.completions.create(body).withResponse();
  };
  const tokensOf = async (requestId: string): Promise<TokensBlob> => {
    const event = await eventually(() => {
      const found = fixture.served.find((served) => served.requestId === requestId);
      if (!found) throw new Error('not served yet');
      return found;
    });
    return JSON.parse(Buffer.from(await fixture.blobs.get(event.tokensBlob)).toString());
  };
  /** The tokenizer of this model is one token a byte. */
  const text = ({ promptTokens }: TokensBlob, { start, end }: Range) =>
    Buffer.from(promptTokens.slice(start, end)).toString();

  it('stand before the question, and the receipt says where', async () => {
    const { data, response } = await ask(chunks);
    const prompt = `system: Be brief.\nuser: ${FRAMED.join('')}What is a stent?\nassistant: `;
    expect(data.usage?.prompt_tokens).toBe(prompt.length);
    const blob = await tokensOf(response.headers.get('x-openledger-request-id') ?? '');
    expect(Buffer.from(blob.promptTokens).toString()).toBe(prompt);
    expect(blob.context?.map(({ recordId }) => recordId)).toEqual([RECORD, '']);
    expect(blob.context?.map((range) => text(blob, range))).toEqual(FRAMED);
  });

  it('leave an answer without them as it was', async () => {
    for (const context of [undefined, null, []]) {
      const { response } = await ask(context);
      const blob = await tokensOf(response.headers.get('x-openledger-request-id') ?? '');
      expect(blob).not.toHaveProperty('context');
      expect(Buffer.from(blob.promptTokens).toString()).not.toContain('Context');
    }
  });

  it('are told with every choice, also of a stream', async () => {
    const body = { model: 'cardiology', messages, n: 2, stream: true as const, context: chunks };
    const { data, response } = await fixture.openai().chat.completions.create(body).withResponse();
    const said = ['', ''];
    for await (const { choices } of data)
      for (const { index, delta } of choices) said[index] += delta.content ?? '';
    expect(said).toEqual(['A tube.', 'A tube.']);
    const ids = (response.headers.get('x-openledger-request-id') ?? '').split(/,\s*/);
    expect(ids).toHaveLength(2);
    for (const id of ids) expect((await tokensOf(id)).context).toHaveLength(2);
  });

  it('stand before each text of a completion', async () => {
    const body = { model: 'cardiology', prompt: ['A stent', 'A valve'], context: chunks };
    const { response } = await fixture.openai().completions.create(body).withResponse();
    const ids = (response.headers.get('x-openledger-request-id') ?? '').split(/,\s*/);
    const blobs = await Promise.all(ids.map(tokensOf));
    expect(blobs.map(({ promptTokens }) => Buffer.from(promptTokens).toString())).toEqual([
      `${FRAMED.join('')}A stent`,
      `${FRAMED.join('')}A valve`,
    ]);
    expect(blobs.map((blob) => blob.context?.map((range) => text(blob, range)))).toEqual([FRAMED, FRAMED]);
  });

  it('come by gRPC too', async () => {
    const address = `127.0.0.1:${fixture.gateway.grpcPort}`;
    const client = new InferenceServiceClient(address, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${KEY}`);
    const request = GenerateRequest.fromPartial({
      model: 'cardiology',
      input: { $case: 'chat', value: { messages } },
      context: [{ recordId: RECORD, text: 'A stent is a tube.' }],
    });
    let requestId = '';
    for await (const response of client.generate(request, metadata)) requestId = response.requestId;
    client.close();
    const blob = await tokensOf(requestId);
    expect(blob.context?.map((range) => text(blob, range))).toEqual(FRAMED.slice(0, 1));
  });

  it.each([
    ['context_too_large', Array.from({ length: 17 }, () => ({ text: 'x' }))],
    ['context_too_large', [{ text: 'x'.repeat(40_000) }, { text: 'x'.repeat(30_000) }]],
    ['context_length_exceeded', [{ text: 'x'.repeat(5_000) }]],
    ['context_invalid', [{ text: ' \n ' }]],
    ['context_invalid', [{ text: 'x', record_id: 'nothing of the kind' }]],
    ['request_invalid', [{ text: 'x', id: RECORD }]],
    ['request_invalid', 'A stent is a tube.'],
  ])('are refused with %s before anything is paid', async (code, context) => {
    const held = fixture.settlement.held.length;
    await expect(ask(context)).rejects.toMatchObject({ status: 400, code });
    expect(fixture.settlement.held).toHaveLength(held);
  });

  it('need a question, and a prompt that is text', async () => {
    const code = 'context_unsupported';
    const asked = { model: 'cardiology', context: chunks };
    const param = 'context';
    await expect(ask(chunks, { messages: messages.slice(0, 1) })).rejects.toMatchObject({ code, param });
    const empty = fixture.openai().completions.create({ ...asked, prompt: '' });
    await expect(empty).rejects.toMatchObject({ code: 'prompt_invalid' });
    const body = { ...asked, prompt: [65, 66] };
    await expect(fixture.openai().completions.create(body)).rejects.toMatchObject({ code, param });
  });
});
