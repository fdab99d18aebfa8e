import type { Env } from '@openledger/config';

export interface PlatformOptions {
  readonly dataDir: string;
  readonly modelDir: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly logLevel: string;
  /** Added to the environment of every service: `EVENT_LOG=kafka` and the like. */
  readonly env: Env;
  readonly onStarting: (part: string) => void;
}
