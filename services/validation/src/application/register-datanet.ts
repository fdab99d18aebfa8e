import { type DatanetCreated, RecordKind } from '@openledger/contracts';
import type { AssessmentStore } from './ports.js';

/** Keeps this service's copy of a Datanet's schema and licence. */
export class RegisterDatanet {
  constructor(private readonly store: AssessmentStore) {}

  execute(event: DatanetCreated, eventId: string): Promise<boolean> {
    const { schema } = event;
    return this.store.addDatanet(eventId, {
      datanetId: event.datanetId,
      licence: event.licence,
      schema: {
        kind: schema?.kind === RecordKind.RECORD_KIND_TEXT ? 'text' : 'instruction',
        minCharacters: schema?.minCharacters ?? 0,
        maxCharacters: schema?.maxCharacters ?? 0,
      },
    });
  }
}
