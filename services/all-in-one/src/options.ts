import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DomainError } from '@openledger/kernel';

export interface Options {
  readonly dataDir: string;
  readonly modelDir: string;
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly logLevel: string;
  /** Play the demo when the data folder is new. */
  readonly demo: boolean;
  /** End after the demo instead of serving on. */
  readonly once: boolean;
  readonly help: boolean;
}

export const USAGE = `OpenLedger, whole, in one process.

  npm start                      start; on a new data folder, play the demo first
  npm start -- --empty           start without the demo
  npm start -- --data FOLDER     keep data there (default .openledger)
  npm start -- --model FOLDER    base model, a Hugging Face folder (default models/seedling)
  npm start -- --port N          REST port (default 8080; 0 takes a free one)
  npm start -- --grpc-port N     gRPC port (default 9090; 0 takes a free one)
  npm start -- --host ADDRESS    address to listen on (default 127.0.0.1)
  npm start -- --log LEVEL       silent, error, warn (default), info, debug
  npm start -- --once            end after the demo`;

const number = (text: string, option: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new DomainError('invalid', 'OPTION_INVALID', `${option} takes a port number, not "${text}".`);
};

/** @throws DomainError OPTION_INVALID for anything unknown or malformed */
export function readOptions(args: readonly string[], root: string): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        data: { type: 'string', default: '.openledger' },
        model: { type: 'string', default: 'models/seedling' },
        host: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: '8080' },
        'grpc-port': { type: 'string', default: '9090' },
        log: { type: 'string', default: 'warn' },
        empty: { type: 'boolean', default: false },
        once: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return {
      dataDir: resolve(root, values.data),
      modelDir: resolve(root, values.model),
      host: values.host,
      httpPort: number(values.port, '--port'),
      grpcPort: number(values['grpc-port'], '--grpc-port'),
      logLevel: values.log,
      demo: !values.empty,
      once: values.once,
      help: values.help,
    };
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new DomainError('invalid', 'OPTION_INVALID', `${(error as Error).message}\n\n${USAGE}`, {
      cause: error,
    });
  }
}
