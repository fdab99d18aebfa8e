import pg from 'pg';

/** Numbers of types in Postgres' catalogue; the driver's own declarations leave these out. */
const NUMERIC_ARRAY = 1231;
const TEXT_ARRAY = 1009;

const parserOf = pg.types.getTypeParser as (oid: number, format?: 'text' | 'binary') => unknown;

/** The driver's own, but for arrays of numeric: it reads their items as doubles, where one numeric is text. */
export const exactTypes = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    parserOf(oid === NUMERIC_ARRAY ? TEXT_ARRAY : oid, format),
};
