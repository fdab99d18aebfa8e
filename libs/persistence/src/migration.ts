import type { MigrationInterface, QueryRunner } from 'typeorm';

export type MigrationClass = new () => MigrationInterface;

/**
 * Makes a forward-only migration from SQL. `name` ends in a 13-digit time stamp, by which TypeORM
 * orders them: `CreateLedger1700000000001`.
 */
export function sqlMigration(name: string, up: string): MigrationClass {
  return class implements MigrationInterface {
    readonly name = name;

    async up(runner: QueryRunner): Promise<void> {
      await runner.query(up);
    }

    down(): Promise<void> {
      return Promise.reject(new Error(`${name} only goes forward: restore a backup instead`));
    }
  };
}
