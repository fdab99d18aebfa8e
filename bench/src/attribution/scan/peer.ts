import { DomainError } from '@openledger/kernel';
import type { BenchContext } from '../../bench.js';
import { PeerProcess } from '../../peer-process.js';

/** What `vector_scan.py` measures: numpy's product, faiss without and with 8-bit scalar quantisation. */
export const peerVariants = ['numpy', 'flat', 'sq8'] as const;

/** The libraries of Python, or nothing where they are not installed. */
export async function openPeer(
  { log }: BenchContext,
  options: { readonly rows: number; readonly k: number; readonly top: number; readonly threads: number },
): Promise<PeerProcess | undefined> {
  try {
    return await PeerProcess.python('vector_scan.py', options);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    log(error.message);
    return undefined;
  }
}
