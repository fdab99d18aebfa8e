import { DomainError } from '@openledger/kernel';
import { verifyTypedData } from 'ethers';
import { Wallets } from '../application/ports.js';
import type { TypedData } from '../domain/typed-data.js';

export class EthersWallets extends Wallets {
  signerOf({ domain, types, message }: TypedData, signature: string): string {
    try {
      return verifyTypedData(domain, types, message, signature);
    } catch (cause) {
      const text = 'The signature is not 65 bytes of a secp256k1 signature in hexadecimal.';
      throw new DomainError('invalid', 'SIGNATURE_MALFORMED', text, { cause });
    }
  }
}
