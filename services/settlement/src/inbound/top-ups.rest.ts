import { Body, Controller, Get, HttpCode, Inject, Post, Query } from '@nestjs/common';
import { Caller, organisationOf, type Principal, RequireScope } from '@openledger/auth';
import { chainAddress, wei } from '@openledger/config';
import type { Clock } from '@openledger/kernel';
import { pageLimit, parse } from '@openledger/service-host';
import { z } from 'zod';
import { AcceptVoucher } from '../application/channels/accept-voucher.js';
import type { AcceptedVoucher, SeenDeposit } from '../application/channels/channel-ports.js';
import { SettlementStore } from '../application/ports.js';

const TOP_UPS_PAGE = 100;
/** Signatures of contracts may hold several of keys. */
const SIGNATURE_CHARACTERS_MAX = 4_098;
const WITHDRAW_DELAY_MAX_S = 2_592_000;

const hex = (characters: number) => z.string().regex(new RegExp(`^0x[0-9a-fA-F]{${characters}}$`));
const NewVoucher = z.strictObject({
  chainId: z.number().int().positive(),
  channelConfig: z.strictObject({
    payer: chainAddress,
    payerAuthorizer: chainAddress,
    receiver: chainAddress,
    receiverAuthorizer: chainAddress,
    token: chainAddress,
    withdrawDelay: z.number().int().positive().max(WITHDRAW_DELAY_MAX_S),
    salt: hex(64),
  }),
  maxClaimableAmount: wei.refine((value) => value > 0n, 'more than 0 wei'),
  signature: z
    .string()
    .regex(/^0x([0-9a-fA-F]{2})+$/)
    .max(SIGNATURE_CHARACTERS_MAX),
});
const Page = z.object({ limit: pageLimit(TOP_UPS_PAGE) });

export const CLOCK = Symbol('clock of settlement');

/** Money that organisations bring: deposits in the vault, and vouchers of channels in the escrow. */
@Controller('settlement')
export class TopUpsController {
  constructor(
    @Inject(AcceptVoucher) private readonly vouchers: AcceptVoucher,
    @Inject(SettlementStore) private readonly store: SettlementStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Credits at once what a voucher allows beyond the one before; the chain follows. */
  @Post('vouchers')
  @HttpCode(200)
  @RequireScope('balance:read')
  async accept(@Body() body: unknown, @Caller() caller: Principal) {
    const { chainId, channelConfig, maxClaimableAmount, signature } = parse(NewVoucher, body);
    const answer = await this.vouchers.run(
      organisationOf(caller),
      { chainId, config: channelConfig, maxClaimableWei: maxClaimableAmount, signature },
      this.clock.now(),
    );
    return {
      channelId: answer.channelId,
      increaseWei: answer.increaseWei.toString(),
      acceptedWei: answer.acceptedWei.toString(),
      claimedWei: answer.claimedWei.toString(),
      depositedWei: answer.depositedWei.toString(),
    };
  }

  /** The newest deposits and vouchers of the caller's organisation, with where the chain has them. */
  @Get('top-ups')
  @RequireScope('balance:read')
  async list(@Query() query: unknown, @Caller() caller: Principal) {
    const { limit } = parse(Page, query);
    const organisationId = organisationOf(caller);
    const found = await this.store.transaction(async (tx) => ({
      deposits: await tx.channels.depositsOf(organisationId, limit),
      vouchers: await tx.channels.vouchersOf(organisationId, limit),
    }));
    return {
      deposits: found.deposits.map(depositView),
      vouchers: found.vouchers.map(voucherView),
    };
  }
}

const depositView = (deposit: SeenDeposit) => ({
  transactionHash: deposit.transactionHash,
  blockNumber: deposit.blockNumber,
  from: deposit.from,
  amountWei: deposit.amountWei.toString(),
  state: deposit.state,
});

const voucherView = (voucher: AcceptedVoucher) => ({
  channelId: voucher.channelId,
  maxClaimableWei: voucher.maxClaimableWei.toString(),
  increaseWei: voucher.increaseWei.toString(),
  acceptedAt: voucher.acceptedAt,
  state: voucher.state,
});
