import { join } from 'node:path';

/** Root of the checkout; compiled benches lie three folders below `bench`. */
export const root = join(import.meta.dirname, '..', '..', '..');
export const seedlingDir = join(root, 'models', 'seedling');
export const demoDir = join(root, 'services', 'all-in-one', 'demo');
/** Made by `bench/peers/install.sh`. */
export const peersFolder = join(root, '.cache', 'peers');
export const peersPython = join(peersFolder, 'bin', 'python');
/** Made by `bench/peers/attribution/install.sh`. */
export const peerAttributionPython = join(root, '.cache', 'peers-attribution', 'bin', 'python');
