import { sqlMigration } from '@openledger/persistence';

/** One row an anchor, without gaps: the next begins where the last one ends. */
export const CreateAnchors = sqlMigration(
  'CreateAnchors1763700000901',
  `
    CREATE TABLE manifest_anchor (
      first_epoch int PRIMARY KEY,
      last_epoch int NOT NULL UNIQUE CHECK (last_epoch >= first_epoch),
      root text NOT NULL UNIQUE,
      manifest text NOT NULL,
      purpose text NOT NULL UNIQUE
    );
  `,
);
