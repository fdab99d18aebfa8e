import { DomainError } from '@openledger/kernel';
import { getAddress, verifyMessage } from 'ethers';
import { Wallets } from '../application/ports.js';

/** Externally owned accounts; wallets that are contracts (ERC-1271) cannot log in. */
export class EthersWallets extends Wallets {
  checkSignature(message: string, signature: string, address: string): void {
    if (attempt(() => getAddress(address)) !== address) {
      const text = 'Write the address with its EIP-55 checksum.';
      throw new DomainError('invalid', 'SIWE_MESSAGE_MALFORMED', text);
    }
    if (attempt(() => verifyMessage(message, signature)) !== address) {
      const text = `The message was not signed by ${address}: sign it, unchanged, with personal_sign.`;
      throw new DomainError('unauthenticated', 'SIWE_SIGNATURE_INVALID', text);
    }
  }
}

/** ethers throws on what it cannot read; to us it is one more wrong answer. */
function attempt(run: () => string): string | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
