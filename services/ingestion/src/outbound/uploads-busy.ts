import { DomainError } from '@openledger/kernel';

export const uploadsBusy = () =>
  new DomainError('exhausted', 'UPLOADS_BUSY', 'Too many uploads are being read: try again shortly.');
