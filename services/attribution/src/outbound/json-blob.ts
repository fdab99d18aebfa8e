import type { BlobStore } from '@openledger/blob-store';
import { canonicalJson } from '@openledger/kernel';

export const readJson = async (blobs: BlobStore, digest: string): Promise<unknown> =>
  JSON.parse(Buffer.from(await blobs.get(digest)).toString('utf8'));

/** Canonical, so that who computes the same finds it by the same digest. Members that are undefined are left out. */
export const storeJson = (blobs: BlobStore, value: object): Promise<string> =>
  blobs.put(Buffer.from(canonicalJson(JSON.parse(JSON.stringify(value)))));
