/** What a contributor signs (EIP-712): which records, for which Datanet, under which licence. */
export interface SignedContribution {
  readonly datanetId: string;
  readonly contributionId: string;
  /** 64 hexadecimal digits. */
  readonly merkleRoot: string;
  readonly recordCount: number;
  readonly licence: string;
}

const CONTRIBUTION_TYPE = [
  { name: 'datanetId', type: 'string' },
  { name: 'contributionId', type: 'string' },
  { name: 'merkleRoot', type: 'bytes32' },
  { name: 'recordCount', type: 'uint256' },
  { name: 'licence', type: 'string' },
];

/** As a wallet's `signTypedData` takes it. */
export function typedData(contribution: SignedContribution, chainId: number) {
  const { datanetId, contributionId, merkleRoot, recordCount, licence } = contribution;
  return {
    domain: { name: 'OpenLedger', version: '1', chainId },
    types: { Contribution: CONTRIBUTION_TYPE },
    primaryType: 'Contribution' as const,
    message: { datanetId, contributionId, merkleRoot: `0x${merkleRoot}`, recordCount, licence },
  };
}

export type TypedData = ReturnType<typeof typedData>;
