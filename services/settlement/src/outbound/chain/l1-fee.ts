import { Interface, type Provider } from 'ethers';

/** GasPriceOracle, at the same address on every chain of the OP Stack (specs.optimism.io, predeploys). */
const ORACLE = '0x420000000000000000000000000000000000000F';
const oracle = new Interface(['function getL1Fee(bytes) view returns (uint256)']);
/** The price of data moves between the estimate and the inclusion. */
const MARGIN_PERCENT = 130n;

/** What a rollup charges for writing a transaction to the chain below, beside its own gas; 0 on other chains. */
export class L1Fee {
  private present: boolean | undefined;

  constructor(private readonly provider: Provider) {}

  async of(unsignedTransaction: string): Promise<bigint> {
    this.present ??= (await this.provider.getCode(ORACLE)) !== '0x';
    if (!this.present) return 0n;
    const answer = await this.provider.call({
      to: ORACLE,
      data: oracle.encodeFunctionData('getL1Fee', [unsignedTransaction]),
    });
    return (BigInt(oracle.decodeFunctionResult('getL1Fee', answer)[0]) * MARGIN_PERCENT) / 100n;
  }
}
