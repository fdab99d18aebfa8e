export { type Platform, startPlatform } from './platform/platform.js';
export type { PlatformOptions } from './platform/platform-options.js';
