export { type CrashOptions, type CrashResult, runCrashes } from './run-crashes.js';
