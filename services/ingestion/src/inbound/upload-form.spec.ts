import type { DomainError } from '@openledger/kernel';
import { uploadForm } from './upload-form.js';

describe('uploadForm', () => {
  it.each([
    [{ 'content-type': 'application/x-ndjson' }, { format: 'jsonl', gzip: false }],
    [{ 'content-type': 'Text/CSV; header=present; charset=UTF-8' }, { format: 'csv', gzip: false }],
    [
      { 'content-type': 'text/plain', 'content-encoding': 'GZIP' },
      { format: 'text', gzip: true },
    ],
  ])('reads %j', (headers, form) => {
    expect(uploadForm(headers)).toEqual(form);
  });

  it.each([
    [{}],
    [{ 'content-type': 'application/json' }],
    [{ 'content-type': 'constructor' }],
    [{ 'content-type': 'text/csv; charset=latin1' }],
    [{ 'content-type': 'text/csv', 'content-encoding': 'br' }],
    [{ 'content-type': 'text/csv', 'content-encoding': 'gzip, gzip' }],
  ])('refuses %j', (headers) => {
    let code: string | undefined;
    try {
      uploadForm(headers);
    } catch (error) {
      code = (error as DomainError).code;
    }
    expect(code).toBe('CONTENT_TYPE_UNSUPPORTED');
  });
});
