import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getBytes, hexlify, SigningKey, Transaction, Wallet } from 'ethers';
import fc from 'fast-check';
import type { UnsignedTransaction } from '../src/domain/chain/signing-policy.js';
import { DigestSigner, signatureOf } from '../src/outbound/chain/signers/digest-signer.js';
import { LocalSigner } from '../src/outbound/chain/signers/local-signer.js';
import { PolicedSigner } from '../src/outbound/chain/signers/policed-signer.js';
import { RemoteDigestKey, RemoteSigner } from '../src/outbound/chain/signers/remote-signer.js';

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const KEY = `0x${'42'.repeat(32)}`;
const OTHER_KEY = `0x${'43'.repeat(32)}`;
const { address } = new Wallet(KEY);
const CONTRACT = '0x00000000000000000000000000000000000000aa';

const transaction: UnsignedTransaction = {
  chainId: 31_337,
  nonce: 5,
  to: CONTRACT,
  data: '0x11111111',
  valueWei: 0n,
  gasLimit: 50_000n,
  maxFeeWei: 2_000_000_000n,
  tipWei: 1_000_000n,
};

function integer(value: bigint): number[] {
  const digits = value.toString(16);
  const bytes = [...Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')];
  const padded = (bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : bytes;
  return [0x02, padded.length, ...padded];
}

/** What a key service answers: DER, and s in either half. */
function der(key: string, digest: Uint8Array, high = false): Uint8Array {
  const { r, s } = new SigningKey(key).sign(digest);
  const body = [...integer(BigInt(r)), ...integer(high ? ORDER - BigInt(s) : BigInt(s))];
  return Uint8Array.from([0x30, body.length, ...body]);
}

describe('signatures of key services', () => {
  it('become the one that Ethereum takes, for any digest and either half of s', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.boolean(), (digest, high) => {
        const signature = signatureOf(der(KEY, digest, high), hexlify(digest), address);
        expect(signature.serialized).toBe(new SigningKey(KEY).sign(digest).serialized);
      }),
      { numRuns: 100 },
    );
  });

  const digest = getBytes(`0x${'11'.repeat(32)}`);
  const good = der(KEY, digest);
  const bad: [string, Uint8Array][] = [
    ['of another key', der(OTHER_KEY, digest)],
    ['empty', new Uint8Array()],
    ['with another tag', Uint8Array.from([0x31, ...good.subarray(1)])],
    ['cut short', good.subarray(0, good.length - 1)],
    ['with something behind it', Uint8Array.from([...good, 0])],
    ['with an empty integer', Uint8Array.from([0x30, 4, 0x02, 0, 0x02, 0])],
    ['with a zero', Uint8Array.from([0x30, 6, 0x02, 1, 0, 0x02, 1, 1])],
    ['with a negative number', Uint8Array.from([0x30, 6, 0x02, 1, 0x80, 0x02, 1, 1])],
    ['with needless zeros', Uint8Array.from([0x30, 7, 0x02, 2, 0, 1, 0x02, 1, 1])],
    [
      'beyond the order of the group',
      (() => {
        const body = [...integer(ORDER), ...integer(1n)];
        return Uint8Array.from([0x30, body.length, ...body]);
      })(),
    ],
  ];
  it.each(bad)('are refused %s', (_, bytes) => {
    expect(() => signatureOf(bytes, hexlify(digest), address)).toThrow(
      expect.objectContaining({ code: 'SIGNER_INVALID' }),
    );
  });
});

type Answer = (body: Record<string, unknown>, request: IncomingMessage, response: ServerResponse) => unknown;

async function withServer<T>(answer: Answer, work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const said = answer(JSON.parse(Buffer.concat(chunks).toString('utf8')), request, response);
    if (!response.writableEnded) response.end(typeof said === 'string' ? said : JSON.stringify(said));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A remote signer as Web3Signer answers; `key` and `change` make it a bad one. */
const web3signer =
  (key = KEY, change: Partial<Record<'value' | 'to', string>> = {}): Answer =>
  (body) => {
    const [asked] = body.params as [Record<string, string>];
    const { from: _, gas, ...rest }: Record<string, string | undefined> = { ...asked, ...change };
    const unsigned = Transaction.from({
      type: 2,
      chainId: BigInt(rest.chainId ?? 0),
      nonce: Number(rest.nonce),
      to: rest.to ?? null,
      data: rest.data ?? '0x',
      value: BigInt(rest.value ?? 0),
      gasLimit: BigInt(gas ?? 0),
      maxFeePerGas: BigInt(rest.maxFeePerGas ?? 0),
      maxPriorityFeePerGas: BigInt(rest.maxPriorityFeePerGas ?? 0),
    });
    unsigned.signature = new SigningKey(key).sign(unsigned.unsignedHash);
    return { jsonrpc: '2.0', id: 1, result: unsigned.serialized };
  };

describe('signers', () => {
  const policy = {
    chainId: 31_337,
    dailyCostWei: 10n ** 18n,
    rules: [{ name: 'call', to: CONTRACT, selector: '0x11111111' }],
  };
  const none = { costWei: 0n, movedWei: new Map(), marks: new Map() };

  it('all sign the same bytes', async () => {
    const expected = await new LocalSigner(KEY).sign(transaction);
    const kms = new DigestSigner(address, { signDigest: async (digest) => der(KEY, digest, true) });
    expect(await kms.sign(transaction)).toBe(expected);
    await withServer(web3signer(), async (url) => {
      expect(await new RemoteSigner(address, { url }).sign(transaction)).toBe(expected);
    });
    await withServer(
      (body) => ({ signature: hexlify(der(KEY, getBytes(String(body.digest)))) }),
      async (url) => {
        const remote = new DigestSigner(address, new RemoteDigestKey(address, { url }));
        expect(await remote.sign(transaction)).toBe(expected);
      },
    );
  });

  it('send the token as a bearer, and never show it or the URL', async () => {
    let seen: string | undefined;
    const refused = withServer(
      (_, request, response) => {
        seen = request.headers.authorization;
        response.statusCode = 403;
        return {};
      },
      (url) =>
        new RemoteSigner(address, { url: `${url}/secret-path`, token: 'secret-token' }).sign(transaction),
    );
    const error: Error = (await refused.catch((cause: Error) => cause)) as Error;
    expect(error).toMatchObject({ code: 'SIGNER_UNAVAILABLE' });
    expect(seen).toBe('Bearer secret-token');
    expect(JSON.stringify(error) + String(error.stack)).not.toMatch(/secret/);
  });

  const liars: [string, Answer, string][] = [
    ['signs with another key', web3signer(OTHER_KEY), 'SIGNER_INVALID'],
    ['sends money along', web3signer(KEY, { value: '0x1' }), 'SIGNER_INVALID'],
    ['calls somebody else', web3signer(KEY, { to: address }), 'SIGNER_INVALID'],
    ['answers with no transaction', () => ({ result: '0x1234' }), 'SIGNER_INVALID'],
    ['answers with nothing', () => ({}), 'SIGNER_INVALID'],
    ['answers with no JSON', () => 'sorry', 'SIGNER_INVALID'],
    ['answers for ever', () => 'x'.repeat(300_000), 'SIGNER_INVALID'],
    ['refuses', () => ({ error: { code: -32_000, message: 'key is locked' } }), 'SIGNER_UNAVAILABLE'],
  ];
  it.each(liars)('are not believed where one %s', async (_, answer, code) => {
    await withServer(answer, async (url) => {
      const signer = new PolicedSigner(new RemoteSigner(address, { url }), policy);
      await expect(signer.sign(transaction, 1n, none)).rejects.toMatchObject({ code });
    });
  });

  it('are not asked for what the policy refuses', async () => {
    let asked = 0;
    const key = { signDigest: async (digest: Uint8Array) => der(KEY, digest) };
    const counting = {
      signDigest: (digest: Uint8Array) => {
        asked += 1;
        return key.signDigest(digest);
      },
    };
    const signer = new PolicedSigner(new DigestSigner(address, counting), policy);
    await expect(signer.sign({ ...transaction, to: address }, 1n, none)).rejects.toMatchObject({
      code: 'SIGNER_CALL_REFUSED',
    });
    expect(asked).toBe(0);
    const signed = await signer.sign(transaction, 1n, none);
    expect(Transaction.from(signed.raw)).toMatchObject({ from: address, hash: signed.hash });
    expect(asked).toBe(1);
  });
});
