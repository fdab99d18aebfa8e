import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';

const WEI = '123456789012345678901234567890123456789';

describe('numbers from the database', () => {
  it('are exact, alone and in arrays', async () => {
    const database = await Database.open({ url: await testDatabase(), schema: 'numbers', migrations: [] });
    try {
      const sql =
        'SELECT $1::numeric AS one, ARRAY[$1::numeric, 24691357802469135] AS many, ARRAY[1, 2] AS whole';
      const [inQuery] = await database.query(sql, [WEI]);
      const [inTransaction] = await database.transaction((tx) => tx.query(sql, [WEI]));
      for (const row of [inQuery, inTransaction]) {
        expect(row).toEqual({ one: WEI, many: [WEI, '24691357802469135'], whole: [1, 2] });
      }
    } finally {
      await database.close();
    }
  });
});
