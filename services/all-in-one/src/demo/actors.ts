import { OpenToken, PrepaidVault, payerAccount, sendAndWait } from '@openledger/onchain';
import { Wallet } from 'ethers';
import type { PlatformChain } from '../platform/chain.js';
import type { Client } from './client.js';
import { ApiKey, Balance, Chain, Organisation } from './pages.js';

const OPEN = 10n ** 18n;

export interface Actor {
  readonly name: string;
  readonly wallet: Wallet;
  readonly personId: string;
  readonly client: Client;
}

export interface Company extends Actor {
  readonly organisationId: string;
  readonly apiKey: string;
}

export async function arrive(client: Client, name: string): Promise<Actor> {
  const wallet = Wallet.createRandom() as unknown as Wallet;
  return { name, wallet, ...(await client.login(wallet, name)) };
}

/** Founds an organisation and makes the API key with which it builds, asks and reads its balance. */
export async function found(client: Client, name: string): Promise<Company> {
  const founder = await arrive(client, name);
  const { organisationId } = await founder.client.post('/organisations', { name }, Organisation);
  const scopes = ['datanets:write', 'training:write', 'inference:invoke', 'balance:read'];
  const { key } = await founder.client.post(
    '/api-keys',
    { organisationId, name: 'first key', scopes },
    ApiKey,
  );
  return { ...founder, organisationId, apiKey: key, client: client.withCredential(key) };
}

/** Prepays: the company approves and deposits OPEN in the vault, and waits until settlement has seen it. */
export async function prepay(company: Company, chain: PlatformChain, amountOpen: bigint): Promise<void> {
  const { provider } = chain.chain;
  const amountWei = amountOpen * OPEN;
  await chain.fundAccount(company.wallet.address, amountWei);
  const addresses = await company.client.get('/settlement/chain', Chain);
  const token = new OpenToken(addresses.token, provider);
  const vault = new PrepaidVault(addresses.vault, provider);
  const signer = company.wallet.connect(provider);
  await sendAndWait(signer, token.approve(addresses.vault, amountWei));
  await sendAndWait(signer, vault.deposit(payerAccount(company.organisationId), amountWei));
  await company.client.until(
    '/settlement/balance',
    Balance,
    ({ availableWei }) => BigInt(availableWei) >= amountWei,
  );
}
