import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '@openledger/kernel';
import type { UploadForm } from '../application/ports.js';

const FORMATS: Readonly<Record<string, UploadForm['format']>> = {
  'application/x-ndjson': 'jsonl',
  'application/jsonl': 'jsonl',
  'text/csv': 'csv',
  'text/plain': 'text',
};

/** What the headers say about the body. @throws DomainError CONTENT_TYPE_UNSUPPORTED */
export function uploadForm(headers: IncomingHttpHeaders): UploadForm {
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';');
  const format = Object.hasOwn(FORMATS, type.trim()) ? FORMATS[type.trim()] : undefined;
  if (format === undefined) {
    throw unsupported(`Send ${Object.keys(FORMATS).join(', ')}; this is "${type.trim()}".`);
  }
  const charset = parameters.map((text) => text.trim()).find((text) => text.startsWith('charset='));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw unsupported(`Records are UTF-8; this says ${charset}.`);
  }
  const encoding = (headers['content-encoding'] ?? 'identity').toLowerCase();
  if (encoding !== 'identity' && encoding !== 'gzip') {
    throw unsupported(`Send the body plain or with content-encoding gzip; this is "${encoding}".`);
  }
  return { format, gzip: encoding === 'gzip' };
}

const unsupported = (message: string) => new DomainError('invalid', 'CONTENT_TYPE_UNSUPPORTED', message);
