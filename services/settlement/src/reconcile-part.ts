import { CompareEndpoints } from './application/chain/compare-endpoints.js';
import { AcceptVoucher } from './application/channels/accept-voucher.js';
import { ClaimChannels } from './application/channels/claim-channels.js';
import { SettlementStore } from './application/ports.js';
import { Reconcile } from './application/reconciliation/reconcile.js';
import { ResolveCase } from './application/reconciliation/resolve-case.js';
import { CasesController } from './inbound/cases.rest.js';
import { CLOCK, TopUpsController } from './inbound/top-ups.rest.js';
import { EscrowChannels } from './outbound/channels/escrow-channels.js';
import { EthereumBooks } from './outbound/reconciliation/ethereum-books.js';
import type { Base, Part } from './part.js';

const CLAIM_EVERY_MS = 5_000;
const RECONCILE_CHECK_MS = 5_000;

/** Money by voucher, and the comparison of chain and books. */
export function reconcilePart({ host, config, store, chain }: Base): Part {
  const channels = new EscrowChannels(chain.escrow, {
    chainId: config.CHAIN_ID,
    receiver: config.CHAIN_VAULT_ADDRESS,
    receiverAuthorizer: chain.sender.address,
    token: config.CHAIN_TOKEN_ADDRESS,
  });
  const books = new EthereumBooks(chain.provider, {
    chainId: config.CHAIN_ID,
    token: config.CHAIN_TOKEN_ADDRESS,
    vault: config.CHAIN_VAULT_ADDRESS,
    distributor: config.CHAIN_DISTRIBUTOR_ADDRESS,
    escrow: config.CHAIN_ESCROW_ADDRESS,
    stakeRegistry: config.CHAIN_STAKE_REGISTRY_ADDRESS,
  });
  const claim = new ClaimChannels(store, channels, config.SETTLEMENT_VOUCHER_CLAIM_MS);
  const reconcile = new Reconcile(store, books, chain.reader, {
    everyBlocks: config.SETTLEMENT_RECONCILE_BLOCKS,
    everyMs: config.SETTLEMENT_RECONCILE_MS,
    onCase: (difference) => host.log.error({ difference }, 'chain and books differ: a case is open'),
  });
  const now = () => host.clock.now();
  return {
    controllers: [TopUpsController, CasesController],
    providers: [
      { provide: SettlementStore, useValue: store },
      { provide: CLOCK, useValue: host.clock },
      { provide: AcceptVoucher, useValue: new AcceptVoucher(store, channels) },
      { provide: ResolveCase, useValue: new ResolveCase(store) },
      { provide: CompareEndpoints, useValue: chain.reader },
    ],
    loops: [
      { name: 'claim vouchers', everyMs: CLAIM_EVERY_MS, work: () => claim.run(now()) },
      { name: 'reconcile', everyMs: RECONCILE_CHECK_MS, work: () => reconcile.runIfDue(now()) },
    ],
  };
}
